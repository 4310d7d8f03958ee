//! The few system calls that std does not offer on the oldest Rust that builds this.
#![allow(unsafe_code, reason = "flock, kill and prctl have no safe form here")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// An exclusive lock on a file, held until dropped, by one thread of one process.
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
        loop {
            // SAFETY: the descriptor is open for as long as `file` lives.
            if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX) } == 0 {
                return Ok(Lock { _file: file });
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(fail(error));
            }
        }
    }
}

/// Kills the process group that `leader` leads.
pub(crate) fn kill_group(leader: u32) {
    if let Ok(group) = i32::try_from(leader) {
        if group > 1 {
            // SAFETY: kill takes no pointers; a group of the number is a child's own, for
            // whoever calls this has not reaped its leader yet.
            unsafe { libc::kill(-group, libc::SIGKILL) };
        }
    }
}

/// Has the kernel end the child when the thread that starts it goes, however it goes.
pub(crate) fn die_with_parent(command: &mut Command) {
    // SAFETY: prctl is one system call, which is all that may run between fork and exec.
    unsafe {
        command.pre_exec(|| {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) == 0 {
                Ok(())
            } else {
                Err(io::Error::last_os_error())
            }
        });
    }
}
