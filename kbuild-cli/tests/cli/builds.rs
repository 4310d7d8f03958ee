//! `build` without a kernel: failures as text and as JSON.

use std::fs;

use tempfile::TempDir;

use crate::support::{program, refused, run, stderr, stdout};

#[test]
fn a_kernel_that_is_not_there_fails_the_build_and_leaves_no_folder() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("Kbuild"), "obj-m := hello.o\n").unwrap();
    fs::write(dir.path().join("hello.c"), "").unwrap();
    let output = program()
        .current_dir(dir.path())
        .args(["build", "--kernel", "/no/such/kernel"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("/no/such/kernel"));
    assert_eq!(stdout(&output), "");
    assert!(!dir.path().join("kbuild-out").exists());
}

#[test]
fn json_carries_the_failure_and_standard_error_stays_empty() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("Kbuild"), "obj-m := hello.o\n").unwrap();
    let output = program()
        .current_dir(dir.path())
        .args(["build", "--kernel", "/no/such/kernel"])
        .args(["--message-format", "json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), "");
    let lines: Vec<serde_json::Value> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [.., error, last] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert_eq!(error["reason"], "error");
    assert_eq!(error["kind"], "kernel-not-found");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("/no/such/kernel")
    );
    assert_eq!(last["reason"], "build-finished");
    assert_eq!(last["success"], false);
}

#[test]
fn every_missing_kernel_is_reported() {
    let output = run(["build", "--kernel", "/no/a", "--kernel", "/no/b"]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("/no/a") && said.contains("/no/b"), "{said}");
    assert!(said.contains("2 not built"), "{said}");
}

#[test]
fn builds_whose_products_would_be_one_file_are_refused() {
    let dir = TempDir::new().unwrap();
    let folders = ["a/driver", "b/driver"].map(|name| dir.path().join(name));
    folders.iter().for_each(|f| fs::create_dir_all(f).unwrap());
    let [a, b] = folders.map(|folder| folder.to_str().unwrap().to_owned());
    refused(&["build", &a, &b], "driver.symvers");
    refused(
        &["build", &a, "--symvers", &b],
        "not one of the module trees",
    );
    refused(
        &["build", &a, dir.path().to_str().unwrap(), "--output", "x"],
        "one file",
    );
}
