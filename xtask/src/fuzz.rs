//! `cargo xtask fuzz`: runs the programs in `fuzz/` on the corpus that the lab gives.
//!
//! Everything that is written goes to `<target>/fuzz/`: the corpus, what the fuzzer adds to it, and the
//! inputs that found a fault.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kbuild_tests::Limits;
use kbuild_tests::fuzz::{self, LONGEST};

use crate::{Result, exec};

const USAGE: &str = "usage: cargo xtask fuzz [corpus | [TARGET]... [--minutes N]]";

/// The minutes for each target, unless the caller says otherwise.
const MINUTES: u64 = 10;

/// The memory of a fuzzer, which includes the corpus, in MB.
const MEMORY: u64 = 2048;

/// The seconds for one input. Real ones take microseconds.
const SECONDS: u64 = 10;

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    if arguments == ["corpus"] {
        return write_corpus();
    }
    let known = targets()?;
    let mut minutes = MINUTES;
    let mut chosen = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(&argument) = arguments.next() {
        if argument == "--minutes" {
            let number = arguments.next().and_then(|number| number.parse().ok());
            minutes = number.ok_or(USAGE)?;
        } else if known.iter().any(|target| target == argument) {
            chosen.push(argument);
        } else {
            let known = known.join(" ");
            return Err(format!(
                "{USAGE}\nthere is no target `{argument}`; there are: {known}"
            ));
        }
    }
    if chosen.is_empty() {
        chosen.extend(known.iter().map(String::as_str));
    }
    look_for_tools()?;
    if !folder("corpus").is_dir() {
        write_corpus()?;
    }
    let mut findings = Vec::new();
    for target in chosen {
        findings.extend(one(target, minutes)?);
    }
    match findings.as_slice() {
        [] => Ok(()),
        found => Err(format!(
            "{} finding(s). Put a small input into fuzz/regressions/TARGET/ and fix the parser. To \
             repeat one:\n    {}",
            found.len(),
            found.join("\n    ")
        )),
    }
}

/// The names of the programs.
fn targets() -> Result<Vec<String>> {
    let folder = exec::root().join("fuzz/fuzz_targets");
    let failed = |error| format!("cannot read {}: {error}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(failed)?.flatten() {
        let path = entry.path();
        names.extend(
            path.file_stem()
                .and_then(|name| name.to_str())
                .map(str::to_owned),
        );
    }
    names.sort();
    Ok(names)
}

fn folder(name: &str) -> PathBuf {
    exec::target_dir().join("fuzz").join(name)
}

/// `cargo` of the nightly compiler.
fn nightly() -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo"]);
    // Cargo sets these for us, about another compiler.
    for name in ["CARGO", "RUSTC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(name);
    }
    exec::scrub(&mut command);
    command.current_dir(exec::root().join("fuzz"));
    command.env("CARGO_TARGET_DIR", folder("target"));
    command
}

fn look_for_tools() -> Result<()> {
    let works = |args: &[&str]| {
        let output = nightly().args(args).output();
        output.is_ok_and(|output| output.status.success())
    };
    if !works(&["--version"]) {
        return Err(
            "fuzzing needs the nightly compiler. To install it, run:\n    \
                    rustup toolchain install nightly"
                .into(),
        );
    }
    if !works(&["fuzz", "--version"]) {
        return Err("fuzzing needs cargo-fuzz. To install it, run:\n    \
                    cargo install --locked cargo-fuzz"
            .into());
    }
    Ok(())
}

/// Writes the inputs from the lab, and the committed ones.
fn write_corpus() -> Result<()> {
    let mut corpus = fuzz::corpus()?;
    for target in targets()? {
        let folder = folder("corpus").join(&target);
        let failed = |error| format!("cannot write to {}: {error}", folder.display());
        fs::create_dir_all(&folder).map_err(failed)?;
        let made = corpus.remove(target.as_str()).unwrap_or_default();
        let made = made.into_iter().zip(0..);
        let made = made.map(|(bytes, number)| (format!("lab-{number}"), bytes));
        let inputs: Vec<_> = made.chain(fuzz::regressions(&target)).collect();
        for (name, bytes) in &inputs {
            fs::write(folder.join(name), bytes).map_err(failed)?;
        }
        println!(
            "{target:16} {:4} inputs in {}",
            inputs.len(),
            folder.display()
        );
    }
    Ok(())
}

/// Fuzzes one target; returns the lines that show its findings again.
fn one(target: &str, minutes: u64) -> Result<Vec<String>> {
    let artifacts = folder("findings").join(target);
    let failed = |error| format!("cannot create {}: {error}", artifacts.display());
    fs::create_dir_all(&artifacts).map_err(failed)?;
    let before = files(&artifacts);
    let mut command = nightly();
    command
        .args(["fuzz", "run", target])
        .arg(folder("corpus").join(target))
        .arg("--")
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(format!("-max_total_time={}", 60 * minutes))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .arg(format!("-timeout={SECONDS}"))
        .arg(format!("-max_len={LONGEST}"))
        .args(["-print_final_stats=1", "-use_value_profile=1"]);
    let (mut runs, mut peak) = (None, None);
    let number = |line: &str, key: &str| {
        let value = line.strip_prefix("stat::")?.strip_prefix(key)?;
        value.strip_prefix(':')?.trim().parse::<u64>().ok()
    };
    let mut last = Vec::new();
    // The first run compiles the library.
    let limit = Limits::wall(Duration::from_secs(60 * (minutes + 60)));
    let status = exec::watch(&mut command, limit, |line, _| {
        runs = number(line, "number_of_executed_units").or(runs);
        peak = number(line, "peak_rss_mb").or(peak);
        last.push(line.to_owned());
        if last.len() > 60 {
            last.remove(0);
        }
        false
    })?;
    let mut found = files(&artifacts);
    found.retain(|file| !before.contains(file));
    let Some((runs, peak)) = runs
        .zip(peak)
        .filter(|_| status.success() || !found.is_empty())
    else {
        return Err(format!(
            "{target} did not run ({status}):\n{}",
            last.join("\n")
        ));
    };
    println!(
        "{target:16} {runs:10} runs  {:3} findings  {peak:5} MB at most",
        found.len()
    );
    let again = |file: &PathBuf| {
        format!(
            "(cd fuzz && cargo +nightly fuzz run {target} {})",
            file.display()
        )
    };
    Ok(found.iter().map(again).collect())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}
