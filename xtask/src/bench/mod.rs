//! `cargo xtask bench`: speed and memory, beside other tools.
//!
//! Both sides run in turn, in one run, on one machine, because only their ratio can be compared
//! between machines. The values are medians. CPU time counts all children.

mod boot;
mod build;
mod cache;
mod cmake;
mod corpus;
mod edit;
mod install;
mod jobs;
mod library;
mod measure;
mod meson;
mod probes;
mod sandbox;
mod shortcut;
mod staging;

use std::path::Path;
use std::process::Command;

use kbuild_tests::lab::{self, LabKernel, packages};

use crate::{Result, exec};

/// One measured property, and its upper limit.
struct Row {
    what: String,
    ours: String,
    theirs: String,
    value: f64,
    bound: f64,
    /// The unit of `value` and `bound`: `×` for ratios, `ms`, `MiB`, `crates`.
    unit: &'static str,
}

impl Row {
    fn holds(&self) -> bool {
        self.value <= self.bound
    }

    fn markdown(&self) -> String {
        let number = |value: f64| match self.unit {
            "×" => format!("{value:.3} ×"),
            "crates" => format!("{value:.0} crates"),
            unit => format!("{value:.1} {unit}"),
        };
        format!(
            "| {} | {} | {} | {} | ≤ {} | {} |",
            self.what,
            self.ours,
            self.theirs,
            number(self.value),
            number(self.bound),
            if self.holds() { "pass" } else { "**FAIL**" }
        )
    }
}

/// The common setup of all groups.
struct Setup {
    /// The program, built with the release profile.
    program: std::path::PathBuf,
    kernel: LabKernel,
    runs: usize,
}

impl Setup {
    /// `kbuild-rs build DIR` into `out`, with as many jobs as [`Setup::make`] uses.
    fn ours(&self, dir: &Path, out: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("build").arg(dir);
        command.arg("--kernel").arg(&self.kernel.kdir);
        command.arg("-o").arg(out).arg("-j1").arg("--quiet");
        if let Some(cc) = &self.kernel.cc {
            command.arg("--cc").arg(cc);
        }
        if let Some(rustc) = &self.kernel.rustc {
            command.arg("--rustc").arg(rustc);
        }
        // The other side has the same locale. Each of make's 250 processes would otherwise load
        // another one.
        command.env("LC_ALL", "C");
        command
    }

    /// Plain `make -C KERNEL M=DIR`.
    fn make(&self, dir: &Path) -> Command {
        let mut command = self.kernel.plain_make(dir);
        command.args(["-j1", "modules"]);
        command
    }
}

type Group = (&'static str, fn(&Setup) -> Result<Vec<Row>>);

const GROUPS: &[Group] = &[
    ("build", build::rows),
    ("rust", build::rust_rows),
    ("staging", staging::rows),
    ("corpus", corpus::rows),
    ("library", library::rows),
    ("jobs", jobs::rows),
    ("cmake", cmake::rows),
    ("meson", meson::rows),
    ("install", install::rows),
    ("probes", probes::rows),
    ("sandbox", sandbox::rows),
    ("shortcut", shortcut::rows),
    ("cache", cache::rows),
    ("edit", edit::rows),
    ("boot", boot::rows),
];

pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let (runs, wanted) = parse(arguments)?;
    packages::ensure()?;
    let names = lab::names();
    let name = names.iter().find(|name| **name == "6.12").or(names.first());
    let setup = Setup {
        program: program()?,
        kernel: lab::kernel(name.copied().unwrap_or_default())?,
        runs,
    };
    let mut rows = Vec::new();
    for (name, group) in GROUPS {
        if wanted.is_empty() || wanted.contains(name) {
            eprintln!("measuring: {name} ({runs} runs of each side)");
            rows.extend(group(&setup)?);
        }
    }

    println!("\n{}", machine(&setup));
    println!("| what | kbuild-rs | beside it | value | bound | |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for row in &rows {
        println!("{}", row.markdown());
    }
    let missed: Vec<&str> = rows
        .iter()
        .filter(|row| !row.holds())
        .map(|row| &*row.what)
        .collect();
    if missed.is_empty() {
        return Ok(());
    }
    Err(format!("over the bound: {}", missed.join("; ")))
}

fn parse<'a>(arguments: &[&'a str]) -> Result<(usize, Vec<&'a str>)> {
    let mut runs = 5;
    let mut wanted = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if *argument == "--runs" {
            let number = rest.next().and_then(|number| number.parse().ok());
            runs = number
                .filter(|n| *n >= 1)
                .ok_or("--runs takes a number of at least 1")?;
        } else if GROUPS.iter().any(|(name, _)| name == argument) {
            wanted.push(*argument);
        } else {
            let names: Vec<&str> = GROUPS.iter().map(|(name, _)| *name).collect();
            return Err(format!(
                "there is no benchmark `{argument}`; there are: {}",
                names.join(", ")
            ));
        }
    }
    Ok((runs, wanted))
}

fn program() -> Result<std::path::PathBuf> {
    let target = exec::target_dir();
    let mut cargo = exec::cargo();
    cargo
        .args(["build", "--locked", "--release", "--package", "kbuild-cli"])
        .arg("--target-dir")
        .arg(&target);
    exec::checked(&mut cargo, std::time::Duration::from_secs(900))?;
    Ok(target.join("release/kbuild-rs"))
}

/// A description of the machine.
fn machine(setup: &Setup) -> String {
    let first_line = |program: &str| {
        let text = exec::ask(Command::new(program).arg("--version"));
        text.and_then(|text| text.lines().next().map(str::to_owned))
            .unwrap_or_else(|| format!("{program}: unknown"))
    };
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("an unknown CPU", |(_, model)| model);
    let running = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let gcc = setup.kernel.cc.as_deref().unwrap_or("gcc");
    format!(
        "{cores} cores of {model}; Linux {}; modules for {}; {}; {}; {}; medians of {}.\n",
        running.trim(),
        setup.kernel.release,
        first_line("make"),
        first_line(gcc),
        first_line("rustc"),
        setup.runs
    )
}

/// A row that compares two medians, in units of theirs.
fn ratio(what: &str, ours: f64, theirs: f64, bound: f64) -> Row {
    Row {
        what: what.to_owned(),
        ours: seconds(ours),
        theirs: seconds(theirs),
        value: ours / theirs,
        bound,
        unit: "×",
    }
}

fn seconds(value: f64) -> String {
    if value < 0.1 {
        format!("{:.1} ms", value * 1e3)
    } else {
        format!("{value:.2} s")
    }
}

/// Makes an empty folder for a run.
fn fresh(path: &Path) -> Result<()> {
    if path.exists() {
        std::fs::remove_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    std::fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    std::fs::write(path, content).map_err(|error| format!("{}: {error}", path.display()))
}

fn scratch() -> Result<tempfile::TempDir> {
    tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))
}

/// The smallest module tree: one source, one line of Kbuild.
fn one_file_module(folder: &Path) -> Result<()> {
    fresh(folder)?;
    let source = exec::root().join("examples/cargo-hello/module/hello.c");
    std::fs::copy(&source, folder.join("hello.c"))
        .map_err(|error| format!("{}: {error}", source.display()))?;
    write(&folder.join("Kbuild"), "obj-m := hello.o\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_whether_its_bound_holds() {
        let row = ratio("a build", 1.0, 2.0, 0.4);
        assert!(!row.holds());
        assert_eq!(
            row.markdown(),
            "| a build | 1.00 s | 2.00 s | 0.500 × | ≤ 0.400 × | **FAIL** |"
        );
        assert!(ratio("a build", 0.05, 2.0, 0.4).holds());
        assert!(!ratio("nothing", 1.0, f64::NAN, 0.4).holds());
    }

    #[test]
    fn the_arguments_name_groups_and_a_number_of_runs() {
        assert_eq!(parse(&["--runs", "7", "staging"]), Ok((7, vec!["staging"])));
        assert!(parse(&["--runs", "0"]).is_err());
        assert!(parse(&["no-such"]).unwrap_err().contains("library"));
    }
}
