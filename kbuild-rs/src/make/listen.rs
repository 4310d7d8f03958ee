//! Runs one child in the stage, and listens to it.

use std::os::fd::RawFd;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use super::diagnose::{BuildFacts, Diagnosis};
use super::first_phase::MARK;
use super::lines::{Lines, Next, Stream};
use super::output::{Listening, PathMap};
use super::run::ChildDescriptors;
#[cfg(feature = "cache")]
use crate::error::Level;
use crate::error::{Message, Sink};
use crate::sys::sandbox::{Entry, Sandbox};
use crate::sys::signals;
use crate::{Error, Result, sys};

/// Where the lines of a child go, and the facts that explain them.
#[derive(Debug)]
pub(crate) struct Hearing<'a> {
    pub(crate) map: &'a PathMap,
    pub(crate) facts: &'a BuildFacts,
    pub(crate) sink: &'a Sink,
}

/// The state of listening, for all children of one build.
#[derive(Debug, Default)]
pub(super) struct Ears {
    pub(super) diagnosis: Diagnosis,
    listening: Listening,
    /// The lines of the first phase, if it is recorded.
    pub(super) first: Option<FirstLines>,
    #[cfg(feature = "cache")]
    pub(super) said: Said,
}

/// The lines of the children, but for kbuild's steps.
#[cfg(feature = "cache")]
#[derive(Debug, Default)]
pub(super) struct Said {
    lines: Vec<(Level, String)>,
    size: usize,
}

#[cfg(feature = "cache")]
impl Said {
    /// The most bytes that are kept.
    const MOST: usize = 1 << 16;

    fn hear(&mut self, line: &str, level: Level) {
        self.size = self.size.saturating_add(line.len() + 1);
        if self.size <= Self::MOST {
            self.lines.push((level, line.to_owned()));
        }
    }

    /// The lines; `None` if there were too many.
    pub(super) fn whole(self) -> Option<Vec<(Level, String)>> {
        (self.size <= Self::MOST).then_some(self.lines)
    }
}

/// Tells lines of an earlier build, with the hints about them.
#[cfg(feature = "cache")]
pub(crate) fn say_again(lines: &[(Level, String)], hearing: &Hearing<'_>) {
    let mut ears = Ears::default();
    for (level, line) in lines {
        let message = Message::Output {
            line,
            level: *level,
        };
        ears.tell(&message, hearing);
    }
}

/// The lines that the first phase printed.
#[derive(Debug, Default)]
pub(super) struct FirstLines {
    said: Vec<(Stream, String)>,
    /// Whether the first phase has ended on standard output, and on standard error.
    ended: [bool; 2],
}

impl FirstLines {
    /// The lines; `None` if the first phase did not end.
    pub(super) fn whole(self) -> Option<Vec<(Stream, String)>> {
        self.ended.iter().all(|&ended| ended).then_some(self.said)
    }

    /// Whether the line is our own mark.
    fn hear(&mut self, line: &str, stream: Stream) -> bool {
        let ended = &mut self.ended[usize::from(stream == Stream::Error)];
        if line.ends_with(MARK) {
            *ended = true;
            return true;
        }
        if !*ended {
            self.said.push((stream, line.to_owned()));
        }
        false
    }
}

impl Ears {
    pub(super) fn hear(&mut self, line: &str, stream: Stream, hearing: &Hearing<'_>) {
        if self.first.as_mut().is_some_and(|f| f.hear(line, stream)) {
            return;
        }
        let mut listening = std::mem::take(&mut self.listening);
        listening.report(line, stream, hearing.map, &mut |message| {
            self.tell(message, hearing);
        });
        self.listening = listening;
    }

    /// Passes a message on, and a hint about it.
    fn tell(&mut self, message: &Message<'_>, hearing: &Hearing<'_>) {
        let Hearing { facts, sink, .. } = hearing;
        sink.send(message);
        if let Message::Output { line, level } = message {
            #[cfg(feature = "cache")]
            self.said.hear(line, *level);
            let hint = self.diagnosis.hear(line, *level, facts);
            if let Some(hint) = hint {
                sink.hint(hint.code(), hint.text());
            }
        }
    }
}

/// The time between two checks of a child that prints nothing.
const TICK: Duration = Duration::from_millis(50);
/// The number of silent ticks after a child's end. Any process that still holds its output is then
/// a server that it left behind.
const SILENCE: u32 = 20;

/// A child to run in a folder of the stage.
pub(super) struct Child<'a> {
    pub(super) command: Command,
    pub(super) is_make: bool,
    pub(super) dir: &'a Path,
    pub(super) held: &'a ChildDescriptors,
    /// Further descriptors that it inherits.
    pub(super) jobserver: &'a [RawFd],
    pub(super) sandbox: Option<&'a Sandbox>,
}

/// Runs a child, and tells its lines. Returns its status.
pub(super) fn listen(
    child: Child<'_>,
    hearing: &Hearing<'_>,
    ears: &mut Ears,
) -> Result<ExitStatus> {
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
    let mut lines = Lines::of(output, error);
    let mut silent_since_exit = 0;
    loop {
        signals::remind(&child);
        match lines.next(TICK) {
            Next::Line(line, stream) => ears.hear(&line, stream, hearing),
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
    signals::wait(&mut child).map_err(failed)
}
