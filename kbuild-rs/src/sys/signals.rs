//! Requests to stop: signals that this process gets and passes on to its makes.
//!
//! GNU make 4.4 loses the tokens that it holds when SIGINT, SIGTERM or SIGHUP ends it, and the
//! outer build then runs with fewer (4.3 gives them back). So the signals go to the programs that
//! make runs, and not to make. Recipes fail, make deletes their unfinished targets, starts nothing
//! more, gives its tokens back and ends. (Measured with 4.4.1, with a fifo and with a pipe.)

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use super::ChildSetup;
use super::sandbox::Entry;
use crate::{Error, ErrorKind, Result, sys};

/// SIGKILL. Its number is the same on every architecture.
const KILL: i32 = 9;

/// Passes signals on to the makes of this process, for programs that catch signals. A build script
/// does not need it: when it dies, its makes are told to end.
///
/// ```no_run
/// let signals = kbuild::Signals::relay(); // before any build
/// // … and where SIGINT (2) has been caught:
/// signals.stop(2);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Signals(());

/// Whether signals are passed on, so that makes may have their own process groups.
static RELAYED: AtomicBool = AtomicBool::new(false);
/// The signal of the request to stop; 0 if there was none.
static STOPPED: AtomicI32 = AtomicI32::new(0);
/// The time of the first request, by the clock for file times.
static SINCE: Mutex<Option<Duration>> = Mutex::new(None);
/// The number of requests.
static TIMES: AtomicI32 = AtomicI32::new(0);
/// The process groups of the running children. Code that starts or ends a child holds this lock.
static GROUPS: Mutex<Vec<Group>> = Mutex::new(Vec::new());

#[derive(Debug)]
struct Group {
    child: u32,
    /// The process group: the child's, or in a sandbox that of its make.
    leader: i32,
    /// Whether the leader is a make.
    is_make: bool,
}

impl Signals {
    /// From now on each make has its own process group, so a signal reaches it only through this
    /// process and not also from the terminal. The caller must catch the terminal's signals
    /// (SIGINT, SIGTSTP, SIGHUP) and pass them on.
    pub fn relay() -> Signals {
        RELAYED.store(true, Ordering::SeqCst);
        Signals(())
    }

    /// Sends `signal` to all programs that the makes run, and starts no make after this. Running
    /// builds end with [`ErrorKind::Stopped`] after their makes have ended, and every token is
    /// given back. At the second request the makes get the signal too. At the third request all
    /// remaining processes are killed.
    pub fn stop(&self, signal: i32) {
        since().get_or_insert_with(sys::file_clock);
        STOPPED.store(signal, Ordering::SeqCst);
        match TIMES.fetch_add(1, Ordering::SeqCst) {
            0 => {
                for group in groups().iter() {
                    group.end_recipes(signal);
                }
            }
            1 => self.pass_on(signal),
            _ => self.pass_on(KILL),
        }
    }

    /// The signal that asked to [stop](Self::stop), if one did.
    pub fn stopped_by() -> Option<i32> {
        match STOPPED.load(Ordering::SeqCst) {
            0 => None,
            signal => Some(signal),
        }
    }

    /// Returns an error after a request to [stop](Self::stop). Call this between steps that do not
    /// check for a request.
    ///
    /// # Errors
    /// [`ErrorKind::Stopped`] after a request to stop.
    pub fn check() -> Result<()> {
        check_with("")
    }

    /// Runs a program to its end, as [`Command::output`] does. A request to [stop](Self::stop) ends
    /// it and the programs that it runs.
    ///
    /// # Errors
    /// [`Interrupted`](io::ErrorKind::Interrupted) if a request came before the start; otherwise the
    /// errors of [`Command::output`].
    pub fn output(command: &mut Command) -> io::Result<Output> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let setup = ChildSetup {
            own_group: are_relayed(),
            ..ChildSetup::default()
        };
        sys::tie_child(command, setup);
        let mut child = {
            let mut groups = groups();
            if Self::stopped_by().is_some() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let child = command.spawn()?;
            add(&mut groups, &child, None, false);
            child
        };
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let read_both: io::Result<_> = std::thread::scope(|scope| {
            let err = std::thread::Builder::new().spawn_scoped(scope, || read(stderr))?;
            let out = read(stdout);
            let err = err.join();
            Ok((
                out?,
                err.map_err(|_| io::Error::other("a thread panicked"))??,
            ))
        });
        if read_both.is_err() {
            // Nobody reads what it says, so it may never end.
            let _ = child.kill();
        }
        let status = wait(&mut child)?;
        let (stdout, stderr) = read_both?;
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }

    /// Passes `signal` on to all makes and their programs. For SIGTSTP and SIGCONT.
    pub fn pass_on(&self, signal: i32) {
        for group in groups().iter() {
            sys::signal_group(group.leader, signal);
        }
    }
}

impl Group {
    /// Signals every process of the group that is not a make.
    fn end_recipes(&self, signal: i32) {
        let file = |process: i32| std::fs::read_link(format!("/proc/{process}/exe")).ok();
        let own = file(self.leader);
        if !self.is_make || own.is_none() {
            return sys::signal_group(self.leader, signal);
        }
        // The name counts too, because the leader may be a script around make.
        let is_make = |program: &PathBuf| {
            let name = program.file_name().unwrap_or_default();
            own.as_ref() == Some(program) || name == "make" || name == "gmake"
        };
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let number = entry.file_name().to_str().and_then(|n| n.parse().ok());
            let Some(process) = number else { continue };
            let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            if group_in(&stat) != Some(self.leader) {
                continue;
            }
            if file(process).is_some_and(|program| !is_make(&program)) {
                sys::signal(process, signal);
            }
        }
    }
}

/// The process group in a line of `/proc/PID/stat`: the third word after the name. The name is in
/// parentheses and may hold anything.
fn group_in(stat: &str) -> Option<i32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(2)?.parse().ok()
}

fn groups() -> std::sync::MutexGuard<'static, Vec<Group>> {
    // These are numbers, so the list is valid at any time.
    GROUPS.lock().unwrap_or_else(|p| p.into_inner())
}

fn since() -> std::sync::MutexGuard<'static, Option<Duration>> {
    SINCE.lock().unwrap_or_else(|p| p.into_inner())
}

/// The time of the request to stop.
pub(crate) fn stopped_at() -> Option<Duration> {
    *since()
}

/// Fails a build after a request to stop.
pub(crate) fn check() -> Result<()> {
    check_with(". Finished files are kept")
}

fn check_with(result: &str) -> Result<()> {
    Signals::stopped_by().map_or(Ok(()), |signal| Err(stopped(signal, result)))
}

/// The error of a call that a signal stopped; `result` ends the sentence.
pub(crate) fn stopped(signal: i32, result: &str) -> Error {
    let text = format!("stopped by signal {signal}{result}");
    Error::new(ErrorKind::Stopped, text)
}

/// Whether children must lead process groups.
pub(crate) fn are_relayed() -> bool {
    RELAYED.load(Ordering::SeqCst)
}

/// Starts a child that gets the passed-on signals. Starts none after a request to stop.
pub(crate) fn spawn(
    command: &mut Command,
    is_make: bool,
    dir: &Path,
    entry: Option<Entry>,
) -> Result<Child> {
    let mut groups = groups();
    check()?;
    let child = command.spawn();
    let (child, in_sandbox) = match (child, entry) {
        (Ok(child), entry) => (child, entry.and_then(Entry::group)),
        (Err(error), Some(entry)) => return Err(entry.error(error, dir)),
        (Err(error), None) => return Err(Error::writing("run make in", dir, error)),
    };
    add(&mut groups, &child, in_sandbox, is_make);
    Ok(child)
}

/// Lets a new child get the passed-on signals, if it has a process group.
fn add(groups: &mut Vec<Group>, child: &Child, in_sandbox: Option<i32>, is_make: bool) {
    if are_relayed() {
        let own = i32::try_from(child.id()).unwrap_or(0);
        groups.push(Group {
            child: child.id(),
            leader: in_sandbox.unwrap_or(own),
            is_make,
        });
    }
}

fn read(pipe: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Stops programs that the child has started since the request, because a recipe may continue after
/// a failure. Call this now and then.
pub(crate) fn remind(child: &Child) {
    let (Some(signal), 1) = (Signals::stopped_by(), TIMES.load(Ordering::SeqCst)) else {
        return;
    };
    let groups = groups();
    let group = groups.iter().find(|g| g.child == child.id());
    if let Some(group) = group.filter(|g| g.is_make) {
        group.end_recipes(signal);
    }
}

/// Waits for the end of a child of [`spawn`].
pub(crate) fn wait(child: &mut Child) -> std::io::Result<std::process::ExitStatus> {
    sys::wait_for_end(child.id())?;
    let mut groups = groups();
    groups.retain(|g| g.child != child.id());
    child.wait()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_group_is_found_behind_any_name() {
        assert_eq!(group_in("12 (sh) S 1 12 12 0 -1"), Some(12));
        assert_eq!(group_in("13 (a) b) 9 (9) R 12 7 7 0 -1"), Some(7));
        assert_eq!(group_in(""), None);
    }
}
