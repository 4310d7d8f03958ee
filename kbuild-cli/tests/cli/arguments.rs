//! Calls that are refused before anything runs, and calls that come from a file.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use tempfile::TempDir;

use crate::support::{refused, run, stderr};

#[test]
fn an_unknown_flag_names_the_one_that_was_meant() {
    refused(&["build", "--kernels", "x"], "'--kernel'");
}

#[test]
fn flags_of_one_form_are_refused_with_the_other() {
    refused(&["build", "--name", "hello"], "needs the sources");
    refused(
        &["build", "--name", "hello", "hello.c", "--tree-root", ".."],
        "--tree-root is for a module tree",
    );
    refused(
        &["build", "--ldflag", "-z"],
        "--ldflag only works with --name",
    );
    refused(
        &["build", "--prepare-input", "x"],
        "--prepare is missing: add --prepare",
    );
}

#[test]
fn sources_without_a_name_are_told_from_folders() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("hello.c");
    fs::write(&file, "").unwrap();
    let file = file.to_str().unwrap();
    refused(&["build", file], "is a file");
    refused(&["build", "a.c", "b.c"], "kbuild-rs build --name NAME a.c");
}

#[test]
fn values_are_checked_before_anything_runs() {
    refused(&["build", "--config", "FOO=x"], "FOO=m, FOO=y or FOO=n");
    refused(&["build", "--config", "FOO"], "FOO=m, FOO=y or FOO=n");
    refused(&["build", "--env", "FOO"], "expected NAME=VALUE");
    refused(&["build", "--make-var", "=x"], "expected NAME=VALUE");
    refused(&["build", "-j0"], "0 is not in 1..");
    refused(&["build", "--missing-symvers", "maybe"], "error, warn");
    refused(&["build", "-q", "-v"], "cannot be used with");
    refused(&["build", "--name", "x", "x.c", "-D", "=1"], "NAME=VALUE");
}

#[test]
fn the_error_about_a_config_that_is_not_a_switch_proposes_a_make_variable() {
    let output = run(["build", "--config", "FOO=4"]);
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(
        text.contains("--make-var CONFIG_FOO=4, for C with -D CONFIG_FOO=4"),
        "{text}"
    );
}

#[test]
fn one_file_cannot_be_the_product_of_two_kernels() {
    for flag in ["--output", "--depfile"] {
        refused(
            &["build", "--kernel", "a", "--kernel", "b", flag, "x"],
            "run the program once for each kernel",
        );
    }
}

#[test]
fn a_define_that_is_not_utf8_is_refused() {
    let value = OsStr::from_bytes(b"X=\xff");
    let output = run([
        OsStr::new("build"),
        OsStr::new("--name=x"),
        OsStr::new("-D"),
        value,
        OsStr::new("x.c"),
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("UTF-8"));
}

#[test]
fn a_call_may_come_from_a_file_one_argument_a_line() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("call");
    fs::write(&file, "build\n--name\nhello\n/no/such/$(source) here.c").unwrap();
    let named = format!("@{}", file.display());
    let output = run([&*named, "--dry-run", "--kernel", "/no/such/kernel"]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("/no/such/kernel"), "{said}");
    refused(
        &["@/no/such/call"],
        "cannot read arguments from /no/such/call",
    );
    fs::write(&file, "build\n--no-such-flag\n").unwrap();
    refused(&[&*named], "--no-such-flag");
}

#[test]
fn flags_of_a_signature_that_exclude_each_other_are_refused() {
    let refuse = |args: &[&str], wanted: &str| refused(&[&["sign"], args].concat(), wanted);
    refuse(&[], "required");
    refuse(&["a.ko", "--cert", "c.pem"], "needs its key");
    refuse(
        &["a.ko", "--key", "pkcs11:object=a"],
        "its certificate is missing",
    );
    refuse(
        &["a.ko", "b.ko", "-o", "c.ko", "--key", "k"],
        "name an existing folder",
    );
    for digest in [["--key", "k"], ["--cert", "c"], ["--output", "o"]] {
        refuse(
            &[&["a.ko", "--digest-out", "d"][..], &digest].concat(),
            "cannot be used with",
        );
    }
    refuse(
        &["a.ko", "--signature-in", "s", "--key", "k"],
        "cannot be used with",
    );
    let uri = "pkcs11:object=a?pin-value=1234";
    refuse(&["a.ko", "--key", uri, "--cert", "c.pem"], "contains a PIN");
    for more in [
        &[][..],
        &["--cert", "c.pem"],
        &["-o", "none/"],
        &["--dry-run"],
    ] {
        let said = stderr(&run([&["sign", "a.ko", "--key", uri], more].concat()));
        assert!(!said.contains("1234"), "{said}");
    }
}

#[test]
fn a_value_that_must_be_utf8_and_is_not_is_named() {
    let value = OsStr::from_bytes(b"--exclude=a\xff");
    let output = run([OsStr::new("build"), value]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains(r#""--exclude=a\xFF" is not UTF-8"#), "{said}");
}
