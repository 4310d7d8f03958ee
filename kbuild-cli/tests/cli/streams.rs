//! Standard output and standard error: colour, closed pipes, full disks.

use std::fs;
use std::process::Stdio;

use tempfile::TempDir;

use crate::support::{program, stderr};

#[test]
fn colour_is_for_terminals_unless_it_is_asked_for() {
    let dir = TempDir::new().unwrap();
    let said = |color: &[&str]| {
        let output = program()
            .current_dir(dir.path())
            .args(["build", "--kernel", "/no/such/kernel"])
            .args(color)
            .output()
            .unwrap();
        stderr(&output)
    };
    assert!(!said(&[]).contains('\x1b'));
    assert!(said(&["--color", "always"]).contains("\x1b[1;31merror:\x1b[0m "));
}

#[test]
fn a_reader_that_goes_away_causes_no_panic() {
    let mut child = program()
        .args(["build", "--help"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stderr(&output), "");
}

#[test]
fn results_that_cannot_be_written_fail_the_run() {
    let dir = TempDir::new().unwrap();
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = program()
        .current_dir(dir.path())
        .args(["build", "--kernel", "/no/such/kernel"])
        .args(["--message-format", "json"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("cannot write to standard output"));
}
