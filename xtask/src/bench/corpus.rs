//! Real modules, built cold beside plain make on a copy: jool, which has three module folders in
//! one stage, and all packages of the corpus on two kernels, one after another.
//!
//! make's copy is made before its time starts, but our time includes the stage.

use std::path::Path;

use kbuild_tests::corpus::{self, Cell, Expected, Package};
use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::plain;

use super::measure::{Sample, measure, median};
use super::{Row, Setup, fresh, ratio, scratch};
use crate::Result;

/// The kernels for the whole corpus.
const KERNELS: &[&str] = &["6.1", "6.12"];

/// The package with three module folders in one stage and eighty sources.
const LARGEST: &str = "jool-dkms";

pub(super) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    let packages = corpus::packages()?;
    let mut rows = largest(setup, &packages)?;
    rows.extend(all(setup, &packages)?);
    Ok(rows)
}

fn largest(setup: &Setup, packages: &[Package]) -> Result<Vec<Row>> {
    let on = &setup.kernel;
    let package = packages.iter().find(|package| package.name == LARGEST);
    let found = package.and_then(|package| Some((package, cell(package, on)?)));
    let (package, cell) =
        found.ok_or_else(|| format!("the corpus has no {LARGEST} on {}", on.name))?;
    let mut pairs = Vec::new();
    for run in 0..=setup.runs {
        let pair = pair(setup, on, package, cell, run % 2 == 0)?;
        // The first round fills the page cache.
        if run > 0 {
            pairs.push(pair);
        }
    }
    Ok(both(
        &format!("cold build of {LARGEST}"),
        &pairs,
        1.02,
        |values| median(values),
    ))
}

/// Builds each package once. The number of packages makes up for repeated runs.
fn all(setup: &Setup, packages: &[Package]) -> Result<Vec<Row>> {
    let mut pairs = Vec::new();
    for name in KERNELS {
        let kernel = lab::kernel(name)?;
        let cells: Vec<_> = packages
            .iter()
            .filter_map(|package| Some((package, cell(package, &kernel)?)))
            .collect();
        if let Some((package, cell)) = cells.last() {
            pair(setup, &kernel, package, cell, true)?;
        }
        for (turn, (package, cell)) in cells.iter().enumerate() {
            pairs.push(pair(setup, &kernel, package, cell, turn % 2 == 0)?);
        }
    }
    let what = format!("cold build of the corpus on {}", KERNELS.join(" and "));
    Ok(both(&what, &pairs, 1.03, |values| values.sum()))
}

/// The builds of `package` on `kernel`, if it builds there.
fn cell<'a>(package: &'a Package, kernel: &LabKernel) -> Option<&'a Cell> {
    let mut cells = package.cells.iter();
    cells.find(|cell| cell.kernel == kernel.name && matches!(cell.expected, Expected::Modules(_)))
}

/// One cold build of each side. Ours is first or second, because the second one finds warmer
/// caches.
fn pair(
    setup: &Setup,
    kernel: &LabKernel,
    package: &Package,
    cell: &Cell,
    ours_first: bool,
) -> Result<(Sample, Sample)> {
    let scratch = scratch()?;
    let source = package.sources(cell)?;
    let copy = scratch.path().join("copy");
    plain::copy(&source, &copy)?;
    let ours = || ours(setup, kernel, package, &source, &scratch.path().join("out"));
    let theirs = || {
        let mut sum = Sample::default();
        for folder in package.folders(&copy) {
            add(
                &mut sum,
                measure(&mut package.make(kernel, &folder, &copy, &source))?,
            );
        }
        Ok::<_, String>(sum)
    };
    if ours_first {
        let ours = ours()?;
        return Ok((ours, theirs()?));
    }
    let theirs = theirs()?;
    Ok((ours()?, theirs))
}

fn ours(
    setup: &Setup,
    kernel: &LabKernel,
    package: &Package,
    source: &Path,
    out: &Path,
) -> Result<Sample> {
    fresh(out)?;
    let mut sum = Sample::default();
    for folder in package.folders(source) {
        let mut command = kernel.command(&setup.program);
        command
            .args(package.ours(kernel, &folder, out))
            .arg("--quiet")
            // The other side has the same locale.
            .env("LC_ALL", "C");
        add(&mut sum, measure(&mut command)?);
    }
    Ok(sum)
}

fn add(sum: &mut Sample, one: Sample) {
    sum.wall += one.wall;
    sum.cpu += one.cpu;
}

fn both(
    what: &str,
    pairs: &[(Sample, Sample)],
    bound: f64,
    middle: impl Fn(&mut dyn Iterator<Item = f64>) -> f64,
) -> Vec<Row> {
    let row = |kind: &str, of: fn(&Sample) -> f64| {
        let ours = middle(&mut pairs.iter().map(|(ours, _)| of(ours)));
        let theirs = middle(&mut pairs.iter().map(|(_, theirs)| of(theirs)));
        ratio(&format!("{what}, {kind}"), ours, theirs, bound)
    };
    vec![
        row("wall", |sample| sample.wall.as_secs_f64()),
        row("CPU", |sample| sample.cpu.as_secs_f64()),
    ]
}
