//! Requests to stop: tokens come back, finished objects stay, and the process ends by the signal.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use kbuild_tests::processes::{self, Signal};

use crate::crash::{Running, until};
use crate::support::project::any_kernel;
use crate::support::recorder::Recorder;
use crate::support::*;

/// Stops a build of five objects after `begun` compilers have begun; returns the output.
fn stopped(
    begun: usize,
    signal: Signal,
    dir: &Path,
    recorder: &Recorder,
    makeflags: &str,
) -> String {
    let mut command = command(dir, recorder, makeflags);
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("compilers begin", || recorder.begun() >= begun);
    processes::signal(child.id(), signal);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.signal(), Some(signal.as_raw()), "{said}");
    said
}

fn command(dir: &Path, recorder: &Recorder, makeflags: &str) -> Command {
    let kernel = any_kernel();
    let mut command = Command::new(program());
    command
        .current_dir(dir)
        .args(["build", "--name", "many", "main.c"])
        .args((0..5).map(|part| format!("part{part}.c")))
        .arg(format!("--cc={}", recorder.compiler().display()))
        .arg(format!("--kernel={}", kernel.kdir.display()))
        .env("MAKEFLAGS", makeflags);
    command
}

fn sources() -> tempfile::TempDir {
    let dir = folder(&[("main.c", HELLO)]);
    for part in 0..5 {
        let text = format!("int part{part}(void);\nint part{part}(void) {{ return 1; }}\n");
        write(dir.path(), &[(&format!("part{part}.c"), &text)]);
    }
    dir
}

#[test]
fn a_build_that_waits_for_another_one_can_be_stopped() {
    let recorder = Recorder::with(any_kernel().cc.as_deref().unwrap_or("gcc-12"), "1");
    let dir = sources();
    let start = || {
        let mut command = command(dir.path(), &recorder, "");
        command.arg("--env=KBUILD_TEST_MARK=waits");
        Running::start(command, "waits")
    };
    let mut first = start();
    until("compilers begin", || recorder.begun() > 0);
    let mut second = start();
    until("the second waits", || {
        second.said().contains("waiting for another")
    });
    processes::signal(second.pid(), Signal::TERM);
    assert!(!second.wait());
    assert!(second.said().contains("stopped by signal 15"));
    assert!(!first.has_ended(), "{}", first.said());
    assert!(first.wait(), "{}", first.said());
}

#[test]
fn an_object_that_was_compiled_before_a_build_was_stopped_is_not_compiled_again() {
    let kernel = any_kernel();
    // This takes longer than the window in which files count as unfinished.
    let recorder = Recorder::with(kernel.cc.as_deref().unwrap_or("gcc-12"), "1.2");
    let dir = sources();
    stopped(3, Signal::TERM, dir.path(), &recorder, " -j1");
    recorder.forget();
    built(&mut command(dir.path(), &recorder, " -j1"));
    let again = recorder.begun();
    // The first one is certainly finished, and the third was running.
    assert!((3..=4).contains(&again), "{again} of 5 were compiled again");
}
