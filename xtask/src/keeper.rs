//! Ends all processes that `cargo xtask` started when it ends in any way.
//!
//! Two processes do this: the called process is the keeper, and the worker does the work. The
//! keeper adopts each process below it whose parent has ended (servers, session leaders), and ends
//! all of them when the worker has ended or a signal comes. If the keeper itself is killed, the
//! kernel tells the worker, which ends the processes that it started. The keeper is a separate
//! process because it must wait for every process that it adopts, and the worker's own waiting
//! would get in the way.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kbuild_vm::process::tree;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::Result;

/// The first argument of a worker.
pub(crate) const WORKER: &str = "--kept";

/// The first argument of [`with_parent`].
pub(crate) const WITH_PARENT: &str = "--with-parent";

/// The signals that ask a program to end, unless it was started to ignore them (`nohup`).
const ENDING: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/// Compiler caches that keep running for later builds, even if a test started them.
const SERVERS: &[&str] = &["sccache"];

/// The time that processes have to end after the request.
const GRACE: Duration = Duration::from_secs(5);

/// The time that the worker has: it ends its processes, and then it cleans up.
const GRACE_OF_WORKER: Duration = Duration::from_secs(15);

/// Runs the command in `arguments` in a worker, and ends with it.
pub(crate) fn keep(arguments: &[&str]) -> Result<ExitCode> {
    tree::adopt_orphans();
    let ending = ENDING.into_iter().filter(|signal| !is_ignored(*signal));
    let mut signals = Signals::new(ending.chain([SIGCHLD]))
        .map_err(|error| format!("cannot catch signals: {error}"))?;
    let own = std::env::current_exe().map_err(|error| format!("which program is this? {error}"))?;
    let mut command = match arguments.first() {
        Some(&"torture") if may_hide_mounts() => {
            let mut unshare = Command::new("unshare");
            unshare.arg("--mount").arg(own);
            unshare
        }
        _ => Command::new(own),
    };
    command.arg(WORKER).args(arguments);
    tree::end_with_this_thread(&mut command);
    let worker = command
        .spawn()
        .map_err(|error| format!("cannot start the worker: {error}"))?;
    for signal in signals.forever() {
        if signal != SIGCHLD {
            tree::end_children(GRACE_OF_WORKER, SERVERS);
            let _ = emulate_default_handler(signal);
        }
        // One signal may stand for several children.
        while let Some((child, status)) = tree::reap() {
            if child == worker.id() {
                tree::end_children(GRACE, SERVERS);
                return Ok(code(status));
            }
        }
    }
    Ok(ExitCode::FAILURE)
}

/// Whether the worker can have its own mounts, which end with it however it ends.
fn may_hide_mounts() -> bool {
    let mut probe = Command::new("unshare");
    probe.args(["--mount", "true"]).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

/// Turns the worker's status into our own.
fn code(status: ExitStatus) -> ExitCode {
    if let Some(signal) = status.signal() {
        let _ = emulate_default_handler(signal);
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

static IS_ENDING: AtomicBool = AtomicBool::new(false);

/// Whether the command of this process cleans up after its processes were ended.
static CLEANS_UP: AtomicBool = AtomicBool::new(false);

/// Whether it has done so.
static IS_CLEAN: AtomicBool = AtomicBool::new(false);

/// Whether this process was told to end.
pub(crate) fn is_ending() -> bool {
    IS_ENDING.load(Ordering::Relaxed)
}

/// Lets the command of this process go on after a signal has ended its processes: for a short time,
/// in which it starts nothing new.
pub(crate) fn let_clean_up() {
    CLEANS_UP.store(true, Ordering::Relaxed);
}

/// Makes a worker end its processes when it is told to end.
pub(crate) fn end_when_told() {
    let ending = ENDING.into_iter().filter(|signal| !is_ignored(*signal));
    let Ok(mut signals) = Signals::new(ending) else {
        return;
    };
    thread::spawn(move || {
        for signal in signals.forever() {
            IS_ENDING.store(true, Ordering::Relaxed);
            tree::end_children(GRACE, SERVERS);
            let begun = Instant::now();
            while CLEANS_UP.load(Ordering::Relaxed)
                && !IS_CLEAN.load(Ordering::Acquire)
                && begun.elapsed() < GRACE
            {
                thread::sleep(Duration::from_millis(10));
            }
            tree::end_children(GRACE, SERVERS);
            let _ = emulate_default_handler(signal);
        }
    });
}

/// If this process was told to end, waits until it is killed, which happens after all its processes
/// have ended.
pub(crate) fn wait_for_the_end() {
    IS_CLEAN.store(true, Ordering::Release);
    while is_ending() {
        thread::park();
    }
}

/// Becomes another program, which the kernel kills when the thread that started this process ends.
/// Cargo runs the test programs through this. Only returns if that fails.
pub(crate) fn with_parent(arguments: &[&str]) -> String {
    let Some((program, arguments)) = arguments.split_first() else {
        return "which program?".into();
    };
    tree::end_with_parent();
    let error = Command::new(program).args(arguments).exec();
    format!("cannot start {program}: {error}")
}

/// Whether this process was started to ignore a signal.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|l| l.strip_prefix("SigIgn:"));
    let mask = u64::from_str_radix(mask.unwrap_or_default().trim(), 16).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}
