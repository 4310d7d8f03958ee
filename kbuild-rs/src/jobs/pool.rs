//! The pool: tokens for all kbuild-rs processes of one build tree, if the outer build has no
//! jobserver.
//!
//! A fifo with a lock beside it. Eight processes with `-jN` each would run 8N compilers; with one
//! fifo they run N. If one of these rules were missing, tokens would get lost or doubled:
//!
//! - A process that holds tokens, or is about to draw one, holds the lock shared. A waiter holds no
//!   lock: it would hide from others that all tokens are free.
//! - A process that gets the lock exclusively knows that no token is in use. It empties the fifo,
//!   fills it, and turns the lock into a shared one. Another process may come in between and fill
//!   it again, so the first token is drawn like any other, and may be missing.
//! - Each make needs a token that was drawn for it: the one that GNU make uses without asking.
//! - make inherits the lock. When kbuild-rs is killed, the lock is held until the last compiler has
//!   ended; then a process gets it exclusively, and there are N tokens again.
//! - A make that was killed took its tokens with it. The tokens drawn for it are not given back,
//!   because its compilers may still run, and the lock is closed without being unlocked.
//!
//! The fifo's tokens exist while a process has it open. That is enough, because the next process
//! fills it again. A pool in use keeps the size that its first user gave it. Another `-jN` applies
//! when the pool is filled again. `-j1` always means one job.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::channel::Channel;
use super::make_jobs::MakeJobs;
use super::place;
use crate::error::Sink;
use crate::sys::{Hash, Writer};
use crate::{Error, Result, sys};

const FIFO: &str = "jobs";
pub(crate) const LOCK: &str = "jobs.lock";

/// More than the cores of any machine, and few enough for one write into a fifo.
const MOST: usize = 4096;

#[derive(Debug)]
pub(crate) struct Pool {
    folder: PathBuf,
    writer: Writer,
    size: usize,
    channel: Channel,
    /// The lock that is held while this process has tokens. makes inherit it.
    member: Option<File>,
    /// A make was killed, and its compilers may still hold the lock.
    lost: bool,
}

impl Pool {
    /// The pool in `folder`. If that folder cannot hold one, a folder of the user that belongs to
    /// it holds the pool. `make_folder` creates `folder`.
    pub(crate) fn open(
        folder: &Path,
        make_folder: fn(&Path) -> Result<Writer>,
        size: usize,
        sink: &Sink,
    ) -> Result<Pool> {
        let first = make_folder(folder).and_then(|writer| Pool::in_folder(writer, folder, size));
        first.or_else(|error| match users_folder(folder) {
            Some(other) => {
                let place = other.path.display();
                sink.note(&format!(
                    "builds share their jobs through {place} instead: {error}"
                ));
                Pool::in_folder(other.writer, &other.path, size)
            }
            None => Err(error),
        })
    }

    fn in_folder(writer: Writer, folder: &Path, size: usize) -> Result<Pool> {
        check_locks(&writer, folder)?;
        Ok(Pool {
            folder: folder.to_owned(),
            channel: open_channel(&writer, folder)?,
            writer,
            size: size.min(MOST),
            member: None,
            lost: false,
        })
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Draws a token if one is free.
    pub(crate) fn draw(&mut self) -> Result<Option<u8>> {
        let folder = self.folder.clone();
        let failed = |e| Error::reading("use the pool of jobs in", &folder, e);
        if self.member.is_some() {
            return self.channel.take().map_err(failed);
        }
        let (lock, fifo) = (self.folder.join(LOCK), self.folder.join(FIFO));
        // `clean` removes both files while it holds the lock.
        let file = self.writer.open_lock(&lock)?;
        let alone = sys::try_lock(&file).map_err(failed)?;
        if alone && !is_at(&file, &lock) {
            return Ok(None);
        }
        if !is_at(self.channel.file(), &fifo) {
            self.channel = open_channel(&self.writer, &self.folder)?;
        }
        if alone {
            while self.channel.take().map_err(failed)?.is_some() {}
            self.channel.give(&vec![b'+'; self.size]);
        } else if !sys::wait_readable(self.channel.file(), Duration::ZERO) {
            return Ok(None);
        }
        let shared = sys::try_share(&file).map_err(failed)?;
        if !shared || !is_at(&file, &lock) || !is_at(self.channel.file(), &fifo) {
            return Ok(None);
        }
        let token = self.channel.take().map_err(failed)?;
        if token.is_some() {
            self.member = Some(file);
        }
        Ok(token)
    }

    /// Leaves the pool after the last token was given back.
    pub(crate) fn leave(&mut self) {
        if let Some(lock) = self.member.take() {
            // A server that a compiler wrapper started may have inherited the lock, and lives on.
            if !self.lost {
                sys::unlock(&lock);
            }
            self.lost = false;
        }
    }

    pub(crate) fn lose(&mut self) {
        self.lost = true;
    }

    pub(crate) fn hand(&self, make: &Path) -> Result<MakeJobs> {
        let fifo = self.folder.join(FIFO);
        match self.size {
            1 => Ok(MakeJobs::jobs(1)),
            _ => MakeJobs::fifo(&fifo, make).map_err(|e| Error::writing("open", &fifo, e)),
        }
    }

    /// A descriptor that children inherit. It keeps the pool in use until the last child has ended.
    pub(crate) fn lock(&self) -> Option<RawFd> {
        self.member.as_ref().map(AsRawFd::as_raw_fd)
    }
}

/// Whether a pool has a file of this name.
pub(crate) fn is_pool_file(name: &OsStr) -> bool {
    name == FIFO || name == LOCK
}

/// Removes the pool in `folder` unless it is in use.
pub(crate) fn remove_pool(writer: &Writer, folder: &Path) {
    let Ok(Some(lock)) = writer.open_file(&folder.join(LOCK)) else {
        return;
    };
    if sys::try_lock(&lock).unwrap_or(false) {
        for name in [FIFO, LOCK] {
            let _ = writer.remove_file(&folder.join(name));
        }
    }
}

/// Fails in a folder that has no locks, or whose locks reach other machines, because its fifos do
/// not.
pub(crate) fn check_locks(writer: &Writer, folder: &Path) -> Result<()> {
    let failed = |e| Error::writing("share jobs in", folder, e);
    if sys::is_remote(folder) {
        return Err(failed(io::ErrorKind::Unsupported.into()));
    }
    let lock = writer.open_lock(&folder.join(LOCK))?;
    if sys::try_share(&lock).map_err(failed)? {
        sys::unlock(&lock);
    }
    Ok(())
}

fn open_channel(writer: &Writer, folder: &Path) -> Result<Channel> {
    let path = folder.join(FIFO);
    match writer.make_fifo(&path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
            return Err(Error::writing("create", &path, e));
        }
        _ => {}
    }
    Ok(Channel::of_fifo(writer.open_fifo(&path)?))
}

pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    let same = |there: std::fs::Metadata| file.metadata().is_ok_and(|own| own.ino() == there.ino());
    std::fs::symlink_metadata(path).is_ok_and(same)
}

/// The place of the pool of `folder` if `folder` cannot hold it.
fn users_folder(folder: &Path) -> Option<place::Folder> {
    let mut hash = Hash::new();
    hash.add(folder.as_os_str().as_encoded_bytes());
    place::of_user(format!("pool-{:016x}", hash.value()))
}

#[cfg(test)]
mod tests {
    use tempfile::tempdir;

    use super::*;

    fn open_folder(folder: &Path) -> Result<Writer> {
        Ok(Writer::new([sys::Root::open(folder)?]))
    }

    /// A pool with the locks of another process.
    fn process(folder: impl AsRef<Path>, size: usize) -> Pool {
        Pool::open(folder.as_ref(), open_folder, size, &Sink::silent()).unwrap()
    }

    fn draw_all(pool: &mut Pool) -> Vec<u8> {
        std::iter::from_fn(|| pool.draw().unwrap()).collect()
    }

    fn give_back(pool: &mut Pool, tokens: &[u8]) {
        pool.channel().give(tokens);
        pool.leave();
    }

    #[test]
    fn a_pool_in_use_keeps_its_size_and_the_next_user_gives_it_another() {
        let dir = tempdir().unwrap();
        let (mut first, mut second) = (process(&dir, 3), process(&dir, 5));
        let one = first.draw().unwrap().unwrap();
        let others = draw_all(&mut second);
        assert_eq!(others.len(), 2);
        give_back(&mut second, &others);
        assert_eq!(draw_all(&mut second).len(), 2);
        give_back(&mut second, &others);
        give_back(&mut first, &[one]);
        assert_eq!(draw_all(&mut second).len(), 5);
        assert_eq!(first.draw().unwrap(), None);
    }

    #[test]
    fn tokens_that_were_lost_are_there_again_when_nobody_holds_any() {
        let dir = tempdir().unwrap();
        let (mut dead, mut other) = (process(&dir, 3), process(&dir, 3));
        let one = other.draw().unwrap().unwrap();
        assert_eq!(draw_all(&mut dead).len(), 2);
        drop(dead);
        // A process still works, so lost tokens cannot be told from held ones.
        let mut waiting = process(&dir, 3);
        assert_eq!(waiting.draw().unwrap(), None);
        give_back(&mut other, &[one]);
        assert_eq!(draw_all(&mut waiting).len(), 3);
    }

    #[test]
    fn a_compiler_that_outlives_a_killed_make_keeps_the_pool_in_use() {
        let dir = tempdir().unwrap();
        let (mut pool, mut other) = (process(&dir, 2), process(&dir, 2));
        assert_eq!(draw_all(&mut pool).len(), 2);
        // A compiler holds the lock too.
        let compiler = pool.member.as_ref().unwrap().try_clone().unwrap();
        pool.lose();
        pool.leave();
        assert_eq!(other.draw().unwrap(), None);
        drop(compiler);
        assert_eq!(draw_all(&mut other).len(), 2);
    }

    #[test]
    fn a_pool_that_was_removed_is_made_again_unless_it_is_in_use() {
        let dir = tempdir().unwrap();
        let dir = dir.path();
        let (mut pool, mut other) = (process(dir, 2), process(dir, 2));
        let one = pool.draw().unwrap().unwrap();
        remove_pool(&open_folder(dir).unwrap(), dir);
        assert!(dir.join(FIFO).exists());
        give_back(&mut pool, &[one]);
        remove_pool(&open_folder(dir).unwrap(), dir);
        assert!(!dir.join(FIFO).exists() && !dir.join(LOCK).exists());
        assert_eq!(draw_all(&mut other).len(), 2);
        assert_eq!(pool.draw().unwrap(), None);
    }

    #[test]
    fn a_file_in_the_way_is_not_used_as_a_pool() {
        let dir = tempdir().unwrap();
        let dir = dir.path();
        std::fs::write(dir.join(FIFO), "").unwrap();
        let writer = open_folder(dir).unwrap();
        let error = Pool::in_folder(writer, dir, 2).unwrap_err().to_string();
        assert!(error.contains("is not a fifo"), "{error}");
    }

    /// Threads stand for processes, because each has its own open file descriptions.
    #[test]
    fn however_many_come_and_go_no_more_tokens_are_out_than_the_pool_has() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let dir = tempdir().unwrap();
        let (out, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let mut pool = process(&dir, 3);
                        let Some(token) = pool.draw().unwrap() else {
                            continue;
                        };
                        most.fetch_max(out.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        out.fetch_sub(1, Ordering::SeqCst);
                        give_back(&mut pool, &[token]);
                    }
                });
            }
        });
        assert!((1..=3).contains(&most.into_inner()));
        assert_eq!(draw_all(&mut process(&dir, 3)).len(), 3);
    }
}
