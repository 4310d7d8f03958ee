//! The system calls that std does not offer in the oldest supported Rust.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{CWD, FileType, FlockOperation, Mode, OFlags, flock, mknodat, open};
use rustix::io::{Errno, FdFlags, fcntl_setfd, retry_on_intr};
use rustix::net::{RecvFlags, recv};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

/// An exclusive lock on a file. One thread of one process holds it until it is dropped.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    pub(crate) fn take(path: &Path) -> crate::Result<Lock> {
        let fail = |error: io::Error| format!("cannot lock {}: {error}", path.display());
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(fail)?;
        retry_on_intr(|| flock(&file, FlockOperation::LockExclusive))
            .map_err(|error| fail(error.into()))?;
        Ok(Lock { _file: file })
    }
}

/// Whether another process holds a lock of any kind on a file.
pub(crate) fn is_locked(file: &File) -> bool {
    flock(file, FlockOperation::NonBlockingLockExclusive).is_err()
}

/// A pipe: (read end, write end). Children inherit neither.
pub(crate) fn pipe() -> io::Result<(File, File)> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
    Ok((read.into(), write.into()))
}

/// A pair of terminals that pass on all bytes unchanged, and the second one's path: (master, slave,
/// path). Children inherit neither.
pub(crate) fn terminals() -> io::Result<(File, File, PathBuf)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?;
    let path = PathBuf::from(name.to_string_lossy().into_owned());
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let slave = open(&path, flags, Mode::empty())?;
    let mut settings = tcgetattr(&slave)?;
    settings.make_raw();
    tcsetattr(&slave, OptionalActions::Now, &settings)?;
    Ok((master.into(), slave.into(), path))
}

/// Makes a fifo.
pub(crate) fn make_fifo(path: &Path) -> io::Result<()> {
    Ok(mknodat(
        CWD,
        path,
        FileType::Fifo,
        Mode::RUSR | Mode::WUSR,
        0,
    )?)
}

/// Lets the child inherit these descriptors with the same numbers.
#[allow(
    unsafe_code,
    reason = "a function that runs between fork and exec has no safe form in std"
)]
pub(crate) fn inherit(command: &mut Command, descriptors: [RawFd; 2]) {
    // SAFETY: fcntl is a system call, and only system calls may run between fork and exec. The
    // caller's descriptors are open in the child.
    unsafe {
        command.pre_exec(move || {
            for fd in descriptors {
                fcntl_setfd(BorrowedFd::borrow_raw(fd), FdFlags::empty())?;
            }
            Ok(())
        });
    }
}

/// Sends a signal to one of the caller's own processes.
pub(crate) fn signal(process: u32, signal: Signal) {
    let number = i32::try_from(process).ok().filter(|number| *number > 1);
    if let Some(process) = number.and_then(Pid::from_raw) {
        // The process may have ended.
        let _ = kill_process(process, signal);
    }
}

/// Sends a signal to a process group that the caller knows to be its own.
pub(crate) fn signal_group(first: u32, signal: Signal) {
    let number = i32::try_from(first).ok().filter(|number| *number > 1);
    if let Some(group) = number.and_then(Pid::from_raw) {
        let _ = kill_process_group(group, signal);
    }
}

/// Whether the other end of this socket is closed in any way.
pub(crate) fn has_ended(socket: &UnixStream) -> bool {
    let mut byte = [0_u8];
    match recv(socket, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
        Ok((_, length)) => length == 0,
        Err(error) => error != Errno::AGAIN,
    }
}
