//! Runs commands and collects their output.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::limits::Limits;
use super::running::{Running, describe};
use super::sys;
use crate::{Error, Result};

/// The result of a finished command.
#[derive(Debug)]
pub struct Output {
    /// The exit status.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    /// From start to exit.
    pub elapsed: Duration,
}

impl Output {
    /// Standard output as text.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// Runs `command` without standard input and in a process group of its own. Any exit status is an
/// `Ok`.
///
/// # Errors
/// [`Error::Start`]; [`Error::Killed`] if the command exceeded its limits.
pub fn run(command: &mut Command, limits: impl Into<Limits>) -> Result<Output> {
    let heard = listen(command, limits, &|| false)?;
    match heard.ended {
        Ok(status) => Ok(Output {
            status,
            stdout: heard.stdout,
            stderr: heard.stderr,
            elapsed: heard.elapsed,
        }),
        Err(Error::Killed { command, why, .. }) => Err(Error::Killed {
            command,
            why,
            said: tail(&[heard.stdout, heard.stderr].concat()),
        }),
        Err(error) => Err(error),
    }
}

/// What a command wrote until it ended or was ended.
pub(crate) struct Heard {
    /// [`Error::Killed`] if the command exceeded its limits, [`Error::Stopped`] if the caller did not
    /// wait any longer.
    pub(crate) ended: Result<ExitStatus>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) elapsed: Duration,
}

/// As [`run`], and kills the command once `stop` is true. The output comes back however it ends.
pub(crate) fn listen(
    command: &mut Command,
    limits: impl Into<Limits>,
    stop: &dyn Fn() -> bool,
) -> Result<Heard> {
    sys::listen_to_signals(command);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let start = Instant::now();
    let mut running = Running::start(command, limits)?;
    let heard = Arc::new(AtomicBool::new(false));
    let (stdout, stderr) = running.take_pipes();
    let stdout = stdout.map(|pipe| reader(pipe, &heard));
    let stderr = stderr.map(|pipe| reader(pipe, &heard));

    let mut pause = Duration::from_millis(1);
    let ended = loop {
        if heard.swap(false, Ordering::Relaxed) {
            running.heard();
        }
        if stop() {
            break Err(Error::Stopped);
        }
        match running.poll() {
            Ok(None) => std::thread::sleep(pause),
            Ok(Some(status)) => break Ok(status),
            Err(error) => break Err(error),
        }
        pause = (pause * 2).min(Duration::from_millis(20));
    };
    // Kills it, unless it has ended.
    drop(running);
    let elapsed = start.elapsed();
    // A grandchild that left the group may hold the pipes open forever.
    let grace = Instant::now() + Duration::from_secs(2);
    Ok(Heard {
        ended,
        stdout: stdout.map_or_else(Vec::new, |pipe| collect(&pipe, grace)),
        stderr: stderr.map_or_else(Vec::new, |pipe| collect(&pipe, grace)),
        elapsed,
    })
}

/// Runs a command on this process's own terminal, without limits. Once `stop` is true, it is asked to
/// end, so that it can give back the terminal.
pub(crate) fn attend(command: &mut Command, stop: &dyn Fn() -> bool) -> Result<()> {
    let limits = Limits {
        idle: Duration::MAX,
        processor: Duration::MAX,
        wall: Duration::MAX,
    };
    let mut running = Running::start(command, limits)?;
    let mut asked: Option<Instant> = None;
    while running.poll()?.is_none() {
        match asked {
            Some(asked) if asked.elapsed() > Duration::from_secs(2) => return Err(Error::Stopped),
            None if stop() => {
                sys::signal(running.id(), rustix::process::Signal::TERM);
                asked = Some(Instant::now());
            }
            _ => {}
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    match asked {
        Some(_) => Err(Error::Stopped),
        None => Ok(()),
    }
}

/// As [`run`], but an exit status other than 0 is an error.
///
/// # Errors
/// As [`run`]; [`Error::Failed`] with the last lines of the output.
pub fn checked(command: &mut Command, limits: impl Into<Limits>) -> Result<Output> {
    let output = run(command, limits)?;
    if output.status.success() {
        return Ok(output);
    }
    Err(Error::Failed {
        command: describe(command),
        status: output.status,
        said: tail(&[output.stdout, output.stderr].concat()),
    })
}

/// The last 40 lines, as text without carriage returns.
pub fn tail(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace('\r', "");
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

fn reader(mut pipe: impl Read + Send + 'static, heard: &Arc<AtomicBool>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    let heard = heard.clone();
    std::thread::spawn(move || {
        let mut chunk = vec![0; 1 << 16];
        while let Ok(count @ 1..) = pipe.read(&mut chunk) {
            heard.store(true, Ordering::Relaxed);
            if sender.send(chunk[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

fn collect(pipe: &Receiver<Vec<u8>>, until: Instant) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        match pipe.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(chunk) => all.extend(chunk),
            Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => return all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_streams_and_the_status_come_back() {
        let output = run(
            &mut sh("echo a; echo b >&2; exit 3"),
            Duration::from_secs(10),
        )
        .unwrap();
        assert_eq!(
            (output.out().as_str(), output.err().as_str()),
            ("a\n", "b\n")
        );
        assert_eq!(output.status.code(), Some(3));
    }

    #[test]
    fn a_command_over_its_limit_is_killed_with_all_that_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let script = format!(
            "cd {}; echo begun; sleeps='echo $$ >> ids; exec sleep 1000'
             setsid sh -c \"$sleeps\" & (sh -c \"$sleeps\" &); eval \"$sleeps\"",
            dir.path().display()
        );
        let limits = Limits::wall(Duration::from_secs(2));
        let error = run(&mut sh(&script), limits).unwrap_err().to_string();
        assert!(error.contains("was killed after 2 s"), "{error}");
        assert!(error.contains("begun"), "{error}");
        let ids = std::fs::read_to_string(dir.path().join("ids")).unwrap();
        let ids: Vec<u32> = ids.lines().map(|id| id.parse().unwrap()).collect();
        assert!(!ids.is_empty(), "none began");
        let start = Instant::now();
        while ids.iter().any(|id| tree::is_alive(*id)) {
            assert!(start.elapsed() < Duration::from_secs(600), "left: {ids:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn output_beyond_a_pipe_is_not_a_deadlock() {
        let output = run(
            &mut sh("head -c 1000000 /dev/zero"),
            Duration::from_secs(10),
        )
        .unwrap();
        assert_eq!(output.stdout.len(), 1_000_000);
    }

    #[test]
    fn a_failed_command_says_which_and_why() {
        let error = checked(&mut sh("echo no luck >&2; exit 1"), Duration::from_secs(10));
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("no luck") && error.contains("exit 1"),
            "{error}"
        );
    }
}
