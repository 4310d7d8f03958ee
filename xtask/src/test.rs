//! `cargo xtask test`: runs all checks, and reports everything that did not run.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use kbuild_tests::lab::packages;
use kbuild_tests::{Limits, scope};
use kbuild_vm::process::tree;

use crate::lab::Making;
use crate::outcome::{self, Outcome};
use crate::{Result, deny, exec, keeper};

/// Suites in which at least one test must run.
const SUITES: &[&str] = &[
    "kbuild",
    "kbuild_rs",
    "cli",
    "cmake",
    "kbuild_tests",
    "kbuild_vm",
    "corpus",
    "e2e",
    "fuzz",
    "house",
    "install",
    "jobs",
    "lab",
    "meson",
    "stop",
    "torture",
    "xtask",
    "doc-tests kbuild",
];

/// The committed list of tests that may stay undone, with reasons.
const NOT_RUN: &str = "tests/not-run.txt";

/// The common state of the steps.
#[derive(Default)]
struct Run {
    full: bool,
    outcome: Outcome,
    /// The lab's preparation starts before the earlier steps. It waits for the network, and they
    /// need the processor.
    lab: Option<Making>,
}

type Step = (&'static str, fn(&mut Run) -> Result<()>);

const STEPS: &[Step] = &[
    ("format", |_| format()),
    ("clippy", |_| clippy()),
    ("doc", |_| doc()),
    ("deny", deny),
    ("lab", get_lab),
    ("tests", tests),
];

const FULL: &str = "--full";

/// The processor time of the default run with a filled lab, in minutes, compiling included. It
/// leaves room below CI's limit of 90 minutes on two slow processors. If the run exceeds it, move
/// tests to the full run.
const BUDGET: u64 = 45;

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let full = arguments.contains(&FULL);
    let steps: Vec<&str> = arguments
        .iter()
        .copied()
        .filter(|&one| one != FULL)
        .collect();
    if let Some(unknown) = steps
        .iter()
        .find(|name| STEPS.iter().all(|(step, _)| step != *name))
    {
        let names: Vec<&str> = STEPS.iter().map(|(step, _)| *step).collect();
        return Err(format!(
            "there is no step `{unknown}`; there are: {}",
            names.join(", ")
        ));
    }
    let allowed = allowed()?;
    let is_asked_for = |name: &str| steps.is_empty() || steps.contains(&name);
    let mut run = Run {
        full,
        ..Run::default()
    };
    if is_asked_for("lab") {
        packages::ensure()?;
        run.lab = Some(Making::start(full));
    }
    let mut summary = Vec::new();
    for (name, step) in STEPS {
        if !is_asked_for(name) {
            continue;
        }
        println!("\n==== {name}");
        let start = Instant::now();
        let done = step(&mut run);
        if let Err(error) = &done {
            println!("{name}: {error}");
        }
        summary.push((*name, done, start.elapsed()));
        if keeper::is_ending() {
            break;
        }
    }

    if keeper::is_ending() {
        return Err("it was told to end".into());
    }
    let undone = account(&run.outcome, &allowed);
    println!("\n==== summary");
    for (name, done, elapsed) in &summary {
        let verdict = if done.is_ok() { "passed" } else { "FAILED" };
        println!("  {name:12} {verdict}  {:6.1} s", elapsed.as_secs_f32());
    }
    for (suite, seconds, processor) in run.outcome.times() {
        println!("    {suite:18} {seconds:6.1} s  {processor:6.1} s of processor time");
    }
    println!("  {}", used(processor_time()));
    if !full && is_asked_for("tests") {
        println!(
            "  {FULL} adds: every kernel for each test that runs on one, and {}",
            kbuild_tests::lab::FULL.join(", ")
        );
    }
    let failed: Vec<String> = summary
        .into_iter()
        .filter_map(|(name, done, _)| Some(format!("{name}: {}", done.err()?)))
        .chain(undone)
        .collect();
    if failed.is_empty() {
        match steps.as_slice() {
            [] => println!("everything passed"),
            steps => println!(
                "passed: {} (the other steps were not asked for)",
                steps.join(", ")
            ),
        }
        return Ok(());
    }
    Err(failed.join("\n       "))
}

/// The processor time of all processes that this process started and that have ended.
fn processor_time() -> Duration {
    tree::processor_time_of_ended_children(std::process::id())
}

fn used(processor: Duration) -> String {
    format!(
        "processor time: {:.1} min (budget of the default run, once the lab is filled: {BUDGET} min)",
        processor.as_secs_f32() / 60.0
    )
}

/// Prints the closing lines and the tests that did not run. Returns the tests that should have run.
fn account(outcome: &Outcome, allowed: &BTreeMap<String, String>) -> Vec<String> {
    if outcome.closing_lines().next().is_none() {
        return Vec::new();
    }
    println!("\n==== how the tests ended");
    for (suite, line) in outcome.closing_lines() {
        println!("  {suite:18} {line}");
    }
    println!("\n==== not run");
    let mut undone = Vec::new();
    for (test, why) in outcome.not_run() {
        match allowed.get(test) {
            Some(reason) => println!("  {test}: {why} (allowed: {reason})"),
            None => {
                println!("  {test}: {why}");
                undone.push(format!(
                    "{test} did not run, and {NOT_RUN} does not allow it"
                ));
            }
        }
    }
    if outcome.not_run().is_empty() {
        println!("  nothing: every test ran");
    }
    for test in allowed.keys() {
        if !outcome.not_run().contains_key(test) {
            println!("  {NOT_RUN} still names {test}, which did run: take it out");
        }
    }
    undone
}

fn allowed() -> Result<BTreeMap<String, String>> {
    let text = fs::read_to_string(exec::root().join(NOT_RUN))
        .map_err(|error| format!("{NOT_RUN}: {error}"))?;
    outcome::allowed(&text).map_err(|error| format!("{NOT_RUN}: {error}"))
}

fn format() -> Result<()> {
    component("fmt", "rustfmt")?;
    let limit = Duration::from_secs(120);
    let mut bad = Vec::new();
    for folder in folders()? {
        let mut fmt = exec::cargo();
        // Without --all, because an example's path dependencies belong to the workspace.
        fmt.args(["fmt", "--check"]).current_dir(&folder);
        if exec::checked(&mut fmt, limit).is_err() {
            let name = folder.strip_prefix(exec::root()).unwrap_or(&folder);
            bad.push(format!("./{}", name.display()));
        }
    }
    if bad.is_empty() {
        return Ok(());
    }
    Err(format!("run `cargo fmt` in {}", bad.join(" and ")))
}

fn clippy() -> Result<()> {
    component("clippy", "clippy")?;
    // The build script of an example needs it even if it builds no module.
    packages::libclang()?;
    let limit = Duration::from_secs(1200);
    for folder in folders()? {
        let mut clippy = exec::cargo();
        clippy
            .current_dir(&folder)
            .args(["clippy", "--locked", "--workspace", "--all-targets"]);
        if folder == exec::root() {
            clippy.arg("--all-features");
        } else {
            // clippy only checks the sources. The tests build and load the modules.
            clippy.env("KBUILD_RS_SKIP", "1");
            clippy
                .arg("--target-dir")
                .arg(exec::target_dir().join("examples"));
        }
        exec::checked(clippy.args(["--", "-D", "warnings"]), limit)?;
    }
    Ok(())
}

fn doc() -> Result<()> {
    let mut doc = exec::cargo();
    doc.args([
        "doc",
        "--locked",
        "--workspace",
        "--no-deps",
        "--all-features",
    ])
    .env("RUSTDOCFLAGS", "-D warnings");
    exec::checked(&mut doc, Duration::from_secs(900))
}

/// Checks licences, sources and banned crates. The result only changes with a lock file.
fn deny(run: &mut Run) -> Result<()> {
    match run.full {
        true => deny::run(),
        false => {
            println!("  not done: it takes {FULL}");
            Ok(())
        }
    }
}

fn get_lab(run: &mut Run) -> Result<()> {
    println!("  kernels and module sources for the tests; the first time this takes minutes");
    packages::clangd()?;
    packages::libclang()?;
    run.lab.take().map_or(Ok(()), Making::finish)
}

/// Runs unit tests, end-to-end tests on the lab's kernels, and doctests: all targets of the
/// workspace.
fn tests(run: &mut Run) -> Result<()> {
    let mut test = exec::cargo();
    exec::keep_setup_only(&mut test);
    test.args([
        "test",
        "--locked",
        "--workspace",
        "--all-features",
        "--no-fail-fast",
    ]);
    // This program reads Cargo's words, so the user's settings must not change them.
    for setting in ["color = 'never'", "verbose = false", "quiet = false"] {
        test.args(["--config", &format!("term.{setting}")]);
    }
    // Test programs must end with Cargo, which does not end them.
    test.args(["--config", &runner()?]);
    // A test that cannot run here prints `not run: why`, which must be shown although the test
    // passes.
    test.args(["--", "--show-output"]);
    if run.full {
        test.env(scope::FULL, "1");
    }
    if let Some(folder) = temporary_folder() {
        println!("  kbuild cannot handle the path in TMPDIR: tests use {folder}");
        test.env("TMPDIR", folder);
    }
    // Tests wait now and then: for clocks, for guests, for each other.
    let threads = std::thread::available_parallelism().map_or(1, usize::from) + 1;
    test.env("RUST_TEST_THREADS", threads.to_string());
    let outcome = &mut run.outcome;
    let before = processor_time();
    let status = exec::watch(&mut test, whole_run(), |line, cargo| {
        outcome.line(line, || tree::processor_time_of_ended_children(cargo))
    })?;
    outcome.ended(processor_time().saturating_sub(before));
    let mut problems = outcome.problems(SUITES);
    if problems.is_empty() && !status.success() {
        problems.push(format!("cargo test failed ({status})"));
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.join("; "))
    }
}

/// The limits for a test that hangs. Every command that a test starts has its own limits. These
/// limits cannot tell a slow machine from a fast one.
fn whole_run() -> Limits {
    Limits {
        idle: Duration::from_secs(30 * 60),
        processor: Duration::MAX,
        wall: Duration::from_secs(12 * 3600),
    }
}

/// The folder for the tests' files, if plain make cannot build modules in the folder that the
/// environment names.
fn temporary_folder() -> Option<&'static str> {
    let folder = std::env::temp_dir();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._+-".contains(c);
    let is_carried = |text: &str| text.starts_with('/') && text.chars().all(is_plain);
    (!folder.to_str().is_some_and(is_carried)).then_some("/tmp")
}

/// Makes Cargo start each test program through this program.
fn runner() -> Result<String> {
    let own = std::env::current_exe().map_err(|error| format!("which program is this? {error}"))?;
    let words = [
        own.to_string_lossy().into_owned(),
        keeper::WITH_PARENT.into(),
    ];
    // Rust's strings have the same form as TOML's.
    Ok(format!("target.'cfg(unix)'.runner = {words:?}"))
}

/// The workspace, and each example, which is its own project.
fn folders() -> Result<Vec<PathBuf>> {
    let examples = exec::root().join("examples");
    let fail = |error| format!("cannot read {}: {error}", examples.display());
    let mut folders: Vec<PathBuf> = fs::read_dir(&examples)
        .map_err(fail)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("Cargo.toml").exists())
        .collect();
    folders.sort();
    folders.insert(0, exec::root().to_path_buf());
    Ok(folders)
}

/// Checks for a part of the toolchain that a minimal installation lacks.
fn component(command: &str, name: &str) -> Result<()> {
    let mut version: Command = exec::cargo();
    match exec::ask(version.args([command, "--version"])) {
        Some(_) => Ok(()),
        None => Err(format!(
            "{name} is not installed: `rustup component add {name}`"
        )),
    }
}
