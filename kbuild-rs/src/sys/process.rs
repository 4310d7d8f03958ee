//! Children: their inherited descriptors, their end, signals to them.
#![allow(
    unsafe_code,
    reason = "a function that runs between fork and exec has no safe form in std"
)]

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::process::{
    Pid, Resource, Signal, WaitId, WaitIdOptions, WaitIdStatus, getppid, getrlimit, kill_process,
    kill_process_group, set_parent_process_death_signal, setpgid, test_kill_process, waitid,
};

/// The setup of a child besides its program and arguments.
#[derive(Debug, Default)]
pub(crate) struct ChildSetup {
    /// Descriptors that the child inherits, and hands down.
    pub(crate) keep: Vec<RawFd>,
    /// Descriptors that we inherited ourselves. The child does not get them unless they are in
    /// `keep`.
    pub(crate) withhold: Vec<RawFd>,
    /// Whether the child leads a process group of its own.
    pub(crate) own_group: bool,
}

/// Ties a child to us: it inherits the descriptors in `setup`, and it ends (SIGTERM) when the
/// calling *thread* dies, so that a killed kbuild-rs leaves no make behind. The thread that spawns
/// it must wait for it.
pub(crate) fn tie_child(command: &mut Command, setup: ChildSetup) {
    let parent = pid(std::process::id());
    // SAFETY: the closure runs between fork and exec. It only makes system calls and does not
    // allocate.
    unsafe {
        command.pre_exec(move || {
            set_parent_process_death_signal(Some(Signal::TERM))?;
            // The parent may have died before prctl took effect.
            if getppid() != parent {
                return Err(Errno::SRCH.into());
            }
            if setup.own_group {
                setpgid(None, None)?;
            }
            for &fd in &setup.withhold {
                let _ = set_close_on_exec(fd, true);
            }
            for &fd in &setup.keep {
                set_close_on_exec(fd, false)?;
            }
            Ok(())
        });
    }
}

fn set_close_on_exec(fd: RawFd, yes: bool) -> io::Result<()> {
    if fd < 0 {
        return Err(Errno::BADF.into());
    }
    // SAFETY: the number is only used for this one call, which fails if nothing is open there.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let flags = if yes {
        FdFlags::CLOEXEC
    } else {
        FdFlags::empty()
    };
    Ok(fcntl_setfd(fd, flags)?)
}

/// Waits for the end of a child and keeps its number taken, so that no other process gets the
/// number while signals are on their way.
pub(crate) fn wait_for_end(child: u32) -> io::Result<()> {
    rustix::io::retry_on_intr(|| wait_without_reaping(child, WaitIdOptions::empty()))?;
    Ok(())
}

/// Whether a child has ended. Its number stays taken.
pub(crate) fn has_ended(child: u32) -> bool {
    wait_without_reaping(child, WaitIdOptions::NOHANG).is_ok_and(|status| status.is_some())
}

fn wait_without_reaping(child: u32, how: WaitIdOptions) -> Result<Option<WaitIdStatus>, Errno> {
    let child = pid(child).ok_or(Errno::CHILD)?;
    waitid(
        WaitId::Pid(child),
        how | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
    )
}

/// Sends a signal to a process, if there is one.
pub(crate) fn signal(process: i32, signal: i32) {
    // 0 and negative numbers would be groups, and 1 is never a child.
    if let (Some(process), Some(signal)) = (other(process), Signal::from_named_raw(signal)) {
        let _ = kill_process(process, signal);
    }
}

/// Sends a signal to every process of a group, if there are any.
pub(crate) fn signal_group(leader: i32, signal: i32) {
    if let (Some(leader), Some(signal)) = (other(leader), Signal::from_named_raw(signal)) {
        let _ = kill_process_group(leader, signal);
    }
}

/// Whether a process with this number exists (it may be another user's).
pub(crate) fn process_exists(number: u32) -> bool {
    pid(number).is_some_and(|pid| matches!(test_kill_process(pid), Ok(()) | Err(Errno::PERM)))
}

fn other(number: i32) -> Option<Pid> {
    Pid::from_raw(number).filter(|_| number > 1)
}

fn pid(number: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(number).ok()?)
}

/// The limits of this process.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    OpenFiles,
    Processes,
    Memory,
    FileSize,
}

/// The limit that applies, if there is one; sizes in bytes.
pub(crate) fn soft_limit(which: Limit) -> Option<u64> {
    let which = match which {
        Limit::OpenFiles => Resource::Nofile,
        Limit::Processes => Resource::Nproc,
        Limit::Memory => Resource::As,
        Limit::FileSize => Resource::Fsize,
    };
    getrlimit(which).current
}
