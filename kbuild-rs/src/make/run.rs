//! Runs make and listens to it.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::fd::RawFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::diagnose::{Diagnosis, Knowledge};
use super::output;
use super::{Jobs, Make, PathMap};
use crate::message::{Message, Sink};
use crate::{Error, ErrorKind, Result, sys};

/// How a make ended that could be started.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) success: bool,
    /// make or one of its tools ended by a signal: what was being written is not to be trusted.
    pub(crate) cut_off: bool,
    /// The error lines and what they mean; starts with a line break unless empty.
    pub(crate) summary: String,
    status: ExitStatus,
}

impl Outcome {
    /// The failure as an error about `what`.
    pub(crate) fn error(&self, what: &str) -> Error {
        let how = match (self.status.code(), self.status.signal()) {
            (_, Some(signal)) => format!("make was ended by signal {signal}"),
            (Some(0), _) => "a tool was ended by a signal".to_owned(),
            (code, _) => format!("make failed with exit code {}", code.unwrap_or(-1)),
        };
        Error::new(
            ErrorKind::BuildFailed,
            format!("cannot build {what}: {how}{}", self.summary),
        )
    }
}

/// The program that a child with this environment would run.
pub(crate) fn find_program(name: &str, env: &[(OsString, OsString)]) -> Option<PathBuf> {
    let path = env.iter().find(|(n, _)| n == "PATH").map(|(_, v)| v)?;
    std::env::split_paths(path)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

/// Runs make in the stage. `locks` are inherited, so that they stay
/// held until the last child is gone.
pub(crate) fn run(
    make: &Make,
    cargo: bool,
    requested_jobs: Option<usize>,
    map: &PathMap,
    know: &Knowledge,
    locks: &[RawFd],
    sink: &Sink,
) -> Result<Outcome> {
    let program = find_program("make", &make.env).unwrap_or_else(|| "make".into());
    let jobs = Jobs::find(cargo, requested_jobs, &program, sink)?;
    let mut command = Command::new(&program);
    command
        .args(make.args()?)
        .args(jobs.argument())
        .envs(jobs.variable());
    let mut keep = locks.to_vec();
    keep.extend_from_slice(jobs.descriptors());
    for (name, value) in &make.env {
        command.env(name, value);
    }
    listen(command, &make.module_dir, keep, map, know, sink)
}

/// Runs a `prepare` command of the user's in the stage.
pub(crate) fn run_prepare(
    script: &std::ffi::OsStr,
    make: &Make,
    map: &PathMap,
    locks: &[RawFd],
    sink: &Sink,
) -> Result<()> {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script).envs(make.env.iter().cloned());
    let know = Knowledge::default();
    let outcome = listen(command, &make.module_dir, locks.to_vec(), map, &know, sink)?;
    if outcome.success {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::BuildFailed,
        format!(
            "the command that prepares the tree failed ({}): {}{}",
            outcome.status,
            script.to_string_lossy(),
            outcome.summary
        ),
    ))
}

fn listen(
    mut command: Command,
    dir: &Path,
    keep: Vec<RawFd>,
    map: &PathMap,
    know: &Knowledge,
    sink: &Sink,
) -> Result<Outcome> {
    let failed = |e| Error::io("run make in", dir, e);
    // One pipe for both streams: a compiler's message stays behind the step it belongs to.
    let (read, write) = sys::pipe().map_err(failed)?;
    let env: Vec<_> = command
        .get_envs()
        .filter_map(|(n, v)| Some((n.to_owned(), v?.to_owned())))
        .collect();
    command
        .env_clear()
        .envs(env)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(write.try_clone().map_err(failed)?)
        .stderr(write);
    sys::tie_child(&mut command, keep);
    let mut child = command.spawn().map_err(failed)?;
    // The write ends that `command` holds would keep the pipe from ending.
    drop(command);
    let mut diagnosis = Diagnosis::default();
    let lines = read_lines(read);
    let mut silent_since_exit = 0;
    loop {
        match lines.recv_timeout(Duration::from_millis(100)) {
            Ok(line) => output::report(&line, map, &mut |message| {
                sink.send(message);
                if let Message::Output { line, level } = message {
                    let hint = diagnosis.hear(line, *level, know);
                    hint.iter().for_each(|text| sink.hint(text));
                }
            }),
            Err(RecvTimeoutError::Disconnected) => break,
            // A server that the build started (ccache's, sccache's) may hold the pipe for ever.
            Err(RecvTimeoutError::Timeout) => {
                if child.try_wait().map_err(failed)?.is_some() {
                    silent_since_exit += 1;
                    if silent_since_exit > 10 {
                        break;
                    }
                }
            }
        }
    }
    let status = child.wait().map_err(failed)?;
    let cut_off = status.signal().is_some() || diagnosis.was_cut_off();
    Ok(Outcome {
        success: status.success() && !cut_off,
        cut_off,
        summary: diagnosis.summary(know),
        status,
    })
}

fn read_lines(pipe: std::fs::File) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            let text = String::from_utf8_lossy(&line);
            if send
                .send(text.trim_end_matches(['\n', '\r']).to_owned())
                .is_err()
            {
                break;
            }
            line.clear();
        }
    });
    receive
}
