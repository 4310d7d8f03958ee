//! The system calls about processes.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};

use rustix::process::{
    Pid, Signal, WaitOptions, getpgid, kill_process, kill_process_group, set_child_subreaper,
    set_parent_process_death_signal, wait,
};

/// Sends a signal to one of the caller's own processes.
pub(super) fn signal(process: u32, signal: Signal) {
    if let Some(process) = other(process) {
        // The process may have ended.
        let _ = kill_process(process, signal);
    }
}

/// Kills the process group of a child that leads one and has not been waited for. Until then, no
/// other group can get its number.
pub(super) fn kill_own_group(child: u32) {
    if let Some(child) = other(child) {
        if getpgid(Some(child)) == Ok(child) {
            let _ = kill_process_group(child, Signal::KILL);
        }
    }
}

/// The number of a process other than the first one. 0 would be a group.
fn other(process: u32) -> Option<Pid> {
    let number = i32::try_from(process).ok().filter(|number| *number > 1)?;
    Pid::from_raw(number)
}

/// Has the kernel send the child SIGTERM when the thread that starts it ends.
#[allow(
    unsafe_code,
    reason = "a function that runs between fork and exec has no safe form in std"
)]
pub(super) fn end_with_this_thread(command: &mut Command) {
    // SAFETY: prctl is a system call, and only system calls may run between fork and exec.
    unsafe {
        command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::TERM))?));
    }
}

/// Makes signals end the child even if this process ignores them. Programs that a shell runs in the
/// background ignore SIGINT, and their children inherit that.
#[allow(
    unsafe_code,
    reason = "as above; and neither std nor rustix sets how a signal is handled"
)]
pub(super) fn listen_to_signals(command: &mut Command) {
    // SAFETY: signal is a system call, and only system calls may run between fork and exec. SIG_DFL
    // is not a function of this program.
    unsafe {
        command.pre_exec(|| {
            for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM] {
                libc::signal(signal, libc::SIG_DFL);
            }
            Ok(())
        });
    }
}

/// Has the kernel kill this process when the thread that started it ends.
pub(super) fn end_with_parent() {
    // This only fails for a signal that does not exist.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
}

/// Makes this process the parent of all processes below it whose own parents end.
pub(super) fn adopt_orphans() {
    // Any number but 0 turns it on. Every kernel of the last ten years supports it.
    let _ = set_child_subreaper(Some(Pid::INIT));
}

/// Waits for a child that has ended; `None` if none has.
pub(super) fn reap() -> Option<(u32, ExitStatus)> {
    let (child, status) = wait(WaitOptions::NOHANG).ok()??;
    let id = u32::try_from(child.as_raw_nonzero().get()).ok()?;
    Some((id, ExitStatus::from_raw(status.as_raw())))
}
