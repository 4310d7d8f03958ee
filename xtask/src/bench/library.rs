//! The library's cost for the packages that build with it, beside the `cmake` crate.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::measure::{Sample, measure, median};
use super::{Row, Setup, fresh, ratio, scratch, write};
use crate::{Result, exec};

pub(super) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    let scratch = scratch()?;
    let library = exec::root().join("kbuild-rs");
    let ours = scratch.path().join("ours");
    let theirs = scratch.path().join("theirs");
    package(&ours, &format!("kbuild-rs = {{ path = {library:?} }}"))?;
    package(&theirs, "cmake = \"0.1\"")?;

    let (mut our_runs, mut their_runs) = (Vec::new(), Vec::new());
    for run in 0..=setup.runs {
        let one = compile(&ours)?;
        let other = compile(&theirs)?;
        if run > 0 {
            our_runs.push(one);
            their_runs.push(other);
        }
    }
    let wall = |samples: &[Sample]| median(samples.iter().map(|s| s.wall.as_secs_f64()));
    let cpu = |samples: &[Sample]| median(samples.iter().map(|s| s.cpu.as_secs_f64()));
    let crates = crates(&ours)?;
    let what = "compiling the library, beside `cmake`";
    Ok(vec![
        Row {
            what: "crates that a build-dependency brings, itself included".into(),
            ours: crates.len().to_string(),
            theirs: String::new(),
            value: crates.len() as f64,
            bound: 8.0,
            unit: "crates",
        },
        ratio(
            &format!("{what}, wall"),
            wall(&our_runs),
            wall(&their_runs),
            2.5,
        ),
        ratio(
            &format!("{what}, CPU"),
            cpu(&our_runs),
            cpu(&their_runs),
            2.5,
        ),
    ])
}

/// A package whose build script uses one library. All crates are fetched.
fn package(folder: &Path, dependency: &str) -> Result<()> {
    fresh(&folder.join("src"))?;
    let manifest = format!(
        "[package]\nname = \"scratch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n\
         [build-dependencies]\n{dependency}\n\n[workspace]\n"
    );
    write(&folder.join("Cargo.toml"), manifest)?;
    write(&folder.join("build.rs"), "fn main() {}\n")?;
    write(&folder.join("src/lib.rs"), "")?;
    let mut fetch = exec::cargo();
    fetch.args(["fetch", "--quiet"]).current_dir(folder);
    exec::checked(&mut fetch, Duration::from_secs(300))
}

fn compile(folder: &Path) -> Result<Sample> {
    let target = folder.join("target");
    fresh(&target)?;
    let mut build: Command = exec::cargo();
    build
        .args(["build", "--quiet", "--offline", "--jobs", "2"])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", &target)
        // A dependency from a registry is compiled without incremental data, and a path dependency
        // with it.
        .env("CARGO_INCREMENTAL", "0")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTFLAGS");
    measure(&mut build)
}

/// All crates that are compiled because of the library.
fn crates(folder: &Path) -> Result<Vec<String>> {
    let mut tree = exec::cargo();
    tree.args(["tree", "--quiet", "--offline", "--edges", "normal,build"])
        .args(["--prefix", "none", "--format", "{p}"])
        .current_dir(folder);
    let text = exec::ask(&mut tree).ok_or("`cargo tree` failed")?;
    let mut crates: Vec<String> = text
        .lines()
        // The package itself comes first; `(*)` marks crates that were listed before.
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| !name.starts_with('['))
        .map(str::to_owned)
        .collect();
    crates.sort();
    crates.dedup();
    Ok(crates)
}
