//! Runs commands within limits and shows their output as it comes.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use kbuild_vm::process::{Limits, Running, describe};
use rustix::pipe::PipeFlags;

use crate::{Result, keeper};

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// The target folder of this workspace: this program is in `<target>/<profile>/`.
pub(crate) fn target_dir() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    own.ancestors()
        .nth(2)
        .map_or_else(|| root().join("target"), Path::to_path_buf)
}

/// The Cargo that runs this program, in the workspace, without the caller's variables for
/// kbuild-rs, kbuild or make, because they would change the build.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    scrub(&mut command);
    command
}

/// Removes variables from a command's environment that would change a module's build.
pub(crate) fn scrub(command: &mut Command) {
    const OUTER_MAKE: &[&str] = &["MAKEFLAGS", "MFLAGS", "CARGO_MAKEFLAGS"];
    // Each of these also has names with a target: `KDIR_<target>`, `TARGET_KDIR`.
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

/// Keeps only the variables of a machine's setup in a command's environment. A variable of CMake,
/// Ninja or Git (`GIT_DIR` in a hook) would change the results of tests.
pub(crate) fn keep_setup_only(command: &mut Command) {
    const NAMES: &[&str] = &[
        "CI",
        "HOME",
        "LANG",
        "LIBCLANG_PATH",
        "LOGNAME",
        "PATH",
        "SHELL",
        "TERM",
        "TMPDIR",
        "TZ",
        "USER",
        "XDG_CACHE_HOME",
    ];
    // Variables for the network access of Cargo, pip and apt, and for Rust's compilers.
    const GROUPS: &[&str] = &[
        "CARGO_BUILD_",
        "CARGO_HOME",
        "CARGO_HTTP_",
        "CARGO_INCREMENTAL",
        "CARGO_NET_",
        "CARGO_PROFILE_",
        "CARGO_REGISTR",
        "CARGO_SOURCE_",
        "KBUILD_RS_FULL_TESTS",
        "KBUILD_RS_LAB",
        "KBUILD_TEST_",
        "LC_",
        "PIP_",
        "RUST",
        "SSL_CERT_",
    ];
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let is_proxy = text.to_ascii_lowercase().ends_with("_proxy");
        let is_kept = NAMES.contains(&&*text) || GROUPS.iter().any(|group| text.starts_with(group));
        if !is_kept && !is_proxy {
            command.env_remove(&name);
        }
    }
    command.env("PATH", path_to_compilers());
}

/// `PATH` without folders in which compilers are links to a cache. A cache does not notice each
/// change that a compiler would, and the tests would blame the compiler.
fn path_to_compilers() -> OsString {
    const CACHES: &[&str] = &["ccache", "sccache", "distcc", "icecc"];
    let is_cache = |folder: &PathBuf| {
        ["cc", "gcc"].iter().any(|name| {
            let real = std::fs::canonicalize(folder.join(name)).unwrap_or_default();
            CACHES.iter().any(|cache| real.ends_with(cache))
        })
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).filter(|folder| !is_cache(folder));
    std::env::join_paths(folders).unwrap_or(path)
}

/// Runs `command` on this terminal. Any exit status is an `Ok`.
pub(crate) fn show(command: &mut Command, limits: impl Into<Limits>) -> Result<ExitStatus> {
    let mut running = start(command.stdin(Stdio::null()), limits)?;
    loop {
        if let Some(status) = running.poll()? {
            return Ok(status);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// As [`show`], but `see` gets each line of the output, standard error included, with the number of
/// the command's process. `see` returns whether the line is shown.
pub(crate) fn watch(
    command: &mut Command,
    limits: impl Into<Limits>,
    mut see: impl FnMut(&str, u32) -> bool,
) -> Result<ExitStatus> {
    let (pipe, mut running) = start_joined(command, limits)?;
    let lines = lines(pipe);
    let mut exited = None;
    loop {
        match lines.recv_timeout(Duration::from_millis(50)) {
            Ok(line) => {
                running.heard();
                if see(&line, running.id()) {
                    println!("{line}");
                }
                continue;
            }
            // A grandchild may hold the pipe open after the child has ended, so silence ends the
            // loop too.
            Err(RecvTimeoutError::Timeout) if exited.is_none() => {}
            Err(_) => {
                if let Some(status) = exited {
                    return Ok(status);
                }
            }
        }
        exited = running.poll()?;
    }
}

/// Starts a command with one pipe for both streams. With two pipes, lines of one would overtake
/// those of the other.
fn start_joined(command: &mut Command, limits: impl Into<Limits>) -> Result<(File, Running)> {
    let (reader, writer) =
        rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(|error| format!("no pipe: {error}"))?;
    let second = writer.try_clone();
    let second = second.map_err(|error| format!("no pipe: {error}"))?;
    command.stdin(Stdio::null()).stdout(writer).stderr(second);
    let running = start(command, limits);
    // The command holds the pipe's ends until it gets others.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Ok((reader.into(), running?))
}

/// The lines of a pipe as they come.
fn lines(pipe: File) -> Receiver<String> {
    let (sender, lines) = channel();
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
    lines
}

/// As [`show`], but an exit status other than 0 is an error.
pub(crate) fn checked(command: &mut Command, limits: impl Into<Limits>) -> Result<()> {
    let status = show(command, limits)?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{}` failed ({status})", describe(command)))
    }
}

/// Runs `command` without showing its output, and returns its standard output; `None` if it cannot
/// be started or fails.
pub(crate) fn ask(command: &mut Command) -> Option<String> {
    let output = kbuild_tests::run::run(command, Duration::from_secs(60)).ok()?;
    output.status.success().then(|| output.out())
}

fn start(command: &mut Command, limits: impl Into<Limits>) -> Result<Running> {
    if keeper::is_ending() {
        return Err(format!(
            "`{}` was not started: told to end",
            describe(command)
        ));
    }
    // Children stay in our own process group, so that Ctrl-C in the terminal reaches them.
    Ok(Running::start(command, limits)?)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use kbuild_tests::processes;

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
        let status = watch(&mut sh(script), Duration::from_secs(10), |line, _| {
            seen.push(line.to_owned());
            false
        });
        assert_eq!(status.unwrap().code(), Some(3));
        assert_eq!(seen, ["a", "b", "c"]);
    }

    #[test]
    fn a_command_over_its_limit_is_killed_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let script = format!("cd {}; setsid sleep 1000 & wait", folder.path().display());
        let limits = Limits::wall(Duration::from_secs(1));
        let error = watch(&mut sh(&script), limits, |_, _| true).unwrap_err();
        assert!(error.ends_with("was killed after 1 s"), "{error}");
        let start = Instant::now();
        while !processes::around(folder.path()).is_empty() {
            assert!(start.elapsed().as_secs() < 600, "the grandchild was left");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
