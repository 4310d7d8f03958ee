//! Runs the program.

use std::ffi::OsStr;
use std::process::{Command, Output};

/// The program, without the variables that it reads.
pub(crate) fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_kbuild-rs"));
    for name in ["KDIR", "NO_COLOR", "KBUILD_RS_SKIP", "MAKEFLAGS"] {
        program.env_remove(name);
    }
    program
}

pub(crate) fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Output {
    program().args(args).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The call is refused with code 2 and says `wanted`; nothing goes to standard output.
pub(crate) fn refused(args: &[&str], wanted: &str) {
    let output = run(args);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
    assert!(said.contains(wanted), "{args:?}: {said}");
    assert_eq!(stdout(&output), "", "{args:?}");
}
