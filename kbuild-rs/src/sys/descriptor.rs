//! Pipes, fifos, and the kinds of open descriptors.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::RawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::pipe::{PipeFlags, pipe_with};

/// A pipe: (read, write). Children only inherit an end if they are given it.
pub(crate) fn pipe() -> io::Result<(File, File)> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
    Ok((read.into(), write.into()))
}

/// Opens a file of any kind without waiting, now or later.
pub(crate) fn open_nonblocking(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    options
        .custom_flags(i32::try_from(flags.bits()).unwrap_or(0))
        .open(path)
}

/// Makes a fifo that only its owner may open.
#[cfg(test)]
pub(crate) fn make_fifo(path: &Path) -> io::Result<()> {
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    Ok(rustix::fs::mkfifoat(rustix::fs::CWD, path, mode)?)
}

/// Waits until there is something to read, at most `timeout`. Returns whether there is.
pub(crate) fn wait_readable(file: &File, timeout: Duration) -> bool {
    let events = wait_for_events(file, timeout);
    let readable = events.contains(PollFlags::IN);
    if !events.is_empty() && !readable {
        // No process has the other end open, and poll would return at once each time.
        std::thread::sleep(timeout);
    }
    readable
}

/// Waits at most `timeout` until one of the files has ended or can be read without waiting.
pub(crate) fn wait_for_input(files: &[&File], timeout: Duration) -> bool {
    let mut asked: Vec<_> = files
        .iter()
        .map(|f| PollFd::new(*f, PollFlags::IN))
        .collect();
    matches!(poll(&mut asked, Some(&timespec(timeout))), Ok(1..))
}

/// The number of bytes in a pipe that can be read at once.
pub(crate) fn waiting_bytes(file: &File) -> usize {
    let bytes = rustix::io::ioctl_fionread(file).unwrap_or(0);
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn wait_for_events(file: &File, timeout: Duration) -> PollFlags {
    let mut asked = [PollFd::new(file, PollFlags::IN)];
    match poll(&mut asked, Some(&timespec(timeout))) {
        Ok(1) => asked[0].revents(),
        _ => PollFlags::empty(),
    }
}

fn timespec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: time.subsec_nanos().into(),
    }
}

/// Whether a folder is on another machine: its locks then reach the other machines that mount it,
/// and its fifos do not. (fuse keeps both on this machine, unless the file system behind it does
/// more.)
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
    rustix::fs::statfs(folder).is_ok_and(|stat| REMOTE.contains(&(stat.f_type as u32)))
}

/// Whether `file` is a pipe or fifo.
pub(crate) fn is_pipe(file: &File) -> bool {
    file.metadata().is_ok_and(|meta| meta.file_type().is_fifo())
}

/// Whether `read` and `write` are open, inherited, and the two ends of one pipe, as a jobserver's
/// are. Numbers that were closed and reopened as something else fail the check. Descriptors that
/// this process opened itself are closed on exec, so they were not inherited.
pub(crate) fn are_ends_of_one_pipe(read: RawFd, write: RawFd) -> bool {
    pipe_identity(read).is_some()
        && pipe_identity(read) == pipe_identity(write)
        && are_inherited_ends(read, write)
}

/// Whether one descriptor can be read from and the other written to, and both were inherited.
pub(crate) fn are_inherited_ends(read: RawFd, write: RawFd) -> bool {
    let inherited = |fd, unwanted| {
        flags(fd).is_some_and(|flags| {
            !flags.contains(OFlags::CLOEXEC) && flags & OFlags::ACCMODE != unwanted
        })
    };
    inherited(read, OFlags::WRONLY) && inherited(write, OFlags::RDONLY)
}

/// The flags that a descriptor was opened with, as the kernel shows them (`proc(5)`). Any other
/// call on a number that may not be open is less safe.
fn flags(fd: RawFd) -> Option<OFlags> {
    let text = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("flags:"))?;
    let bits = u32::from_str_radix(line.trim(), 8).ok()?;
    Some(OFlags::from_bits_retain(bits))
}

/// (device, inode) of an open pipe or fifo.
fn pipe_identity(fd: RawFd) -> Option<(u64, u64)> {
    let meta = fs::metadata(format!("/proc/self/fd/{fd}")).ok()?;
    meta.file_type().is_fifo().then(|| (meta.dev(), meta.ino()))
}
