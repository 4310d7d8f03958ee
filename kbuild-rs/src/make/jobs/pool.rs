//! The pool: tokens for all kbuild-rs processes of one build tree, where the outer build has no
//! jobserver.
//!
//! A fifo with a lock beside it. Eight processes with `-jN` each would be N² compilers; with one
//! fifo they are N. The rules, each of them there because without it tokens get lost or doubled:
//!
//! - Who holds tokens, or is about to draw one, holds the lock shared. A waiter holds nothing: it
//!   would keep others from seeing that nobody has tokens any more.
//! - Who gets the lock exclusively knows that no token is out. It empties the fifo, fills it, and
//!   turns the lock into a shared one. Somebody may come in between and fill it again, so that the
//!   first token is drawn like any other, and may not be there.
//! - Each make needs a token that was drawn for it; it is the one that GNU make has without
//!   asking.
//! - make inherits the lock. When kbuild-rs is killed, it is held until the last compiler is gone;
//!   then somebody gets it exclusively, and there are N tokens again.
//! - A make that was killed took its tokens with it. What was drawn for it is not given back, as
//!   its compilers may still run, and the lock is let go without being unlocked.
//!
//! The fifo's tokens live as long as somebody has it open, which is long enough: the next one
//! fills it. While the pool is in use it has the size of whoever filled it; another `-jN` counts
//! when it is filled next. `-j1` means one job in any case.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::advertised::open_fifo;
use super::handed::Handed;
use super::tokens::Channel;
use crate::identity::Hash;
use crate::{Error, Result, sys};

const FIFO: &str = "jobs";
const LOCK: &str = "jobs.lock";

/// More than any machine has cores, and few enough for one write into a fifo.
const MOST: usize = 4096;

#[derive(Debug)]
pub(super) struct Pool {
    folder: PathBuf,
    size: usize,
    channel: Channel,
    /// A lock that is held while there are tokens in our hands, and what makes inherit.
    member: Option<File>,
    /// A make was killed: its compilers may hold the lock with us.
    lost: bool,
}

impl Pool {
    /// The pool in `folder`, or where that cannot hold one, in a folder of the user's that
    /// belongs to it. `make_folder` makes the first.
    pub(super) fn open(
        folder: &Path,
        make_folder: fn(&Path) -> Result<()>,
        size: usize,
    ) -> Result<Pool> {
        let first = make_folder(folder).and_then(|()| Pool::in_folder(folder, size));
        first.or_else(|error| match users_folder(folder) {
            Some(other) => Pool::in_folder(&other, size),
            None => Err(error),
        })
    }

    fn in_folder(folder: &Path, size: usize) -> Result<Pool> {
        let failed = |e| Error::io("make a pool of jobs in", folder, e);
        if sys::is_remote(folder) {
            return Err(failed(io::ErrorKind::Unsupported.into()));
        }
        let lock = open_lock(folder).map_err(failed)?;
        // Some file systems have no locks.
        if sys::try_share(&lock).map_err(failed)? {
            sys::unlock(&lock);
        }
        Ok(Pool {
            folder: folder.to_owned(),
            size: size.min(MOST),
            channel: open_channel(folder).map_err(failed)?,
            member: None,
            lost: false,
        })
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Draws a token if there is one.
    pub(super) fn draw(&mut self) -> Result<Option<u8>> {
        self.try_draw()
            .map_err(|e| Error::io("use the pool of jobs in", &self.folder, e))
    }

    fn try_draw(&mut self) -> io::Result<Option<u8>> {
        if self.member.is_some() {
            return self.channel.take();
        }
        let (lock, fifo) = (self.folder.join(LOCK), self.folder.join(FIFO));
        // `clean` removes both, with the lock in its hands.
        let file = open_lock(&self.folder)?;
        let alone = sys::try_lock(&file)?;
        if alone && !is_at(&file, &lock) {
            return Ok(None);
        }
        if !is_at(self.channel.file(), &fifo) {
            self.channel = open_channel(&self.folder)?;
        }
        if alone {
            while self.channel.take()?.is_some() {}
            self.channel.give(&vec![b'+'; self.size]);
        } else if !sys::wait_readable(self.channel.file(), Duration::ZERO) {
            return Ok(None);
        }
        if !sys::try_share(&file)? || !is_at(&file, &lock) || !is_at(self.channel.file(), &fifo) {
            return Ok(None);
        }
        let token = self.channel.take()?;
        if token.is_some() {
            self.member = Some(file);
        }
        Ok(token)
    }

    /// The last token was given back.
    pub(super) fn leave(&mut self) {
        if let Some(lock) = self.member.take() {
            // A server that a compiler wrapper started may have inherited it, and lives on.
            if !self.lost {
                sys::unlock(&lock);
            }
            self.lost = false;
        }
    }

    pub(super) fn lose(&mut self) {
        self.lost = true;
    }

    pub(super) fn hand(&self, make: &Path) -> Result<Handed> {
        let fifo = self.folder.join(FIFO);
        match self.size {
            1 => Ok(Handed::jobs(1)),
            _ => Handed::fifo(&fifo, make).map_err(|e| Error::io("open", &fifo, e)),
        }
    }

    /// What children inherit, so that the pool is in use until the last one is gone.
    pub(super) fn lock(&self) -> Option<RawFd> {
        self.member.as_ref().map(AsRawFd::as_raw_fd)
    }
}

/// Removes the pool in `folder` unless it is in use.
pub(crate) fn remove_pool(folder: &Path) {
    let Ok(lock) = File::open(folder.join(LOCK)) else {
        return;
    };
    if sys::try_lock(&lock).unwrap_or(false) {
        for name in [FIFO, LOCK] {
            let _ = std::fs::remove_file(folder.join(name));
        }
    }
}

fn open_lock(folder: &Path) -> io::Result<File> {
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(folder.join(LOCK))
}

fn open_channel(folder: &Path) -> io::Result<Channel> {
    let path = folder.join(FIFO);
    match sys::make_fifo(&path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
        _ => {}
    }
    let file = open_fifo(&path).map_err(io::Error::other)?;
    if file.metadata()?.uid() != sys::effective_uid() {
        return Err(io::Error::other("it belongs to another user"));
    }
    Ok(Channel::of_fifo(file))
}

fn is_at(file: &File, path: &Path) -> bool {
    let same = |there: std::fs::Metadata| file.metadata().is_ok_and(|own| own.ino() == there.ino());
    std::fs::metadata(path).is_ok_and(same)
}

/// Where the pool of `folder` lies when it cannot lie there: with what runs for this user, else
/// in the cache folder.
fn users_folder(folder: &Path) -> Option<PathBuf> {
    let absolute = |name: &str| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let base = absolute("XDG_RUNTIME_DIR")
        .filter(|dir| dir.is_dir())
        .or_else(|| absolute("XDG_CACHE_HOME"))
        .or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    let mut hash = Hash::new();
    hash.add(folder.as_os_str().as_encoded_bytes());
    let folder = base.join(format!("kbuild-rs/pool-{:016x}", hash.value()));
    let made = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder);
    let own = made.and_then(|()| folder.metadata()).ok()?;
    (own.uid() == sys::effective_uid()).then_some(folder)
}
