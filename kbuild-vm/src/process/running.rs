//! A running command, which ends or exceeds its limits.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus};

use super::limits::{Limits, Patience};
use super::{sys, tree};
use crate::{Error, Result};

/// A running command. If this is dropped before the command has ended, the command is killed with
/// all processes that it started.
#[derive(Debug)]
pub struct Running {
    child: Child,
    line: String,
    patience: Patience,
}

impl Running {
    /// Starts a command. The kernel sends it SIGTERM when the thread that calls this ends.
    ///
    /// # Errors
    /// [`Error::Start`].
    pub fn start(command: &mut Command, limits: impl Into<Limits>) -> Result<Running> {
        let line = describe(command);
        sys::end_with_this_thread(command);
        match command.spawn() {
            Ok(child) => Ok(Running {
                patience: Patience::new(child.id(), limits.into()),
                child,
                line,
            }),
            Err(source) => Err(Error::Start {
                command: line,
                source,
            }),
        }
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The requested pipes of its standard output and standard error; the second call returns none.
    pub fn take_pipes(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdout.take(), self.child.stderr.take())
    }

    /// Notes that the command has written something, which is progress.
    pub fn heard(&mut self) {
        self.patience.heard();
    }

    /// The exit status; `None` while the command may go on. Call this several times a second.
    ///
    /// # Errors
    /// [`Error::Killed`], without the last lines of the output, if the command exceeded its limits;
    /// [`Error::Start`] if it cannot be waited for.
    pub fn poll(&mut self) -> Result<Option<ExitStatus>> {
        let ended = self.child.try_wait().map_err(|source| Error::Start {
            command: self.line.clone(),
            source,
        })?;
        if ended.is_some() {
            return Ok(ended);
        }
        match self.patience.exhausted() {
            None => Ok(None),
            Some(why) => {
                self.kill();
                Err(Error::Killed {
                    command: self.line.clone(),
                    why,
                    said: String::new(),
                })
            }
        }
    }

    fn kill(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            tree::kill(self.child.id());
            // This ends processes whose parents had ended before.
            sys::kill_own_group(self.child.id());
            // The wait can only fail if the child was already waited for.
            let _ = self.child.wait();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The command line for messages, as a person would type it: without the folder of the program and
/// without the environment.
pub fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(OsStr::new("?"));
    let words = std::iter::once(program).chain(command.get_args());
    words
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_shows_the_command_and_not_where_it_lies() {
        let mut command = Command::new("/opt/tools/bin/cargo");
        assert_eq!(describe(command.args(["fmt", "--all"])), "cargo fmt --all");
    }
}
