//! `flock`: a lock belongs to an open file, and to all processes that inherited it.

use std::fs::File;
use std::io;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// Takes an exclusive `flock` without waiting; `false` if another process holds it.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    now(file, FlockOperation::NonBlockingLockExclusive)
}

/// Takes a shared `flock` without waiting, or turns an exclusive one into a shared one; `false` if
/// another process holds it exclusively. Turning takes two steps: another process may lock in
/// between, and then no lock is held.
pub(crate) fn try_share(file: &File) -> io::Result<bool> {
    now(file, FlockOperation::NonBlockingLockShared)
}

/// Waits for an exclusive `flock`.
pub(crate) fn lock(file: &File) -> io::Result<()> {
    Ok(rustix::io::retry_on_intr(|| {
        flock(file, FlockOperation::LockExclusive)
    })?)
}

/// Releases a lock, also for processes that inherited the descriptor.
pub(crate) fn unlock(file: &File) {
    let _ = flock(file, FlockOperation::Unlock);
}

fn now(file: &File, how: FlockOperation) -> io::Result<bool> {
    match rustix::io::retry_on_intr(|| flock(file, how)) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
