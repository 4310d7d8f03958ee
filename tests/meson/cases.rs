//! The module's test cases, in the layout of Meson's own. Each has a folder with a meson.build, and
//! a test.json with the lines that its setup must print (`stdout`) and the files that it must
//! install (`installed`). Our own keys are `tests`, the number of tests, and `kernel`, the kernel
//! of the lab that the case needs.

use std::fs;
use std::path::{Path, PathBuf};

use kbuild_tests::lab;
use kbuild_tests::run;
use kbuild_tests::scope;
use kbuild_tests::snapshot::Snapshot;
use regex::Regex;
use serde_json::Value;

use crate::project::*;
use crate::support::*;

/// The folders of a group, in the order of their numbers.
fn cases(group: &str) -> Vec<PathBuf> {
    let folder = root().join("meson-module/tests/cases").join(group);
    let entries = fs::read_dir(folder).unwrap();
    let mut cases: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    let number = |case: &PathBuf| -> usize {
        let name = case.file_name().unwrap().to_str().unwrap();
        name.split_once(' ').unwrap().0.parse().unwrap()
    };
    cases.sort_by_key(number);
    assert!(!cases.is_empty());
    cases
}

fn test_json(case: &Path) -> Value {
    match fs::read(case.join("test.json")) {
        Ok(text) => serde_json::from_slice(&text).unwrap(),
        Err(_) => Value::Null,
    }
}

/// A copy of a case, for its kernel. If the kernel is missing, prints the reason and returns
/// `None`.
fn project(with: With, case: &Path, expected: &Value) -> Option<Project> {
    let Some(name) = expected["kernel"].as_str() else {
        return Some(Project::copy_of(with, case));
    };
    kernel_called(name).map(|kernel| Project::copy_for_kernel(with, &kernel, case))
}

/// Checks that each line of `stdout` was printed. With `"match": "re"`, the line is a pattern.
fn assert_said(expected: &Value, said: &str, what: &str) {
    for line in expected["stdout"].as_array().into_iter().flatten() {
        let wanted = line["line"].as_str().unwrap();
        let pattern = match line["match"].as_str() {
            Some("re") => format!("^(?:{wanted})$"),
            _ => format!("^{}$", regex::escape(wanted)),
        };
        let pattern = Regex::new(&pattern).unwrap();
        let found = said.lines().any(|line| pattern.is_match(line));
        assert!(found, "{what}: no line {wanted:?} in\n{said}");
    }
}

fn installed(expected: &Value, release: &str) -> Vec<String> {
    let files = expected["installed"].as_array().into_iter().flatten();
    let files = files.map(|entry| {
        assert_eq!(entry["type"], "file");
        let file = entry["file"].as_str().unwrap();
        file.replace("@RELEASE@", release)
    });
    files.collect()
}

/// The number of passed tests in Meson's summary; 0 without one.
fn passed(said: &str) -> u64 {
    let count = said.lines().find_map(|line| line.strip_prefix("Ok:"));
    count.map_or(0, |count| count.trim().parse().unwrap())
}

/// The only case that the oldest Meson builds in the default run. It sets up all of them.
const BUILT_BY_ALL: &str = "2 depends";

/// Sets up, builds, builds again, tests and installs the cases.
fn pass(with: With) {
    let builds_all = scope::is_full() || with.meson == CORNERS[1].meson;
    for case in cases("kbuild") {
        let what = format!("{}, {with:?}", case.display());
        let expected = test_json(&case);
        let Some(project) = project(with, &case, &expected) else {
            continue;
        };
        assert_said(&expected, &project.set_up(&[]), &what);
        if !builds_all && !case.ends_with(BUILT_BY_ALL) {
            continue;
        }
        // Meson itself may write a lock file into `subprojects`.
        let source = Snapshot::take(project.source()).unwrap();
        project.builds();
        assert_eq!(project.builds(), [""; 0], "{what}");
        let tests = expected["tests"].as_u64().unwrap_or(0);
        assert_eq!(
            passed(&built(&mut project.ninja(&["test"])).out()),
            tests,
            "{what}"
        );
        assert_untouched(&source, &project.source());

        let root = tempfile::tempdir().unwrap();
        let mut install = project.meson();
        install.args(["install", "--quiet", "-C"]);
        install.arg(project.build_dir()).env("DESTDIR", root.path());
        run::checked(&mut install, LIMIT).unwrap();
        let installed = installed(&expected, &project.kernel().release);
        assert_eq!(files_below(root.path()), installed, "{what}");
    }
}

#[test]
fn every_case_passes_with_the_newest_meson_and_is_set_up_by_the_oldest() {
    let [oldest, newest] = CORNERS;
    let with = |meson, ninja| With { meson, ninja };
    let between = [with("1.3", Ninja::New), with("1.6", Ninja::Old)];
    for with in scope::ends(vec![oldest, between[0], between[1], newest]) {
        pass(with);
    }
}

#[test]
fn invalid_arguments_are_refused_like_mesons_own() {
    for meson in scope::ends(lab::MESONS.to_vec()) {
        for case in cases("failing") {
            let what = format!("{}, Meson {meson}", case.display());
            let expected = test_json(&case);
            let lines = expected["stdout"].as_array();
            let some = lines.is_some_and(|lines| !lines.is_empty());
            assert!(some, "{what}: nothing expected");
            let ninja = Ninja::Old;
            let Some(project) = project(With { meson, ninja }, &case, &expected) else {
                continue;
            };
            let output = project.setup(&[]);
            let said = output.out() + &output.err();
            assert_eq!(output.status.code(), Some(1), "{what}\n{said}");
            assert_said(&expected, &said, &what);
        }
    }
}
