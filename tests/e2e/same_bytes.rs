//! The program itself: its bytes do not depend on the folder of its sources.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use kbuild_tests::{run, scope};

use crate::support::copy;
use crate::support::project::root;
use crate::support::trap::holds;

/// The sources that Cargo reads for the program.
const SOURCES: [&str; 9] = [
    ".cargo",
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "kbuild-rs",
    "kbuild-cli",
    "kbuild-vm",
    "tests",
    "xtask",
];

/// The program, built from a copy of the sources in this folder as users build it.
fn program_of(folder: &Path) -> Vec<u8> {
    fs::create_dir_all(folder).unwrap();
    for name in SOURCES {
        copy(&root().join(name), &folder.join(name));
    }
    let mut build = Command::new(env!("CARGO"));
    build
        .args(["build", "--release", "--locked", "--package", "kbuild-cli"])
        .current_dir(folder)
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("CARGO_BUILD_TARGET_DIR");
    run::checked(&mut build, Duration::from_secs(1800)).unwrap();
    fs::read(folder.join("target/release/kbuild-rs")).unwrap()
}

#[test]
fn the_program_has_the_same_bytes_in_two_folders() {
    if !scope::is_full() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let folders = ["one", "a deeper/place/than the first"].map(|name| scratch.path().join(name));
    let [one, other] = folders.each_ref().map(|folder| program_of(folder));
    // A message of the program's own, which both have.
    assert!(holds(&one, b"Name a prepared kernel tree"));
    assert!(!holds(&one, scratch.path().as_os_str().as_encoded_bytes()));
    assert!(
        one == other,
        "{folders:?}: {} and {} bytes",
        one.len(),
        other.len()
    );
}
