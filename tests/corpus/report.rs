//! Reports the end of the run: failures, the table, and the last line of other harnesses.

use std::time::Duration;

use kbuild_tests::corpus::{Cell, Expected, Package};
use kbuild_tests::lab;

use crate::Job;

pub(crate) fn print(
    packages: &[Package],
    jobs: &[Job<'_>],
    failures: &[(String, String)],
    not_run: &[(String, String)],
    elapsed: Duration,
) {
    println!("\n{}", table(packages, jobs, failures));
    if !not_run.is_empty() {
        println!("\nsuccesses:\n");
        for (kernel, why) in not_run {
            println!("---- {kernel} stdout ----\nnot run: {why}\n");
        }
    }
    if !failures.is_empty() {
        println!("\nfailures:\n");
        for (name, error) in failures {
            println!("---- {name} stdout ----\n{error}\n");
        }
    }
    let failed = failures.len();
    println!(
        "test result: {}. {} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out; finished in {:.2}s\n",
        if failed == 0 { "ok" } else { "FAILED" },
        jobs.len().saturating_sub(failed),
        elapsed.as_secs_f32()
    );
}

/// The table of packages and kernels: the number of modules, or the reason for none. Cells that did
/// not run are empty.
fn table(packages: &[Package], jobs: &[Job<'_>], failures: &[(String, String)]) -> String {
    let mut text = format!("{:20}", "modules built on");
    let has = |package: &Package, kernel: &str| package.cells.iter().any(|c| c.kernel == kernel);
    let kernels: Vec<&str> = (lab::all().iter().copied())
        .filter(|kernel| packages.iter().any(|package| has(package, kernel)))
        .collect();
    for kernel in &kernels {
        text += &format!("  {kernel:12}");
    }
    let mut notes = String::new();
    for package in packages {
        text += &format!("\n{:20}", package.name);
        for kernel in &kernels {
            let job = jobs
                .iter()
                .find(|job| job.package == package && job.cell.kernel == *kernel);
            let shown = match job {
                None => String::new(),
                Some(job) if failures.iter().any(|(name, _)| *name == job.name) => "FAILED".into(),
                Some(job) => in_the_table(job.cell),
            };
            text += &format!("  {shown:12}");
            if let Some(Expected::Fails(why)) = job.map(|job| &job.cell.expected) {
                notes += &format!("  {} on {kernel}: {why}\n", package.name);
            }
        }
    }
    if !notes.is_empty() {
        text += &format!("\nwhat plain make cannot build either, and says:\n{notes}");
    }
    text.push('\n');
    text
}

fn in_the_table(cell: &Cell) -> String {
    match &cell.expected {
        Expected::Modules(names) => format!("{} {}", names.len(), cell.release),
        Expected::Fails(_) => "-".into(),
    }
}
