//! `kernels`, as a table and as JSON.

use crate::support::{program, refused, run, stderr, stdout};

#[test]
fn kernels_are_one_object_a_line_or_a_word_that_there_is_none() {
    let json = run(["kernels", "--message-format", "json"]);
    assert_eq!(json.status.code(), Some(0));
    let mut usable = false;
    for line in stdout(&json).lines() {
        let kernel: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(kernel["path"].is_string() && kernel["kernel"].is_string());
        usable |= kernel["usable"] == true;
    }
    let table = run(["kernels"]);
    assert_eq!(table.status.code(), Some(0));
    // All trees of a machine may be unusable.
    assert_eq!(stdout(&table).contains("RELEASE"), usable);
    if stdout(&json).is_empty() {
        assert_eq!(stdout(&table), "");
        assert!(stderr(&table).contains("no kernel tree"));
    }
}

#[test]
fn one_kernel_that_was_asked_for_and_is_not_there_is_an_error() {
    let output = run(["kernels", "--message-format", "json", "/no/such/kernel"]);
    assert_eq!(output.status.code(), Some(1));
    let row: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(row["usable"], false);
    assert_eq!(row["path"], "/no/such/kernel");
    assert_eq!(row["error"]["kind"], "kernel-not-found");
    refused(&["kernels", "--default", "6.1"], "--default");
}

#[test]
fn the_default_kernel_is_the_one_that_kdir_names() {
    let output = program()
        .args(["kernels", "--default"])
        .env("KDIR", "/no/such/kernel")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("/no/such/kernel"));
}
