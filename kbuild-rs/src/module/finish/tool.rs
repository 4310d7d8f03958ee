//! Programs that work on one module.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::kernel::{missing_tool, program, shown};
use crate::module::sign::PIN;
use crate::sys::{ChildSetup, limit_behind, tie_child};
use crate::{Error, ErrorKind, Result};

/// The work and its module, for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'a> {
    pub(super) doing: &'static str,
    pub(super) module: &'a str,
}

/// A program, found in `PATH`.
#[derive(Debug)]
pub(super) struct Tool(PathBuf);

/// The reason why a program gave no result.
#[derive(Debug)]
pub(super) enum Failure {
    /// It could not be started, or its files could not be read or written.
    System(io::Error),
    /// It failed with these words.
    Said(String),
}

/// Variables that a tool must not see: options, which would change the result, and a passphrase.
const HIDDEN: [&str; 7] = [
    PIN,
    "GZIP",
    "XZ_DEFAULTS",
    "XZ_OPT",
    "ZSTD_CLEVEL",
    "ZSTD_NBTHREADS",
    "LD_PRELOAD",
];

impl Tool {
    /// The program `name`, which Debian's `package` contains.
    pub(super) fn find(name: &str, package: &str, step: Step<'_>) -> Result<Tool> {
        let why = || format!("{} {}", step.doing, step.module);
        let found = program(name).ok_or_else(|| missing_tool(name, &why(), package))?;
        Ok(Tool(found))
    }

    pub(super) fn at(program: PathBuf) -> Tool {
        Tool(program)
    }

    /// Its output for this input.
    pub(super) fn filter(
        &self,
        arguments: &[&str],
        input: &[u8],
        step: Step<'_>,
    ) -> Result<Vec<u8>> {
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        self.run(&arguments, Some(input))
            .map_err(|failure| failure.into_error(&self.0, step))
    }

    pub(super) fn run(
        &self,
        arguments: &[&OsStr],
        input: Option<&[u8]>,
    ) -> Result<Vec<u8>, Failure> {
        let mut command = Command::new(&self.0);
        command
            .args(arguments)
            .env("LC_ALL", "C")
            .stdin(match input {
                Some(_) => Stdio::piped(),
                None => Stdio::null(),
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for variable in HIDDEN {
            command.env_remove(variable);
        }
        tie_child(&mut command, ChildSetup::default());
        let mut child = command.spawn().map_err(Failure::System)?;
        let stdin = child.stdin.take();
        let (fed, output) = std::thread::scope(|scope| {
            let feed = move || match (stdin, input) {
                (Some(mut stdin), Some(input)) => stdin.write_all(input),
                _ => Ok(()),
            };
            // If no thread can be started, the program finds the end of its input.
            let feeder = std::thread::Builder::new().spawn_scoped(scope, feed);
            let output = child.wait_with_output();
            (feeder.map(std::thread::ScopedJoinHandle::join), output)
        });
        let fed = fed.map_err(Failure::System)?;
        let output = output.map_err(Failure::System)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::Said(match said.trim() {
                "" => output.status.to_string(),
                said => said.to_owned(),
            }));
        }
        match fed {
            Ok(Ok(())) => Ok(output.stdout),
            Ok(Err(error)) => Err(Failure::System(error)),
            Err(_) => Err(Failure::System(io::Error::other("a thread panicked"))),
        }
    }
}

impl Failure {
    pub(super) fn into_error(self, program: &Path, step: Step<'_>) -> Error {
        let Step { doing, module } = step;
        let program = shown(program);
        match self {
            Failure::Said(said) => Error::new(
                ErrorKind::ToolFailed,
                format!("{doing} {module}: {program} failed: {said}"),
            ),
            Failure::System(error) => {
                let limit = limit_behind(&error).unwrap_or_default();
                let message = format!("{doing} {module}: cannot run {program}: {error}{limit}");
                Error::of_system(message, error)
            }
        }
    }
}
