//! Runs make and listens to it.
//!
//! `prepare` commands find the kernel tree in `KDIR`: configure scripts look into it, and the
//! author of the command does not know which kernel it will be.

use std::ffi::{OsStr, OsString};
use std::os::fd::RawFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use super::command::Make;
use super::diagnose::{BuildFacts, Summary};
use super::first_phase::{Replay, StartedMake};
use super::lines::Stream;
use super::listen::{Child, Ears, Hearing, listen};
use super::output::PathMap;
use crate::error::Sink;
use crate::jobs::{MakeJobs, Slot};
use crate::sys::sandbox::{Access, Sandbox};
use crate::sys::{ChildSetup, signals};
use crate::{Error, Result};

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
    /// The lines of the first phase, if it was recorded and came to its end.
    pub(crate) first: Option<Vec<(Stream, String)>>,
    /// The lines of make and the compilers, unless there were too many.
    #[cfg(feature = "cache")]
    pub(crate) said: Option<Vec<(crate::error::Level, String)>>,
}

/// How kbuild's first phase is done.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way<'a> {
    /// The kernel's top Makefile does it.
    Whole,
    /// The top Makefile does it, and each make writes down how it was started.
    Recorded,
    /// It is remembered.
    Direct(&'a Replay),
}

/// The exit code of a make that failed.
const MAKE_FAILED: i32 = 2;

impl Outcome {
    fn of(status: ExitStatus, was_stopped: bool, ears: Ears, facts: &BuildFacts) -> Outcome {
        // make failed because its children were stopped, and ended regularly.
        let ended = was_stopped || status.code().is_some_and(|code| code != 0);
        let stopped = signals::stopped_at().filter(|_| ended);
        let killed = status.signal().is_some() || ears.diagnosis.was_cut_off();
        let cut_off = killed && stopped.is_none();
        Outcome {
            success: status.success() && !cut_off && !was_stopped,
            cut_off,
            stopped,
            summary: ears.diagnosis.summary(facts),
            status,
            first: ears.first.and_then(|first| first.whole()),
            #[cfg(feature = "cache")]
            said: ears.said.whole(),
        }
    }

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
    hearing: &Hearing<'_>,
    way: Way<'_>,
) -> Result<Outcome> {
    let program = find_program("make", &make.env).unwrap_or_else(|| "make".into());
    let mut handed = slot.hand(&program)?;
    let mut sandbox = make.sandbox.clone();
    if let Some(sandbox) = &mut sandbox {
        if let Some(file) = handed.reach_from_sandbox() {
            sandbox.show_later(&file, Access::Device);
        }
    }
    let runner = Runner {
        program,
        handed: &handed,
        held,
        sandbox: sandbox.as_ref(),
        hearing,
    };
    let mut ears = Ears::default();
    let mut ended = None;
    if let Way::Direct(replay) = way {
        ended = Some(runner.direct(replay, &mut ears)?);
    }
    if let Way::Recorded = way {
        ears.first = Some(Default::default());
    }
    let (status, was_stopped) = match ended {
        Some(ended) => ended,
        None => (runner.whole(make, &mut ears)?, false),
    };
    // make waits for its children before SIGHUP, SIGINT or SIGTERM ends it. It cannot wait on other
    // signals.
    let signal = status.signal();
    if signal.is_some_and(|s| ![1, 2, 15].contains(&s)) {
        slot.lose();
    }
    Ok(Outcome::of(status, was_stopped, ears, hearing.facts))
}

/// Starts makes with the same token and descriptors.
struct Runner<'a> {
    program: PathBuf,
    handed: &'a MakeJobs,
    held: &'a ChildDescriptors,
    sandbox: Option<&'a Sandbox>,
    hearing: &'a Hearing<'a>,
}

impl Runner<'_> {
    /// Runs the kernel's top Makefile.
    fn whole(&self, make: &Make, ears: &mut Ears) -> Result<ExitStatus> {
        let mut command = Command::new(&self.program);
        let makeflags = self.handed.makeflags.iter();
        command
            .args(make.args()?)
            .args(&self.handed.argument)
            .envs(makeflags.map(|flags| ("MAKEFLAGS", flags)))
            .envs(make.env.iter().map(|(name, value)| (name, value)));
        self.listen(command, &make.module_dir, ears)
    }

    /// Starts the makes of a remembered first phase. Returns the status of the last one, and whether
    /// a request to stop came between two of them.
    fn direct(&self, replay: &Replay, ears: &mut Ears) -> Result<(ExitStatus, bool)> {
        for (stream, line) in &replay.said {
            ears.hear(line, *stream, self.hearing);
        }
        let mut last = ExitStatus::default();
        for (number, make) in replay.makes.iter().enumerate() {
            if number == 1 && self.has_conflict(replay, ears)? {
                return Ok((ExitStatus::from_raw(MAKE_FAILED << 8), false));
            }
            if number > 0 && signals::check().is_err() {
                return Ok((last, true));
            }
            last = self.start(make, ears)?;
            if !last.success() {
                if let Some(code) = last.code() {
                    self.tell_failing(&make.failing, code, ears);
                }
                break;
            }
        }
        Ok((last, false))
    }

    /// Whether the module has two modules of one name. The top Makefile's messages are printed.
    fn has_conflict(&self, replay: &Replay, ears: &mut Ears) -> Result<bool> {
        let Some(check) = &replay.check else {
            return Ok(false);
        };
        let refused = check.refused()?;
        for line in &refused {
            ears.hear(line, Stream::Error, self.hearing);
        }
        if !refused.is_empty() {
            self.tell_failing(&check.failing, 1, ears);
        }
        Ok(!refused.is_empty())
    }

    /// Prints the lines that the top Makefile would print. Its own makes fail with exit code 2.
    fn tell_failing(&self, failing: &[OsString], code: i32, ears: &mut Ears) {
        for (number, line) in failing.iter().enumerate() {
            let code = if number == 0 { code } else { MAKE_FAILED };
            let line = format!("{}{code}", line.to_string_lossy());
            ears.hear(&line, Stream::Error, self.hearing);
        }
    }

    fn start(&self, make: &StartedMake, ears: &mut Ears) -> Result<ExitStatus> {
        // kbuild's own makes find the number of jobs in MAKEFLAGS, too.
        let handed = [&self.handed.makeflags, &self.handed.argument];
        let jobs = handed.into_iter().find_map(|text| text.as_deref());
        let mut command = Command::new(&self.program);
        command.args(&make.args).envs(make.env(jobs));
        self.listen(command, &make.cwd, ears)
    }

    fn listen(&self, command: Command, dir: &Path, ears: &mut Ears) -> Result<ExitStatus> {
        let child = Child {
            command,
            is_make: true,
            dir,
            held: self.held,
            jobserver: &self.handed.descriptors,
            sandbox: self.sandbox,
        };
        listen(child, self.hearing, ears)
    }
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
    let hearing = Hearing {
        map,
        facts: &facts,
        sink,
    };
    let mut ears = Ears::default();
    let status = listen(child, &hearing, &mut ears)?;
    let outcome = Outcome::of(status, false, ears, &facts);
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
