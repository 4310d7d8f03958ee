//! `cargo deny`: the program on this machine, or one that the lab compiles once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::place::once;
use super::{PROGRAMS, built_lock, cache_dir};
use crate::{Result, run};

/// The newest version that Rust 1.85 builds.
const VERSION: &str = "0.18.3";

/// `cargo deny`, which checks licences and sources of crates. The lab compiles it if this machine does
/// not have it.
///
/// # Errors
/// If it does not compile, or the registry does not have it.
pub fn cargo_deny() -> Result<PathBuf> {
    let place = cache_dir().join(PROGRAMS).join("cargo-deny");
    let compiled = || once(&built_lock("cargo-deny"), &place, || load(&place), fetch);
    let found = installed().map_or_else(compiled, Ok);
    found.map_err(|error| format!("cannot get cargo deny: {error}"))
}

/// The program that this machine has.
fn installed() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let folders = std::env::split_paths(&folders).chain(home.map(|home| home.join("bin")));
    let mut programs = folders.map(|folder| folder.join("cargo-deny"));
    programs.find(|program| program.is_file())
}

/// The program in a folder of the lab, if it is this version.
fn load(place: &Path) -> Option<PathBuf> {
    let program = place.join("bin/cargo-deny");
    let said = run::run(
        Command::new(&program).arg("--version"),
        Duration::from_secs(60),
    )
    .ok()?;
    said.out().contains(VERSION).then_some(program)
}

/// Compiles it into `draft`. Optimizing it would take longer than all its runs.
fn fetch(draft: &Path) -> Result<()> {
    let mut install = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    install
        .args(["install", "--quiet", "--locked", "--debug", "--no-track"])
        .args(["--version", VERSION, "cargo-deny", "--root"])
        .arg(draft)
        .current_dir(draft)
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("CARGO_BUILD_TARGET_DIR");
    run::checked(&mut install, Duration::from_secs(1800)).map(drop)
}
