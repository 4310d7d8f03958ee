//! The token of a build script or of a Ninja, for all processes that it started.
//!
//! Cargo gives a build script one token, and make gives Ninja one; further tokens are drawn from
//! the jobserver. If a Ninja that draws none is in between, several kbuild-rs processes run at
//! once, and only one of them may use that token: the one that holds the lock. make inherits the
//! lock, as it does a pool's. When each process used a token of its own, `-j4` ran seven compilers.

use std::fs::File;
use std::os::fd::{AsRawFd, RawFd};
use std::path::{Path, PathBuf};

use super::pool::{LOCK, check_locks, is_at};
use crate::sys::Writer;
use crate::{Error, Result, sys};

#[derive(Debug)]
pub(crate) struct OwnToken {
    folder: PathBuf,
    writer: Writer,
    held: Option<File>,
    /// A make was killed, and its compilers may still hold the lock.
    lost: bool,
}

impl OwnToken {
    /// The token of all processes that name this folder.
    pub(crate) fn in_folder(writer: Writer, folder: &Path) -> Result<OwnToken> {
        check_locks(&writer, folder)?;
        Ok(OwnToken {
            folder: folder.to_owned(),
            writer,
            held: None,
            lost: false,
        })
    }

    /// Takes the token if it is free.
    pub(crate) fn take(&mut self) -> Result<bool> {
        if self.held.is_some() {
            return Ok(false);
        }
        let path = self.folder.join(LOCK);
        let file = self.writer.open_lock(&path)?;
        // `clean` removes the file while it holds the lock.
        let locked = sys::try_lock(&file).map_err(|e| Error::writing("lock", &path, e))?;
        self.held = (locked && is_at(&file, &path)).then_some(file);
        Ok(self.held.is_some())
    }

    pub(crate) fn give(&mut self) {
        if let Some(lock) = self.held.take() {
            // A server that a compiler wrapper started may have inherited the lock, and lives on.
            if !self.lost {
                sys::unlock(&lock);
            }
            self.lost = false;
        }
    }

    pub(crate) fn lose(&mut self) {
        self.lost = self.held.is_some();
    }

    /// A descriptor that children inherit. It keeps the token taken until the last child has ended.
    pub(crate) fn lock(&self) -> Option<RawFd> {
        self.held.as_ref().map(AsRawFd::as_raw_fd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_several_processes_has_it_until_the_last_of_its_children_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let own = || {
            let writer = Writer::new([sys::Root::open(dir).unwrap()]);
            OwnToken::in_folder(writer, dir).unwrap()
        };
        let (mut one, mut other) = (own(), own());
        assert!(one.take().unwrap());
        assert!(!one.take().unwrap() && !other.take().unwrap());
        one.give();
        assert!(other.take().unwrap());
        // A compiler of a killed make.
        let compiler = other.held.as_ref().unwrap().try_clone().unwrap();
        other.lose();
        other.give();
        assert!(!one.take().unwrap());
        drop(compiler);
        assert!(one.take().unwrap());
    }
}
