//! `install` and its kin, as far as they need no module: tests/e2e and the library install some.

use std::fs;

use tempfile::TempDir;

use crate::support::{refused, run, stderr, stdout};

#[test]
fn a_missing_module_is_a_wrong_call() {
    refused(&["install", "nowhere"], "nowhere does not exist");
    refused(&["uninstall"], "required");
    refused(&["uninstall", "hello", "--all"], "cannot be used with");
    let root = TempDir::new().unwrap();
    let root = root.path().to_str().unwrap();
    refused(
        &["uninstall", "hello", "--root", root],
        "has not installed a module hello",
    );
    refused(&["rollback", "--root", root], "nothing to go back to");
    refused(
        &["status", "--root", root, "--kernel", "6.1"],
        "a module for 6.1",
    );
}

#[test]
fn a_folder_without_modules_and_a_file_that_is_none_are_named() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path().to_str().unwrap();
    refused(&["install", folder], "contains no module");
    let file = scratch.path().join("fake.ko");
    fs::write(&file, "text").unwrap();
    let output = run(["install", folder]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("fake.ko"), "{}", stderr(&output));
    let json = run(["install", folder, "--message-format", "json"]);
    let lines = stdout(&json);
    let lines: Vec<&str> = lines.lines().collect();
    assert!(
        lines[0].starts_with(r#"{"reason":"error","kind":"invalid-file""#),
        "{lines:?}"
    );
    assert_eq!(lines[1], r#"{"reason":"install-finished","success":false}"#);
}

#[test]
fn texts_that_no_package_can_have_are_refused_before_modules_are_read() {
    let long = "x".repeat(300);
    let digits = "1".repeat(300);
    for (flag, text, words) in [
        ("--name", &*long, "--name has 300 characters"),
        ("--name", "Up", "--name Up"),
        ("--package-version", &*digits, "--package-version has 300"),
    ] {
        refused(
            &["package", "nowhere", flag, text, "--format", "deb"],
            words,
        );
    }
}

#[test]
fn a_root_without_modules_of_ours_has_no_status_and_no_problem() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    for verb in ["status", "verify"] {
        let output = run([verb.as_ref(), "--root".as_ref(), root.as_os_str()]);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(stdout(&output), "");
        let said = stderr(&output);
        assert!(said.contains("has installed no module"), "{said}");
    }
    assert_eq!(fs::read_dir(root).unwrap().count(), 0);
}
