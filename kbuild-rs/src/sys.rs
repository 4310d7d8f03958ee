//! The system calls that the standard library lacks. The only file with `unsafe`.
#![allow(
    unsafe_code,
    reason = "flock, fcntl, prctl and their like have no safe form in std at our MSRV"
)]

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Takes an exclusive `flock` without waiting; `false` when somebody else holds it.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    flock_now(file, libc::LOCK_EX)
}

/// Takes a shared `flock` without waiting, or turns an exclusive one into it; `false` when
/// somebody else holds it exclusively. Turning is no one step: somebody may come in between, and
/// then no lock is held.
pub(crate) fn try_share(file: &File) -> io::Result<bool> {
    flock_now(file, libc::LOCK_SH)
}

fn flock_now(file: &File, how: libc::c_int) -> io::Result<bool> {
    match flock(file, how | libc::LOCK_NB) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

/// Waits for an exclusive `flock`.
pub(crate) fn lock(file: &File) -> io::Result<()> {
    flock(file, libc::LOCK_EX)
}

/// Gives a lock up, also for those who inherited the descriptor.
pub(crate) fn unlock(file: &File) {
    let _ = flock(file, libc::LOCK_UN);
}

fn flock(file: &File, how: libc::c_int) -> io::Result<()> {
    loop {
        // SAFETY: flock takes a descriptor that `file` keeps open, and no memory.
        if unsafe { libc::flock(file.as_raw_fd(), how) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Makes a fifo that its owner alone may open.
pub(crate) fn make_fifo(path: &Path) -> io::Result<()> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: `name` is a string that ends with a NUL and outlives the call.
    match unsafe { libc::mkfifo(name.as_ptr(), 0o600) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Waits until there is something to read, at most `timeout`; whether there is.
pub(crate) fn wait_readable(file: &File, timeout: Duration) -> bool {
    let mut asked = libc::pollfd {
        fd: file.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let milliseconds = libc::c_int::try_from(timeout.as_millis()).unwrap_or(libc::c_int::MAX);
    // SAFETY: `asked` is one valid pollfd, as the count says.
    let any = unsafe { libc::poll(&mut asked, 1, milliseconds) } == 1;
    let readable = any && asked.revents & libc::POLLIN != 0;
    if any && !readable {
        // Nobody is at the other end any more, which poll tells at once and for ever.
        std::thread::sleep(timeout);
    }
    readable
}

/// Whether a folder lies on another machine: its locks reach whoever else has it mounted, and its
/// fifos do not. (fuse keeps both here, unless the file system behind it does more.)
pub(crate) fn is_remote(folder: &Path) -> bool {
    // nfs, smb (three of them), 9p, ceph, afs, coda, lustre: linux/magic.h, and lustre's own.
    const REMOTE: &[u32] = &[
        0x6969,
        0x517b,
        0xff53_4d42,
        0xfe53_4d42,
        0x0102_1997,
        0x00c3_6400,
        0x5346_414f,
        0x7375_7245,
        0x0bd0_0bd0,
    ];
    let Ok(name) = CString::new(folder.as_os_str().as_bytes()) else {
        return false;
    };
    // SAFETY: a zeroed statfs is a valid value of that plain C struct, which statfs only fills.
    let mut stat = unsafe { std::mem::zeroed::<libc::statfs>() };
    // SAFETY: `name` ends with a NUL and outlives the call.
    let known = unsafe { libc::statfs(name.as_ptr(), &mut stat) } == 0;
    known && REMOTE.contains(&(stat.f_type as u32))
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

/// Whether `file` is a pipe or fifo, as a jobserver must be.
pub(crate) fn is_pipe(file: &File) -> bool {
    pipe_identity(file.as_raw_fd()).is_some()
}

/// Whether `read` and `write` are open, inherited, and the two ends of one pipe, as a jobserver's
/// are: numbers that were closed and opened again as something else are not. What this process
/// opened itself is closed on exec, and so was not inherited.
pub(crate) fn are_ends_of_one_pipe(read: RawFd, write: RawFd) -> bool {
    let flags = |fd, which| {
        // SAFETY: to ask for the flags of any number touches no memory; a closed descriptor is an
        // error.
        unsafe { libc::fcntl(fd, which) }
    };
    let inherited = |fd| flags(fd, libc::F_GETFD) & libc::FD_CLOEXEC == 0;
    let mode = |fd| flags(fd, libc::F_GETFL) & libc::O_ACCMODE;
    pipe_identity(read).is_some()
        && pipe_identity(read) == pipe_identity(write)
        && mode(read) != libc::O_WRONLY
        && mode(write) != libc::O_RDONLY
        && inherited(read)
        && inherited(write)
}

/// (device, inode) of an open pipe or fifo.
fn pipe_identity(fd: RawFd) -> Option<(u64, u64)> {
    // SAFETY: a zeroed stat is a valid value of that plain C struct, and fstat only fills it.
    let mut stat = unsafe { std::mem::zeroed::<libc::stat>() };
    // SAFETY: any number may be given to fstat; a descriptor that is not open is an error.
    let open = unsafe { libc::fstat(fd, &mut stat) } == 0;
    (open && stat.st_mode & libc::S_IFMT == libc::S_IFIFO).then_some((stat.st_dev, stat.st_ino))
}

/// What a child is to be, besides a program with arguments.
#[derive(Debug, Default)]
pub(crate) struct Ties {
    /// Descriptors that it inherits, and hands down.
    pub(crate) keep: Vec<RawFd>,
    /// Descriptors that we inherited ourselves, which it does not get unless they are in `keep`.
    pub(crate) withhold: Vec<RawFd>,
    /// Whether it leads a process group of its own.
    pub(crate) own_group: bool,
}

/// Ties a child to us: it inherits what `ties` says, and it ends (SIGTERM) when the calling
/// *thread* dies, so that a killed kbuild-rs leaves no make behind. The thread that spawns it has
/// to wait for it.
pub(crate) fn tie_child(command: &mut Command, ties: Ties) {
    let parent = std::process::id();
    // SAFETY: the closure runs between fork and exec and calls only async-signal-safe functions
    // (prctl, getppid, setpgid, fcntl); it allocates nothing.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) != 0 {
                return Err(io::Error::last_os_error());
            }
            // The parent may have died before prctl took effect.
            if libc::getppid() as u32 != parent {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            if ties.own_group && libc::setpgid(0, 0) != 0 {
                return Err(io::Error::last_os_error());
            }
            for &fd in &ties.withhold {
                libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
            }
            for &fd in &ties.keep {
                if libc::fcntl(fd, libc::F_SETFD, 0) < 0 {
                    return Err(io::Error::last_os_error());
                }
            }
            Ok(())
        });
    }
}

/// Waits for the end of a child and leaves its number taken, so that nobody else can bear it
/// while signals are on their way.
pub(crate) fn wait_for_end(child: u32) -> io::Result<()> {
    while wait_without_reaping(child, 0).is_none() {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    Ok(())
}

/// Whether a child has ended; its number stays taken.
pub(crate) fn has_ended(child: u32) -> bool {
    wait_without_reaping(child, libc::WNOHANG) == Some(true)
}

/// Whether the child has ended; `None` for an error.
fn wait_without_reaping(child: u32, how: libc::c_int) -> Option<bool> {
    // SAFETY: a zeroed siginfo_t is a valid value of that plain C struct, which waitid fills; the
    // child's number is in it when there is something to tell.
    unsafe {
        let mut info = std::mem::zeroed::<libc::siginfo_t>();
        let how = how | libc::WEXITED | libc::WNOWAIT;
        let code = libc::waitid(libc::P_PID, child, &mut info, how);
        (code == 0).then(|| info.si_pid() != 0)
    }
}

/// Sends a signal to a process, if there is one.
pub(crate) fn signal(process: i32, signal: i32) {
    // SAFETY: kill touches no memory. 0 and less would be groups.
    if process > 1 {
        unsafe { libc::kill(process, signal) };
    }
}

/// Sends a signal to every process of a group, if there are any.
pub(crate) fn signal_group(leader: i32, signal: i32) {
    // SAFETY: kill touches no memory. 1 and less would be other processes than a group of ours.
    if leader > 1 {
        unsafe { libc::kill(-leader, signal) };
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
