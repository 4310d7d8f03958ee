//! The program as it is called: its exit codes, its streams, its words. Nothing here needs a
//! kernel; what is built for one is tested in tests/e2e.

// Clippy knows the tests themselves, and not the functions that they call.
#![allow(clippy::unwrap_used)]

mod usage;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// An empty folder for one test.
fn scratch(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_kbuild-rs"));
    for name in ["KDIR", "NO_COLOR", "KBUILD_RS_SKIP", "MAKEFLAGS"] {
        program.env_remove(name);
    }
    program
}

fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Output {
    program().args(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The call is refused with code 2 and says `wanted`; nothing goes to standard output.
fn refused(args: &[&str], wanted: &str) {
    let output = run(args);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
    assert!(said.contains(wanted), "{args:?}: {said}");
    assert_eq!(stdout(&output), "", "{args:?}");
}

#[test]
fn version_and_help_are_results() {
    let version = run(["--version"]);
    assert_eq!(version.status.code(), Some(0));
    assert_eq!(
        stdout(&version),
        concat!("kbuild-rs ", env!("CARGO_PKG_VERSION"), "\n")
    );
    let help = run(["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for word in ["build", "kernels", "info", "clean", "Exit status:"] {
        assert!(stdout(&help).contains(word), "{word}");
    }
}

#[test]
fn the_help_maps_the_targets_of_kbuild() {
    let help = stdout(&run(["help"]));
    assert_eq!(help, stdout(&run(["--help"])));
    let (_, list) = help.split_once("make -C $KDIR M=$PWD").unwrap();
    let (list, _) = list.split_once("Exit status:").unwrap();
    for target in [
        "modules",
        "foo.lst",
        "dir/",
        "clean",
        "help",
        "modules_install",
    ] {
        let mut lines = list.lines().filter(|line| line.starts_with("  "));
        let line = lines.find(|line| {
            line.split(' ')
                .any(|word| word.trim_end_matches(',') == target)
        });
        assert!(line.is_some(), "{target} in {help}");
    }
    // What it offers instead is there.
    let build = stdout(&run(["build", "--help"]));
    let flags: Vec<_> = list
        .split_whitespace()
        .filter(|word| word.starts_with("--"))
        .collect();
    assert!(flags.len() >= 5, "{flags:?}");
    for flag in flags {
        assert!(
            build.contains(&format!("{flag} ")) || build.contains(&format!("{flag}\n")),
            "{flag}"
        );
    }
}

#[test]
fn the_help_of_build_groups_its_flags_and_shows_examples() {
    let help = stdout(&run(["build", "--help"]));
    for word in [
        "A module tree is a folder with a Kbuild or a Makefile",
        "Kernel and toolchain:",
        "Module tree:",
        "Module from sources (--name):",
        "Products:",
        "Examples:",
    ] {
        assert!(help.contains(word), "{word}");
    }
}

#[test]
fn a_call_without_a_verb_shows_the_help_and_fails() {
    refused(&[], "Usage: kbuild-rs");
}

#[test]
fn an_unknown_flag_names_the_one_that_was_meant() {
    refused(&["build", "--kernels", "x"], "'--kernel'");
}

#[test]
fn flags_of_one_form_are_refused_with_the_other() {
    refused(&["build", "--name", "hello"], "needs the sources");
    refused(
        &["build", "--name", "hello", "hello.c", "--root", ".."],
        "--root is for a module tree",
    );
    refused(&["build", "--ldflag", "-z"], "needs --name");
    refused(&["build", "--prepare-input", "x"], "there is no --prepare");
}

#[test]
fn sources_without_a_name_are_told_from_folders() {
    let dir = scratch("source-without-name");
    let file = dir.join("hello.c");
    fs::write(&file, "").unwrap();
    let file = file.to_str().unwrap();
    refused(&["build", file], "is a file");
    refused(&["build", "a.c", "b.c"], "with --name");
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
fn a_kernel_that_is_not_there_fails_the_build_and_leaves_no_folder() {
    let dir = scratch("no-kernel");
    fs::write(dir.join("Kbuild"), "obj-m := hello.o\n").unwrap();
    fs::write(dir.join("hello.c"), "").unwrap();
    let output = program()
        .current_dir(&dir)
        .args(["build", "--kernel", "/no/such/kernel"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("/no/such/kernel"));
    assert_eq!(stdout(&output), "");
    assert!(!dir.join("kbuild-out").exists());
}

#[test]
fn json_carries_the_failure_and_standard_error_stays_empty() {
    let dir = scratch("json-failure");
    fs::write(dir.join("Kbuild"), "obj-m := hello.o\n").unwrap();
    let output = program()
        .current_dir(&dir)
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
    let dir = scratch("one-name");
    let folders = ["a/driver", "b/driver"].map(|name| dir.join(name));
    folders.iter().for_each(|f| fs::create_dir_all(f).unwrap());
    let [a, b] = folders.map(|folder| folder.to_str().unwrap().to_owned());
    refused(&["build", &a, &b], "driver.symvers");
    refused(&["build", &a, "--symvers", &b], "none of the module trees");
    refused(
        &["build", &a, dir.to_str().unwrap(), "--output", "x"],
        "one file",
    );
}

#[test]
fn colour_is_for_terminals_unless_it_is_asked_for() {
    let dir = scratch("colour");
    let said = |color: &[&str]| {
        let output = program()
            .current_dir(&dir)
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
fn info_refuses_what_is_no_module() {
    let dir = scratch("info");
    let text = dir.join("notes.ko");
    fs::write(&text, "not an ELF file").unwrap();
    let output = run([OsStr::new("info"), text.as_os_str()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("notes.ko"), "{}", stderr(&output));

    let missing = dir.join("missing.ko");
    let output = run([OsStr::new("info"), missing.as_os_str()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("missing.ko"));
}

#[test]
fn info_on_a_folder_without_modules_says_so() {
    let dir = scratch("info-empty");
    let output = run([OsStr::new("info"), dir.as_os_str()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no .ko"), "{}", stderr(&output));
}

#[test]
fn kernels_are_one_object_a_line_or_a_word_that_there_is_none() {
    let json = run(["kernels", "--json"]);
    assert_eq!(json.status.code(), Some(0));
    let mut usable = false;
    for line in stdout(&json).lines() {
        let kernel: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(kernel["path"].is_string() && kernel["name"].is_string());
        usable |= kernel["usable"] == true;
    }
    let table = run(["kernels"]);
    assert_eq!(table.status.code(), Some(0));
    // A machine may have trees of which none can be used.
    assert_eq!(stdout(&table).contains("RELEASE"), usable);
    if stdout(&json).is_empty() {
        assert_eq!(stdout(&table), "");
        assert!(stderr(&table).contains("no kernel tree"));
    }
}

#[test]
fn clean_where_nothing_was_built_is_no_failure() {
    let dir = scratch("clean");
    let output = program().current_dir(&dir).arg("clean").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("nothing to remove in kbuild-out"));
}

#[test]
fn a_reader_that_goes_away_is_no_reason_to_panic() {
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
    let dir = scratch("full");
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = program()
        .current_dir(&dir)
        .args(["build", "--kernel", "/no/such/kernel"])
        .args(["--message-format", "json"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("cannot write to standard output"));
}

#[test]
fn a_call_may_come_from_a_file_one_argument_a_line() {
    let dir = scratch("arguments");
    let file = dir.join("call");
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
fn one_kernel_that_was_asked_for_and_is_not_there_is_an_error() {
    let output = run(["kernels", "--json", "/no/such/kernel"]);
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

#[test]
fn compile_commands_of_modules_get_among_those_of_a_project() {
    let dir = scratch("compile-commands");
    let file = |name: &str| dir.join(name).into_os_string();
    let modules = r#"{"directory":"/k","file":"/m.c","arguments":["cc"]}"#;
    let projects = r#"{"directory":"/b","file":"/p.c","command":"cc"}"#;
    fs::write(dir.join("modules"), format!("[{modules}]")).unwrap();
    fs::write(dir.join("all"), format!("[{projects}]")).unwrap();
    let arguments = [
        "compile-commands".into(),
        file("modules"),
        "--into".into(),
        file("all"),
        "--record".into(),
        file("record"),
    ];
    assert_eq!(run(&arguments).status.code(), Some(0));
    let all = || fs::read_to_string(dir.join("all")).unwrap();
    assert_eq!(all(), format!("[\n{projects},\n{modules}\n]\n"));
    fs::write(dir.join("all"), "no list").unwrap();
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("is no list of compile commands"), "{said}");
    assert_eq!(all(), "no list");
}
