//! Commands whose output is shown as it comes, each with a time limit.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::Result;

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// Where Cargo puts what this workspace builds: this program lies in `<target>/<profile>/`.
pub(crate) fn target_dir() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    own.ancestors()
        .nth(2)
        .map_or_else(|| root().join("target"), Path::to_path_buf)
}

/// The Cargo that runs us, in the workspace, without what the caller's shell says to kbuild-rs,
/// to kbuild or to make: it would change what is built.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    scrub(&mut command);
    command
}

/// Takes out of a command's environment what would change a module's build.
pub(crate) fn scrub(command: &mut Command) {
    const OUTER_MAKE: &[&str] = &["MAKEFLAGS", "MFLAGS", "CARGO_MAKEFLAGS"];
    // Each of these is looked up for a target too: `KDIR_<target>`, `TARGET_KDIR`.
    const PER_TARGET: &[&str] = &["KDIR", "ARCH", "CROSS_COMPILE", "LLVM", "KBUILD_RS_CC"];
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let stem = text.strip_prefix("TARGET_").unwrap_or(&text);
        let is_per_target = PER_TARGET.iter().any(|wanted| {
            let rest = stem.strip_prefix(wanted);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        });
        if is_per_target || OUTER_MAKE.contains(&&*text) || text == "KBUILD_RS_SKIP" {
            command.env_remove(&name);
        }
    }
}

/// The command as a person would type it, for messages: its environment is left out.
pub(crate) fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(OsStr::new("?"));
    std::iter::once(program)
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs `command` on our own terminal. Any exit status is an `Ok`.
pub(crate) fn show(command: &mut Command, limit: Duration) -> Result<ExitStatus> {
    let mut child = start(command.stdin(Stdio::null()))?;
    let until = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().map_err(|e| e.to_string())? {
            return Ok(status);
        }
        if Instant::now() >= until {
            return Err(over(&mut child, command, limit));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// As [`show`], but each line of the output, standard error included, is given to `see`, which
/// says whether it is shown.
pub(crate) fn watch(
    command: &Command,
    limit: Duration,
    mut see: impl FnMut(&str) -> bool,
) -> Result<ExitStatus> {
    // One pipe for both streams: with two, lines of one overtake those of the other.
    let mut joined = Command::new("sh");
    joined
        .args(["-c", "exec \"$@\" 2>&1", "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if let Some(folder) = command.get_current_dir() {
        joined.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => joined.env(name, value),
            None => joined.env_remove(name),
        };
    }
    let mut child = start(&mut joined)?;
    let (sender, lines) = channel();
    if let Some(pipe) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while matches!(pipe.read_until(b'\n', &mut line), Ok(1..)) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                if sender.send(text).is_err() {
                    break;
                }
                line.clear();
            }
        });
    }
    let until = Instant::now() + limit;
    let mut exited = None;
    loop {
        match lines.recv_timeout(Duration::from_millis(50)) {
            Ok(line) => {
                if see(&line) {
                    println!("{line}");
                }
                continue;
            }
            // A grandchild may hold the pipe open after the child has gone: silence ends it too.
            Err(RecvTimeoutError::Timeout) if exited.is_none() => {}
            Err(_) => {
                if let Some(status) = exited {
                    return Ok(status);
                }
            }
        }
        exited = child.try_wait().map_err(|e| e.to_string())?;
        if exited.is_none() && Instant::now() >= until {
            return Err(over(&mut child, command, limit));
        }
    }
}

/// As [`show`], and an exit status other than 0 is an error.
pub(crate) fn checked(command: &mut Command, limit: Duration) -> Result<()> {
    let status = show(command, limit)?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{}` failed ({status})", describe(command)))
    }
}

/// Runs `command` unseen and returns its standard output; `None` when it cannot be started or
/// fails.
pub(crate) fn ask(command: &mut Command) -> Option<String> {
    let output = kbuild_tests::run::run(command, Duration::from_secs(60)).ok()?;
    output.status.success().then(|| output.out())
}

fn start(command: &mut Command) -> Result<Child> {
    command
        .spawn()
        .map_err(|error| format!("cannot start `{}`: {error}", describe(command)))
}

fn over(child: &mut Child, command: &Command, limit: Duration) -> String {
    kill_tree(child.id());
    // Killed: the wait only reaps it.
    let _ = child.wait();
    format!(
        "`{}` was still running after {} s and was killed",
        describe(command),
        limit.as_secs()
    )
}

/// Ends a process and all that it started. Children stay in our own process group, so that
/// Ctrl-C in the terminal reaches them; hence no group can be killed here.
fn kill_tree(top: u32) {
    let mut doomed = vec![top];
    let pairs = processes();
    let mut next = 0;
    while let Some(&parent) = doomed.get(next) {
        doomed.extend(
            pairs
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(pid, _)| *pid),
        );
        next += 1;
    }
    let mut kill = Command::new("sh");
    kill.args(["-c", "kill -KILL \"$@\" 2>/dev/null", "sh"]);
    // Best effort: what is gone already needs no killing.
    let _ = kill.args(doomed.iter().map(u32::to_string)).status();
}

/// Every process with its parent.
fn processes() -> Vec<(u32, u32)> {
    let parent = |pid: u32| -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, in parentheses, may hold anything.
        stat.rsplit_once(')')?
            .1
            .split_whitespace()
            .nth(1)?
            .parse()
            .ok()
    };
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, parent(pid)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_streams_are_seen_in_order() {
        let mut seen = Vec::new();
        let script = "echo a; echo b >&2; echo c; exit 3";
        let status = watch(&sh(script), Duration::from_secs(10), |line| {
            seen.push(line.to_owned());
            false
        });
        assert_eq!(status.unwrap().code(), Some(3));
        assert_eq!(seen, ["a", "b", "c"]);
    }

    #[test]
    fn a_command_over_its_limit_is_killed_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let alive = folder.path().join("alive");
        let script = format!("(sleep 2; touch {}) & wait", alive.display());
        let error = watch(&sh(&script), Duration::from_millis(300), |_| true).unwrap_err();
        assert!(error.contains("was still running"), "{error}");
        std::thread::sleep(Duration::from_millis(2500));
        assert!(!alive.exists(), "the grandchild was left");
    }

    #[test]
    fn a_message_shows_the_command_and_not_where_it_lies() {
        let mut command = Command::new("/opt/tools/bin/cargo");
        assert_eq!(describe(command.args(["fmt", "--all"])), "cargo fmt --all");
    }
}
