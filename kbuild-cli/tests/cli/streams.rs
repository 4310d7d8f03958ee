//! Standard output and standard error: colour, closed pipes, full disks.

use std::fs;
use std::process::{Command, Stdio};

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

#[test]
fn the_limit_of_file_sizes_is_an_error_that_names_it() {
    let dir = TempDir::new().unwrap();
    let results = fs::File::create(dir.path().join("results")).unwrap();
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -f 0; exec \"$0\" \"$@\""]);
    limited.arg(program().get_program());
    limited.args(["verify", "--message-format", "json", "--root"]);
    let output = limited.arg(dir.path()).stdout(results).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{:?}", output.status);
    let said = stderr(&output);
    let words = "cannot write to standard output: File too large (os error 27); the limit of file \
                 sizes (ulimit -f) is 0 KiB: raise it";
    assert!(said.contains(words), "{said}");
}
