//! kbuild's first phase, remembered: an edit, a second module and the first build for a kernel,
//! beside plain make.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use kbuild_tests::corpus;
use kbuild_tests::plain;

use super::measure::{measure, median};
use super::{Row, Setup, fresh, one_file_module, ratio, scratch};
use crate::Result;

pub(super) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    let scratch = scratch()?;
    let at = |name: &str| scratch.path().join(name);
    let [source, copy, out, cache] = ["source", "copy", "out", "cache"].map(at);
    let build = || -> Result<(f64, f64)> {
        let mut ours = setup.ours(&source, &out);
        ours.env("XDG_CACHE_HOME", &cache);
        Ok((cpu(ours)?, cpu(setup.make(&copy))?))
    };
    let (mut first, mut second, mut edited) = (Pair::default(), Pair::default(), Pair::default());
    for run in 0..=setup.runs {
        fresh(&cache)?;
        for pair in [&mut first, &mut second] {
            fresh(&out)?;
            one_file_module(&source)?;
            one_file_module(&copy)?;
            pair.add(run, build()?);
        }
        for side in [&source, &copy] {
            edit(&side.join("hello.c"), run)?;
        }
        edited.add(run, build()?);
    }
    Ok(vec![
        first.row("first build for a kernel, one file, CPU", 1.05),
        second.row("second module, one file, cold, CPU", 0.75),
        edited.row("one file after an edit, CPU", 0.60),
        of_package(setup, scratch.path(), "digimend-dkms", 0.72)?,
        of_package(setup, scratch.path(), "jool-dkms", 1.0)?,
    ])
}

/// A package of the corpus after an edit. All its places are built.
fn of_package(setup: &Setup, scratch: &Path, name: &str, bound: f64) -> Result<Row> {
    let packages = corpus::packages()?;
    let package = packages.iter().find(|package| package.name == name);
    let package = package.ok_or_else(|| format!("the corpus has no {name}"))?;
    let kernel = &setup.kernel;
    let mut cells = package.cells.iter();
    let cell = cells.find(|cell| cell.kernel == kernel.name);
    let cell = cell.ok_or_else(|| format!("the corpus has no {name} on {}", kernel.name))?;
    let [source, copy, out] = ["source", "copy", "out"].map(|side| scratch.join(name).join(side));
    for side in [&source, &copy] {
        fresh(side)?;
        std::fs::remove_dir(side).map_err(|error| format!("{}: {error}", side.display()))?;
        plain::copy(&package.sources(cell)?, side)?;
    }
    let build = || -> Result<(f64, f64)> {
        let (mut ours, mut theirs) = (0.0, 0.0);
        for folder in package.folders(&source) {
            let mut command = Command::new(&setup.program);
            command.args(package.ours(kernel, &folder, &out)).arg("-q");
            command.env("XDG_CACHE_HOME", scratch.join("cache"));
            ours += cpu(command)?;
        }
        for folder in package.folders(&copy) {
            theirs += cpu(package.make(kernel, &folder, &copy, &source))?;
        }
        Ok((ours, theirs))
    };
    build()?;
    let mut pair = Pair::default();
    for run in 0..=setup.runs {
        for side in [&source, &copy] {
            edit(&side.join(&package.edit), run)?;
        }
        pair.add(run, build()?);
    }
    Ok(pair.row(&format!("{name} after an edit, CPU"), bound))
}

fn cpu(mut command: Command) -> Result<f64> {
    command.env("LC_ALL", "C");
    Ok(measure(&mut command)?.cpu.as_secs_f64())
}

/// Adds a line to a source.
pub(super) fn edit(path: &Path, run: usize) -> Result<()> {
    let failed = |e: std::io::Error| format!("{}: {e}", path.display());
    let mut file = File::options().append(true).open(path).map_err(failed)?;
    let text = format!("static const int edit_{run} __attribute__((__used__)) = {run};");
    writeln!(file, "{text}").map_err(failed)
}

/// The CPU times of both sides.
#[derive(Default)]
struct Pair {
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

impl Pair {
    /// The first round fills the page cache.
    fn add(&mut self, run: usize, (ours, theirs): (f64, f64)) {
        if run > 0 {
            self.ours.push(ours);
            self.theirs.push(theirs);
        }
    }

    fn row(self, what: &str, bound: f64) -> Row {
        let [ours, theirs] = [self.ours, self.theirs].map(median);
        ratio(what, ours, theirs, bound)
    }
}
