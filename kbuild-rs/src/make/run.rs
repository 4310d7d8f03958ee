//! Runs make and listens to it.
//!
//! `prepare` commands find the kernel tree in `KDIR`: configure scripts look into it, and the
//! author of the command does not know which kernel it will be.

use std::ffi::{OsStr, OsString};
use std::os::fd::RawFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use super::command::Make;
use super::diagnose::{BuildFacts, Diagnosis, Summary};
use super::lines::{Lines, Next};
use super::output::{Listening, PathMap};
use crate::error::{Message, Sink};
use crate::jobs::Slot;
use crate::sys::sandbox::{Access, Entry, Sandbox};
use crate::sys::{ChildSetup, signals};
use crate::{Error, Result, sys};

/// The end of a make that was started.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) success: bool,
    /// Whether a signal ended make or one of its tools: the file that it was writing is not to be
    /// trusted.
    pub(crate) cut_off: bool,
    /// The time of the request to stop, if make failed because of it.
    pub(crate) stopped: Option<Duration>,
    /// The error lines and their meaning.
    summary: Summary,
    status: ExitStatus,
}

impl Outcome {
    /// The failure as an error about `what`.
    pub(crate) fn error(&self, what: &str) -> Error {
        if let Err(stopped) = signals::check() {
            return stopped;
        }
        let how = match (self.status.code(), self.status.signal()) {
            (_, Some(signal)) => format!("make was ended by signal {signal}"),
            (Some(0), _) => "a tool was ended by a signal or a limit".to_owned(),
            (code, _) => format!("make failed with exit code {}", code.unwrap_or(-1)),
        };
        self.summary.error(format!("cannot build {what}: {how}"))
    }
}

/// The program that a child with this environment would run.
pub(crate) fn find_program(name: &str, env: &[(OsString, OsString)]) -> Option<PathBuf> {
    let path = env.iter().find(|(n, _)| n == "PATH").map(|(_, v)| v)?;
    std::env::split_paths(path)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

/// Runs make in the stage, with the token that `slot` stands for.
pub(crate) fn run(
    make: &Make,
    slot: &mut Slot,
    held: &ChildDescriptors,
    map: &PathMap,
    facts: &BuildFacts,
    sink: &Sink,
) -> Result<Outcome> {
    let program = find_program("make", &make.env).unwrap_or_else(|| "make".into());
    let mut handed = slot.hand(&program)?;
    let mut sandbox = make.sandbox.clone();
    if let Some(sandbox) = &mut sandbox {
        if let Some(file) = handed.reach_from_sandbox() {
            sandbox.show_later(&file, Access::Device);
        }
    }
    let mut command = Command::new(&program);
    command
        .args(make.args()?)
        .args(&handed.argument)
        .envs(handed.makeflags.iter().map(|flags| ("MAKEFLAGS", flags)));
    for (name, value) in &make.env {
        command.env(name, value);
    }
    let child = Child {
        command,
        is_make: true,
        dir: &make.module_dir,
        held,
        jobserver: &handed.descriptors,
        sandbox: sandbox.as_ref(),
    };
    let outcome = listen(child, map, facts, sink)?;
    // make waits for its children before SIGHUP, SIGINT or SIGTERM ends it. It cannot wait on other
    // signals.
    let signal = outcome.status.signal();
    if signal.is_some_and(|s| ![1, 2, 15].contains(&s)) {
        slot.lose();
    }
    Ok(outcome)
}

/// The descriptors of a child.
#[derive(Debug)]
pub(crate) struct ChildDescriptors {
    /// Locks that the child inherits, so that they stay held until the last child has ended.
    pub(crate) locks: Vec<RawFd>,
    /// The outer build's jobserver, which the child does not inherit automatically.
    pub(crate) withhold: Vec<RawFd>,
}

impl ChildDescriptors {
    pub(super) fn setup(&self) -> ChildSetup {
        ChildSetup {
            keep: self.locks.clone(),
            withhold: self.withhold.clone(),
            own_group: signals::are_relayed(),
        }
    }
}

/// Runs a user's `prepare` command in the stage. The caller gives its original text, for messages,
/// and the text with the placeholders replaced.
pub(crate) fn run_prepare(
    (written, script): (&OsStr, &OsStr),
    make: &Make,
    held: &ChildDescriptors,
    map: &PathMap,
    sink: &Sink,
) -> Result<()> {
    let mut command = Command::new("/bin/sh");
    command
        .arg("-c")
        .arg(script)
        .env("KDIR", &make.kernel_dir)
        .envs(make.env.iter().cloned());
    let facts = BuildFacts::default();
    let child = Child {
        command,
        is_make: false,
        dir: &make.module_dir,
        held,
        jobserver: &[],
        sandbox: make.sandbox.as_ref(),
    };
    let outcome = listen(child, map, &facts, sink)?;
    if outcome.success {
        return Ok(());
    }
    signals::check()?;
    Err(outcome.summary.error(format!(
        "the command that prepares the tree failed ({}): {}",
        outcome.status,
        written.to_string_lossy()
    )))
}

/// The time between two checks of a child that prints nothing.
const TICK: Duration = Duration::from_millis(50);
/// The number of silent ticks after a child's end. Any process that still holds its output is then
/// a server that it left behind.
const SILENCE: u32 = 20;

/// A child to run in a folder of the stage.
struct Child<'a> {
    command: Command,
    is_make: bool,
    dir: &'a Path,
    held: &'a ChildDescriptors,
    /// Further descriptors that it inherits.
    jobserver: &'a [RawFd],
    sandbox: Option<&'a Sandbox>,
}

fn listen(child: Child<'_>, map: &PathMap, facts: &BuildFacts, sink: &Sink) -> Result<Outcome> {
    let Child {
        mut command,
        is_make,
        dir,
        held,
        jobserver,
        sandbox,
    } = child;
    let failed = |e| Error::writing("run make in", dir, e);
    let (output, to_output) = sys::pipe().map_err(failed)?;
    let (error, to_error) = sys::pipe().map_err(failed)?;
    let env: Vec<_> = command
        .get_envs()
        .filter_map(|(n, v)| Some((n.to_owned(), v?.to_owned())))
        .collect();
    command
        .env_clear()
        .envs(env)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(to_output)
        .stderr(to_error);
    let mut setup = held.setup();
    setup.keep.extend_from_slice(jobserver);
    sys::tie_child(&mut command, setup);
    let enter = |sandbox| Entry::prepare(&mut command, (sandbox, dir), (&held.locks, jobserver));
    let entry = sandbox.map(enter).transpose().map_err(failed)?;
    let mut child = signals::spawn(&mut command, is_make, dir, entry)?;
    // `command` holds write ends, which would keep the pipes from ending.
    drop(command);
    let mut diagnosis = Diagnosis::default();
    let mut listening = Listening::default();
    let mut lines = Lines::of(output, error);
    let mut silent_since_exit = 0;
    loop {
        signals::remind(&child);
        match lines.next(TICK) {
            Next::Line(line, stream) => listening.report(&line, stream, map, &mut |message| {
                sink.send(message);
                if let Message::Output { line, level } = message {
                    let hint = diagnosis.hear(line, *level, facts);
                    if let Some(hint) = hint {
                        sink.hint(hint.code(), hint.text());
                    }
                }
            }),
            Next::End => break,
            // A server that the build started (ccache's, sccache's) may hold the pipe forever.
            Next::Silence => {
                if sys::has_ended(child.id()) {
                    silent_since_exit += 1;
                    if silent_since_exit > SILENCE {
                        break;
                    }
                }
            }
        }
    }
    let status = signals::wait(&mut child).map_err(failed)?;
    // make failed because its children were stopped, and ended regularly.
    let ended = status.code().is_some_and(|code| code != 0);
    let stopped = signals::stopped_at().filter(|_| ended);
    let killed = status.signal().is_some() || diagnosis.was_cut_off();
    let cut_off = killed && stopped.is_none();
    Ok(Outcome {
        success: status.success() && !cut_off,
        cut_off,
        stopped,
        summary: diagnosis.summary(facts),
        status,
    })
}
