//! The help, and the usage in errors.

use std::fs;
use std::path::Path;

use crate::support::{refused, run, stderr, stdout};

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
    // The flag that it proposes exists.
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
fn ide_tells_its_own_usage_and_examples() {
    for wrong in [
        &["ide", "--all-kernels"][..],
        &["ide", "--kernel", "a", "--kernel", "b"],
        &["ide", "--bogus"],
    ] {
        let output = run(wrong);
        assert_eq!(output.status.code(), Some(2));
        let text = stderr(&output);
        assert!(text.contains("Usage: kbuild-rs ide [OPTIONS]"), "{text}");
        assert!(!text.contains("kbuild-rs build"), "{text}");
    }
    let help = stdout(&run(["ide", "--help"]));
    assert!(help.contains("--into ~/src/project"), "{help}");
    assert!(!help.contains("kbuild-rs build"), "{help}");
}

#[test]
fn each_flag_that_the_docs_name_is_in_the_help() {
    // Flags of git, dkms and Meson.
    const OF_OTHERS: &[&str] = &[
        "--destdir",
        "--dirty",
        "--force",
        "--skip-subprojects",
        "--tags",
    ];
    let program = stdout(&run(["--help"]));
    let (_, verbs) = program.split_once("\nCommands:\n").unwrap();
    let verbs = verbs.lines().take_while(|line| line.starts_with(' '));
    // A longer description continues on lines that are indented further.
    let verbs = verbs.filter(|line| !line.starts_with("   "));
    let helps: String = verbs
        .filter_map(|line| line.split_whitespace().next())
        .map(|verb| stdout(&run([verb, "--help"])))
        .collect();
    assert!(helps.contains("kbuild-rs build") && helps.contains("kbuild-rs sign"));
    let words: Vec<&str> = helps.split([' ', '\n', ',', '[']).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let pages = fs::read_dir(root.join("docs")).unwrap();
    let pages = pages.map(|entry| entry.unwrap().path());
    let mut flags = 0;
    for page in pages.chain([root.join("README.md")]) {
        let text = fs::read_to_string(&page).unwrap();
        for rest in text.split("`--").skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '-');
            let flag = format!("--{}", &rest[..end.unwrap_or(rest.len())]);
            let is_known = words.contains(&&*flag) || OF_OTHERS.contains(&&*flag);
            assert!(is_known, "{} names {flag}", page.display());
            flags += 1;
        }
    }
    assert!(flags > 50, "{flags}");
}
