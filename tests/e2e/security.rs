//! SECURITY.md: each promise names tests, and each of them exists.

use std::fs;
use std::path::PathBuf;

use crate::support::project::root;

/// The sections that promise nothing about the program.
const WITHOUT_PROMISES: [&str; 4] = [
    "Report a vulnerability",
    "Find a test",
    "Rebuild the program",
    "Know the limits",
];

/// The suites that a promise can name, with the folders of their sources.
const SUITES: [(&str, &str); 6] = [
    ("library", "kbuild-rs/src"),
    ("cli", "kbuild-cli/tests/cli"),
    ("e2e", "tests/e2e"),
    ("install", "tests/install"),
    ("house", "xtask/tests/house"),
    ("xtask", "xtask/src"),
];

fn page() -> String {
    fs::read_to_string(root().join("SECURITY.md")).unwrap()
}

/// The tests that a text names: a suite and a path, ``e2e secrets::some_test``.
fn tests_in(text: &str) -> Vec<(&str, &str)> {
    let words = text.split('`').skip(1).step_by(2);
    let pairs = words.filter_map(|word| word.split_once(' '));
    let is_test = |(suite, path): &(&str, &str)| {
        let known = SUITES.iter().any(|(name, _)| name == suite);
        let of_path = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:".contains(c);
        known && path.chars().all(of_path)
    };
    pairs.filter(is_test).collect()
}

/// Whether the suite has this test, in the file that its path says.
fn exists(suite: &str, path: &str) -> bool {
    let folder = SUITES.iter().find(|(name, _)| *name == suite).unwrap().1;
    let (modules, name) = path.rsplit_once("::").unwrap_or(("", path));
    let modules = modules.replace("::", "/");
    let inline = modules.strip_suffix("/tests").unwrap_or(&modules);
    let files = [&modules, inline].into_iter().flat_map(|module| {
        let file = match module.is_empty() {
            true => folder.to_owned(),
            false => format!("{folder}/{module}"),
        };
        [
            format!("{file}.rs"),
            format!("{file}/mod.rs"),
            format!("{file}/main.rs"),
        ]
    });
    let mut texts = files.filter_map(|file| fs::read_to_string(root().join(file)).ok());
    texts.any(|text| {
        let before = text.split(&format!("fn {name}()")).next().unwrap();
        let is_there = before.len() < text.len();
        // Attributes and comments stand between.
        is_there && before.rsplit("\n\n").next().unwrap().contains("#[test]")
    })
}

/// The paragraphs and the rows of the sections with promises. A list or a row is one for each line.
fn promises(page: &str) -> Vec<String> {
    let mut promises = Vec::new();
    for section in page.split("\n## ").skip(1) {
        let (title, text) = section.split_once('\n').unwrap();
        if WITHOUT_PROMISES.contains(&title) {
            continue;
        }
        for paragraph in text.trim().split("\n\n") {
            let rows: Vec<_> = paragraph.lines().filter(|l| l.starts_with("| ")).collect();
            match rows.is_empty() {
                // The first two rows of a table have its titles.
                false => promises.extend(rows[2..].iter().map(|row| (*row).to_owned())),
                true => promises.push(paragraph.to_owned()),
            }
        }
    }
    promises
}

#[test]
fn every_promise_about_security_names_tests_that_exist() {
    let page = page();
    let promises = promises(&page);
    assert!(promises.len() >= 25, "{}", promises.len());
    for promise in &promises {
        let tests = tests_in(promise);
        assert!(!tests.is_empty(), "this names no test:\n{promise}");
        // A name that is misspelt must not count as other code.
        let quoted = promise.matches("::").count();
        let named: usize = tests
            .iter()
            .map(|(_, path)| path.matches("::").count())
            .sum();
        assert_eq!(quoted, named, "not each `suite path` is one:\n{promise}");
        for (suite, path) in tests {
            assert!(exists(suite, path), "there is no test `{suite} {path}`");
        }
    }
}

#[test]
fn a_test_that_does_not_exist_is_noticed() {
    let own = "security::a_test_that_does_not_exist_is_noticed";
    assert!(exists("e2e", own));
    assert!(exists(
        "library",
        "sys::private::tests::a_folder_that_others_can_change_is_not_trusted"
    ));
    assert!(exists(
        "e2e",
        "sign::keys::a_passphrase_reaches_openssl_and_nobody_else"
    ));
    for (suite, path) in [
        ("e2e", "security::some_other_test"),
        ("e2e", "secrets::a_test_that_does_not_exist_is_noticed"),
        ("library", own),
        // A function that is not a test.
        ("e2e", "security::page"),
    ] {
        assert!(!exists(suite, path), "{suite} {path}");
    }
    let text = format!("| it holds | `e2e {own}`, `OUT/.kbuild`, `make -n` |");
    assert_eq!(tests_in(&text), [("e2e", own)]);
}

#[test]
fn the_page_about_security_is_found_from_the_other_pages() {
    for file in [
        "README.md",
        "docs/README.md",
        "docs/safety.md",
        "docs/sandbox.md",
    ] {
        let path: PathBuf = root().join(file);
        assert!(
            fs::read_to_string(path).unwrap().contains("SECURITY.md"),
            "{file}"
        );
    }
}
