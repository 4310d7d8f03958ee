//! The few system calls that std does not offer on the oldest Rust that builds this.
#![allow(
    unsafe_code,
    reason = "flock, kill, prctl, pipe2, mkfifo, openpty, recv, sysconf and waitpid have no safe form here"
)]

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus};

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

/// Has the kernel end the child when the thread that starts it goes, however it goes. Signals end
/// it, too, whoever started the tests: what a shell runs in the background ignores SIGINT.
pub(crate) fn die_with_parent(command: &mut Command) {
    // SAFETY: signal is a system call, which is all that may run between fork and exec.
    unsafe {
        command.pre_exec(|| {
            for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM] {
                libc::signal(signal, libc::SIG_DFL);
            }
            Ok(())
        });
    }
    signal_when_parent_ends(command, libc::SIGTERM);
}

/// Has the kernel send the child a signal when the thread that starts it goes, however it goes.
pub(crate) fn signal_when_parent_ends(command: &mut Command, signal: i32) {
    // SAFETY: prctl is a system call, which is all that may run between fork and exec.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, signal) == 0 {
                Ok(())
            } else {
                Err(io::Error::last_os_error())
            }
        });
    }
}

/// Has the kernel kill this process when the thread that started it goes.
pub(crate) fn end_with_parent() {
    // SAFETY: prctl takes no pointers here.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

/// Has the kernel make this process the parent of all below it whose parents end.
pub(crate) fn adopt_orphans() {
    // SAFETY: prctl takes no pointers here. Every kernel of the last ten years has it.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) };
}

/// A child that has ended, waited for; `None` when there is none yet.
pub(crate) fn reap() -> Option<(u32, ExitStatus)> {
    let mut status = 0;
    // SAFETY: there is room for the one number that waitpid writes.
    let id = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
    let id = u32::try_from(id).ok().filter(|id| *id > 0)?;
    Some((id, ExitStatus::from_raw(status)))
}

/// The unit of times in `/proc`.
pub(crate) fn ticks_per_second() -> f64 {
    // SAFETY: sysconf takes no pointers.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    if ticks > 0 { ticks as f64 } else { 100.0 }
}

/// A pipe: (read end, write end), neither of which children inherit.
pub(crate) fn pipe() -> io::Result<(File, File)> {
    let mut ends = [0; 2];
    // SAFETY: there is room for the two numbers that pipe2 writes.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both are open, new, and nobody else's.
    unsafe { Ok((File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1]))) }
}

/// A pair of terminals that change nothing of what passes through: (master, slave). Children
/// inherit neither.
pub(crate) fn terminals() -> io::Result<(File, File)> {
    let (mut master, mut slave) = (-1, -1);
    // SAFETY: a zeroed termios is a valid value of that plain C struct. The two numbers outlive the
    // call, which takes no name and no size.
    unsafe {
        let mut raw: libc::termios = std::mem::zeroed();
        raw.c_cflag = libc::CREAD;
        libc::cfmakeraw(&mut raw);
        raw.c_cc[libc::VMIN] = 1;
        let no_name = std::ptr::null_mut();
        if libc::openpty(&mut master, &mut slave, no_name, &raw, std::ptr::null()) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    for fd in [master, slave] {
        // SAFETY: fcntl takes no pointers here; both are open.
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    // SAFETY: both are new, open, and nobody else's.
    Ok(unsafe { (File::from_raw_fd(master), File::from_raw_fd(slave)) })
}

/// Makes a fifo.
pub(crate) fn make_fifo(path: &Path) -> io::Result<()> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: the name ends with a NUL and outlives the call.
    match unsafe { libc::mkfifo(name.as_ptr(), 0o600) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Lets the child inherit these descriptors, under the same numbers.
pub(crate) fn inherit(command: &mut Command, descriptors: [RawFd; 2]) {
    // SAFETY: fcntl is a system call, which is all that may run between fork and exec.
    unsafe {
        command.pre_exec(move || {
            for fd in descriptors {
                if libc::fcntl(fd, libc::F_SETFD, 0) < 0 {
                    return Err(io::Error::last_os_error());
                }
            }
            Ok(())
        });
    }
}

/// Sends a signal to a process that the caller knows to be its own.
pub(crate) fn signal(process: u32, signal: i32) {
    if let Ok(process) = i32::try_from(process) {
        if process > 1 {
            // SAFETY: kill takes no pointers.
            unsafe { libc::kill(process, signal) };
        }
    }
}

/// Whether somebody else holds a lock of any kind on a file.
pub(crate) fn is_locked(file: &File) -> bool {
    // SAFETY: the descriptor is open for as long as `file` lives; the lock goes with it.
    unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) != 0 }
}

/// Whether the other side has closed this socket, however that went.
pub(crate) fn has_ended(socket: &UnixStream) -> bool {
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    let mut byte = 0_u8;
    // SAFETY: there is room for the one byte, and the descriptor is open as long as `socket`.
    match unsafe { libc::recv(socket.as_raw_fd(), (&raw mut byte).cast(), 1, flags) } {
        0 => true,
        n => n < 0 && io::Error::last_os_error().kind() != io::ErrorKind::WouldBlock,
    }
}
