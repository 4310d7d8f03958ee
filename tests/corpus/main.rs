//! The corpus: real modules of other authors, each on each kernel, beside plain make.
//!
//! The cells of `corpus.txt` are the tests. They have a harness of their own, which runs and
//! reports them like other tests and prints the table at the end.
//!
//! The default run builds each package on two kernels. A run on all kernels took a fifth of the
//! processor time of all tests.
#![allow(
    clippy::print_stdout,
    reason = "a test harness speaks on standard output"
)]

mod cell;
mod plain;
mod report;
mod shortcut;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use kbuild_tests::corpus::{self, Cell, Package};
use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::snapshot::Snapshot;
use kbuild_tests::{Result, program, scope};

/// One test.
struct Job<'a> {
    name: String,
    package: &'a Package,
    cell: &'a Cell,
    kernel: &'a Kernel,
}

/// A kernel, and the state of its tree before any build against it.
struct Kernel {
    lab: LabKernel,
    /// The kernel for our side.
    ours: LabKernel,
    trees: [Snapshot; 2],
}

fn main() -> ExitCode {
    let mut wanted: Vec<String> = Vec::new();
    let mut threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut list = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--list" => list = true,
            "--test-threads" => {
                let number = arguments.next().and_then(|n| n.parse().ok());
                threads = number.unwrap_or(threads);
            }
            flag if flag.starts_with('-') => {}
            _ => wanted.push(argument),
        }
    }
    match run(&wanted, threads, list) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(101),
        Err(error) => {
            println!("{error}");
            ExitCode::from(101)
        }
    }
}

/// Runs the tests whose names contain one of `wanted`. Returns whether all of them passed.
fn run(wanted: &[String], threads: usize, list: bool) -> Result<bool> {
    let packages = corpus::packages()?;
    let cells = cells(&packages, wanted);
    if list {
        for (name, ..) in cells {
            println!("{name}: test");
        }
        return Ok(true);
    }
    let mut kernels = Vec::new();
    let mut not_run = Vec::new();
    let names: BTreeSet<&str> = cells.iter().map(|(.., cell)| &*cell.kernel).collect();
    for name in names {
        match lab::why_not(name) {
            Some(why) => not_run.push((name.to_owned(), why)),
            None => kernels.push(Kernel::get(name)?),
        }
    }
    program::path()?;
    let mut jobs = Vec::new();
    for (name, package, cell) in cells {
        if let Some(kernel) = kernels.iter().find(|k| k.lab.name == cell.kernel) {
            jobs.push(Job {
                name,
                package,
                cell,
                kernel,
            });
        }
    }
    println!("\nrunning {} tests", jobs.len());
    let start = Instant::now();
    let mut failures = run_all(&jobs, threads);
    for kernel in &kernels {
        if let Err(error) = kernel.is_untouched() {
            failures.push((format!("{}::kernel tree", kernel.lab.name), error));
        }
    }
    report::print(&packages, &jobs, &failures, &not_run, start.elapsed());
    Ok(failures.is_empty())
}

/// The cells whose names contain one of `wanted`. Without such words: all in the full run; in the
/// default run each package on one kernel, by turns, and on the newest.
fn cells<'a>(packages: &'a [Package], wanted: &[String]) -> Vec<(String, &'a Package, &'a Cell)> {
    let mut cells = Vec::new();
    for (place, package) in packages.iter().enumerate() {
        let usual = |cell: &&Cell| scope::is_full() || !lab::FULL.contains(&&*cell.kernel);
        let all: Vec<&Cell> = package.cells.iter().filter(usual).collect();
        let chosen = match all.split_last() {
            Some((newest, others)) if wanted.is_empty() => {
                [scope::one_of(place, others), &[newest]].concat()
            }
            _ => all,
        };
        for cell in chosen {
            let name = format!("{}::{}", cell.kernel, package.name);
            if wanted.is_empty() || wanted.iter().any(|word| name.contains(word)) {
                cells.push((name, package, cell));
            }
        }
    }
    cells
}

/// Runs the jobs, several at once. Returns the failed ones with their errors.
fn run_all(jobs: &[Job<'_>], threads: usize) -> Vec<(String, String)> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut failures = Vec::new();
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let start = Instant::now();
            let kernel = job.kernel;
            let done = cell::check(job.package, job.cell, &kernel.lab, &kernel.ours);
            let verdict = if done.is_ok() { "ok" } else { "FAILED" };
            let seconds = start.elapsed().as_secs_f32();
            println!("test {} ... {verdict} ({seconds:.1} s)", job.name);
            if let Err(error) = done {
                failures.push((job.name.clone(), error));
            }
        }
        failures
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(worker)).collect();
        let ended = workers.into_iter().map(|worker| {
            let panicked = |_| vec![("a worker".to_owned(), "it panicked".to_owned())];
            worker.join().unwrap_or_else(panicked)
        });
        ended.flatten().collect()
    })
}

impl Kernel {
    fn get(name: &str) -> Result<Kernel> {
        let lab = lab::kernel(name)?;
        let trees = [Snapshot::take(&lab.kdir)?, Snapshot::take(&lab.common)?];
        let mut ours = lab.clone();
        ours.cc = lab::cached_compiler(&lab)?.or(ours.cc);
        Ok(Kernel { lab, ours, trees })
    }

    fn is_untouched(&self) -> Result<()> {
        for (before, folder) in self.trees.iter().zip([&self.lab.kdir, &self.lab.common]) {
            let changes = before.differences(&Snapshot::take(folder)?);
            if !changes.is_empty() {
                return Err(format!(
                    "the kernel tree was written:\n{}",
                    changes.join("\n")
                ));
            }
        }
        Ok(())
    }
}
