//! `info` of files that are not modules.

use std::ffi::OsStr;
use std::fs;

use tempfile::TempDir;

use crate::support::{run, stderr};

#[test]
fn info_refuses_a_file_that_is_not_a_module() {
    let dir = TempDir::new().unwrap();
    let text = dir.path().join("notes.ko");
    fs::write(&text, "not an ELF file").unwrap();
    let output = run([OsStr::new("info"), text.as_os_str()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("notes.ko"), "{}", stderr(&output));

    let missing = dir.path().join("missing.ko");
    let output = run([OsStr::new("info"), missing.as_os_str()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("missing.ko"));
}

#[test]
fn info_on_a_folder_without_modules_says_so() {
    let dir = TempDir::new().unwrap();
    let output = run([OsStr::new("info"), dir.path().as_os_str()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("contains no module (.ko)"),
        "{}",
        stderr(&output)
    );
}
