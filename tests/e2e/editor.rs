//! compile_commands.json: clangd reads the examples' modules without an error that gcc does not
//! have.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kbuild_tests::lab::{self, packages};
use kbuild_tests::{run, scope};
use serde_json::Value;

use crate::support::project::root;
use crate::support::{build, built};

/// The entries of a folder's file, as (file, arguments).
fn entries(out: &Path) -> Vec<(PathBuf, Vec<String>)> {
    let text = fs::read_to_string(out.join("compile_commands.json")).unwrap();
    let entries: Vec<Value> = serde_json::from_str(&text).unwrap();
    let words = |value: &Value| -> Vec<String> {
        let words = value["arguments"].as_array().unwrap().iter();
        words.map(|w| w.as_str().unwrap().to_owned()).collect()
    };
    entries
        .iter()
        .map(|entry| (entry["file"].as_str().unwrap().into(), words(entry)))
        .collect()
}

fn in_folder(out: &Path) -> Vec<String> {
    let dir = format!("--compile-commands-dir={}", out.display());
    vec!["--enable-config=0".to_owned(), dir]
}

/// clangd's complaints about a file; empty if it has none. `told` says where its compile commands
/// are.
fn complaints(told: &[String], file: &Path) -> String {
    let mut clangd = Command::new(packages::clangd().unwrap());
    clangd
        .arg(format!("--check={}", file.display()))
        .args(told)
        // clangd's self-tests at every word of the file are not needed.
        .args(["--log=error", "--check-locations=0"])
        .current_dir("/");
    let output = run::run(&mut clangd, Duration::from_secs(120)).unwrap();
    let mut said = output.err();
    if !output.status.success() {
        said += &format!("{}\n", output.status);
    }
    said
}

#[test]
fn clangd_finds_no_error_in_the_modules_of_the_examples() {
    let examples = root().join("examples");
    for kernel in scope::oldest_and_newest().unwrap() {
        let mut files = BTreeSet::new();
        let packages = [
            ("cargo-tree", &["driver"][..]),
            ("cargo-hello", &["--name", "hello", "module/hello.c"]),
            ("cargo-ioctl", &["--name", "counter", "module/counter.c"]),
            (
                "cargo-symbols/ring",
                &["--name", "ring", "module/ring.c", "-I", "include"],
            ),
        ];
        // The kernel's flags are in each file, so on one kernel clangd reads all sources.
        let is_one = scope::is_full() || kernel.name == lab::names()[0];
        let (packages, count) = if is_one {
            (&packages[..], 6)
        } else {
            (&packages[1..2], 1)
        };
        for (package, arguments) in packages {
            let out = tempfile::tempdir().unwrap();
            let package = examples.join(package);
            let mut command = build(&kernel, out.path());
            built(command.args(*arguments).current_dir(&package));
            let entries = entries(out.path());
            assert!(!entries.is_empty(), "{}", package.display());
            for (file, arguments) in entries {
                assert!(file.starts_with(&package), "{}", file.display());
                let private =
                    |word: &&String| word.contains("/.kbuild/") && !word.starts_with("-I");
                assert_eq!(arguments.iter().find(private), None);
                let said = complaints(&in_folder(out.path()), &file);
                assert_eq!(said, "", "{} for {}", file.display(), kernel.release);
                files.insert(file);
            }
        }
        assert_eq!(files.len(), count, "{files:?}");
    }
}

#[test]
fn clangd_is_told_by_an_argument_or_one_line_and_finds_an_error_that_is_there() {
    let kernel = lab::kernels().unwrap().remove(0);
    let source = crate::support::folder(&[("bad.c", crate::support::HELLO)]);
    let out = tempfile::tempdir().unwrap();
    let mut command = build(&kernel, out.path());
    built(
        command
            .args(["--name", "bad", "bad.c"])
            .current_dir(source.path()),
    );
    let file = fs::canonicalize(source.path().join("bad.c")).unwrap();
    assert_eq!(complaints(&in_folder(out.path()), &file), "");
    let wrong = "#include <linux/module.h>\nstruct module *m = 3 + nothing;\n";
    fs::write(&file, wrong).unwrap();
    let said = complaints(&in_folder(out.path()), &file);
    assert!(said.contains("nothing"), "{said}");

    // One line beside the sources tells an editor the same.
    fs::write(&file, crate::support::HELLO).unwrap();
    assert_ne!(complaints(&[], &file), "");
    let line = format!(
        "CompileFlags: {{ CompilationDatabase: {} }}\n",
        out.path().display()
    );
    fs::write(file.with_file_name(".clangd"), line).unwrap();
    assert_eq!(complaints(&["--enable-config".to_owned()], &file), "");
}
