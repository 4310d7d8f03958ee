//! Being asked to stop: signals that this process gets, handed on to the makes that it runs.

use std::path::Path;
use std::process::{Child, Command};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use crate::{Error, ErrorKind, Result, sys};

/// Hands signals on to the makes of this process. For programs that catch them; a build script
/// need not: when it dies, its makes are told to end.
///
/// ```no_run
/// let signals = kbuild::Signals::relay(); // before any build
/// // … and where SIGINT (2) has been caught:
/// signals.stop(2);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Signals(());

/// Whether somebody hands signals on, so that makes may have process groups of their own.
static RELAYED: AtomicBool = AtomicBool::new(false);
/// The signal that asked to stop; 0 for none.
static STOPPED: AtomicI32 = AtomicI32::new(0);
/// How often it was asked.
static TIMES: AtomicI32 = AtomicI32::new(0);
/// The process groups of the children that run. What starts or ends one holds this.
static GROUPS: Mutex<Vec<i32>> = Mutex::new(Vec::new());

impl Signals {
    /// From now on each make has a process group of its own, and a signal reaches it once: from
    /// here, and not from the terminal as well. Whoever calls this has to catch what a terminal
    /// sends (SIGINT, SIGTSTP, SIGHUP) and hand it on.
    pub fn relay() -> Signals {
        RELAYED.store(true, Ordering::SeqCst);
        Signals(())
    }

    /// Hands `signal` on to every make, and starts none after this: builds under way end with
    /// [`ErrorKind::Stopped`] once their makes have ended, and give every token back. The third
    /// time, whoever is still there is killed.
    pub fn stop(&self, signal: i32) {
        STOPPED.store(signal, Ordering::SeqCst);
        let patient = TIMES.fetch_add(1, Ordering::SeqCst) < 2;
        self.pass_on(if patient { signal } else { libc::SIGKILL });
    }

    /// The signal that asked to [stop](Self::stop), if one did.
    pub fn stopped_by() -> Option<i32> {
        match STOPPED.load(Ordering::SeqCst) {
            0 => None,
            signal => Some(signal),
        }
    }

    /// Hands `signal` on to every make. For SIGTSTP and SIGCONT.
    pub fn pass_on(&self, signal: i32) {
        for group in groups().iter() {
            sys::signal_group(*group, signal);
        }
    }
}

fn groups() -> std::sync::MutexGuard<'static, Vec<i32>> {
    // A list of numbers is whole at any time.
    GROUPS.lock().unwrap_or_else(|p| p.into_inner())
}

/// An error once this process was asked to stop.
pub(crate) fn check() -> Result<()> {
    match Signals::stopped_by() {
        None => Ok(()),
        Some(signal) => Err(Error::new(
            ErrorKind::Stopped,
            format!("stopped by signal {signal}; what was finished is kept"),
        )),
    }
}

/// Whether children are to lead process groups.
pub(crate) fn are_relayed() -> bool {
    RELAYED.load(Ordering::SeqCst)
}

/// Starts a child that gets what is handed on; none once this process was asked to stop.
pub(crate) fn spawn(command: &mut Command, dir: &Path) -> Result<Child> {
    let mut groups = groups();
    check()?;
    let child = command
        .spawn()
        .map_err(|e| Error::io("run make in", dir, e))?;
    if are_relayed() {
        groups.push(group(&child));
    }
    Ok(child)
}

/// Waits for the end of a child that [`spawn`] gave.
pub(crate) fn wait(child: &mut Child) -> std::io::Result<std::process::ExitStatus> {
    sys::wait_for_end(child.id())?;
    let mut groups = groups();
    groups.retain(|&g| g != group(child));
    child.wait()
}

fn group(child: &Child) -> i32 {
    i32::try_from(child.id()).unwrap_or(0)
}
