//! The system calls that the standard library lacks. The only file with `unsafe`.
#![allow(
    unsafe_code,
    reason = "flock, fcntl and prctl have no safe form in std at our MSRV"
)]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

/// Takes an exclusive `flock` without waiting; `false` when somebody else holds it.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    // SAFETY: flock takes a descriptor that `file` keeps open, and no memory.
    if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.kind() {
        io::ErrorKind::WouldBlock => Ok(false),
        io::ErrorKind::Interrupted => try_lock(file),
        _ => Err(error),
    }
}

/// Waits for an exclusive `flock`.
pub(crate) fn lock(file: &File) -> io::Result<()> {
    loop {
        // SAFETY: as in `try_lock`.
        if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Gives a lock up, also for those who inherited the descriptor.
pub(crate) fn unlock(file: &File) {
    // SAFETY: as in `try_lock`.
    unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_UN) };
}

/// The user whose permissions this process has.
pub(crate) fn effective_uid() -> u32 {
    // SAFETY: geteuid cannot fail and touches no memory.
    unsafe { libc::geteuid() }
}

/// The clock that file systems stamp with: it moves in ticks of up to 10 ms.
pub(crate) fn file_clock() -> Duration {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is a valid timespec for the kernel to fill; the clock exists since 2.6.32.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME_COARSE, &mut now) };
    Duration::new(now.tv_sec.max(0) as u64, now.tv_nsec as u32)
}

/// Whether `fd` is open and a pipe or fifo, as a jobserver's descriptors must be.
pub(crate) fn is_pipe(fd: RawFd) -> bool {
    pipe_identity(fd).is_some()
}

/// Whether `read` and `write` are open and the two ends of one pipe, as a jobserver's are: numbers
/// that were closed and opened again as something else are not.
pub(crate) fn are_ends_of_one_pipe(read: RawFd, write: RawFd) -> bool {
    let mode = |fd| {
        // SAFETY: F_GETFL on any number touches no memory; a closed descriptor is an error.
        unsafe { libc::fcntl(fd, libc::F_GETFL) & libc::O_ACCMODE }
    };
    pipe_identity(read).is_some()
        && pipe_identity(read) == pipe_identity(write)
        && mode(read) != libc::O_WRONLY
        && mode(write) != libc::O_RDONLY
}

/// (device, inode) of an open pipe or fifo.
fn pipe_identity(fd: RawFd) -> Option<(u64, u64)> {
    // SAFETY: a zeroed stat is a valid value of that plain C struct, and fstat only fills it.
    let mut stat = unsafe { std::mem::zeroed::<libc::stat>() };
    // SAFETY: any number may be given to fstat; a descriptor that is not open is an error.
    let open = unsafe { libc::fstat(fd, &mut stat) } == 0;
    (open && stat.st_mode & libc::S_IFMT == libc::S_IFIFO).then_some((stat.st_dev, stat.st_ino))
}

/// Makes the child inherit `keep`, and end (SIGTERM) when the calling thread dies, so that a
/// killed kbuild-rs leaves no make behind.
pub(crate) fn tie_child(command: &mut Command, keep: Vec<RawFd>) {
    let parent = std::process::id();
    // SAFETY: the closure runs between fork and exec and calls only async-signal-safe functions
    // (prctl, getppid, fcntl); it allocates nothing.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) != 0 {
                return Err(io::Error::last_os_error());
            }
            // The parent may have died before prctl took effect.
            if libc::getppid() as u32 != parent {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            for &fd in &keep {
                let flags = libc::fcntl(fd, libc::F_GETFD);
                if flags < 0 || libc::fcntl(fd, libc::F_SETFD, flags & !libc::FD_CLOEXEC) < 0 {
                    return Err(io::Error::last_os_error());
                }
            }
            Ok(())
        });
    }
}

/// Whether a process of this number exists (it may be another user's).
pub(crate) fn process_exists(pid: u32) -> bool {
    let Ok(pid) = i32::try_from(pid) else {
        return false;
    };
    // SAFETY: signal 0 only asks.
    pid > 0
        && (unsafe { libc::kill(pid, 0) } == 0
            || io::Error::last_os_error().raw_os_error() == Some(libc::EPERM))
}

/// A pipe whose ends children do not inherit unless they are handed them: (read, write).
pub(crate) fn pipe() -> io::Result<(File, File)> {
    use std::os::fd::FromRawFd;
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for the two descriptors that pipe2 writes.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both descriptors are new, open, and owned by nobody else.
    unsafe { Ok((File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1]))) }
}
