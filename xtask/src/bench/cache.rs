//! The cache of finished modules: many modules from it, beside plain make; and what it costs a build
//! that finds nothing there.

use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab::{self, LabKernel};

use super::jobs::{KERNELS, MODULES, one_module, with_make};
use super::measure::{Sample, measure, median};
use super::{Row, Setup, fresh, one_file_module, ratio, scratch};
use crate::Result;

pub(super) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    Ok(vec![many(setup)?, storing(setup)?, nothing_to_do(setup)?])
}

/// All modules come from the cache, into a new output directory each time.
fn many(setup: &Setup) -> Result<Row> {
    let kernels: Vec<LabKernel> = KERNELS
        .iter()
        .map(|name| lab::kernel(name))
        .collect::<Result<_>>()?;
    let scratch = scratch()?;
    let at = |name: &str| scratch.path().join(name);
    let (out, cache) = (at("out"), at("cache"));
    let modules: Vec<PathBuf> = (0..MODULES).map(|i| at(&format!("m{i}"))).collect();
    let ours = || -> Result<Sample> {
        fresh(&out)?;
        for module in &modules {
            one_module(module)?;
        }
        let mut command = Command::new(&setup.program);
        command.arg("build").args(&modules).arg("-o").arg(&out);
        for kernel in &kernels {
            command.arg("--kernel").arg(&kernel.kdir);
        }
        command.args(["-j2", "--quiet", "--cache"]).arg(&cache);
        measure(command.env("LC_ALL", "C"))
    };
    ours()?;
    let (mut taken, mut built) = (Vec::new(), Vec::new());
    for run in 0..=setup.runs.min(3) {
        let one = ours()?;
        let make = with_make(&modules, &kernels)?;
        if run > 0 {
            taken.push(one);
            built.push(make);
        }
    }
    let wall = |samples: &[Sample]| median(samples.iter().map(|s| s.wall.as_secs_f64()));
    let what = format!(
        "{MODULES} one-file modules on {} from the cache, wall, plain make",
        KERNELS.join(" and ")
    );
    Ok(ratio(&what, wall(&taken), wall(&built), 0.05))
}

/// A build that stores, beside one without a cache. The first builds for a kernel also remember the
/// hashes of its headers.
fn storing(setup: &Setup) -> Result<Row> {
    let scratch = scratch()?;
    let at = |name: &str| scratch.path().join(name);
    let (source, out, cache) = (at("source"), at("out"), at("cache"));
    one_file_module(&source)?;
    let build = |cache: Option<&Path>| -> Result<f64> {
        fresh(&out)?;
        let mut command = setup.ours(&source, &out);
        command.env("XDG_CACHE_HOME", at("user"));
        match cache {
            Some(cache) => command.arg("--cache").arg(cache),
            None => command.arg("--no-cache"),
        };
        Ok(measure(&mut command)?.cpu.as_secs_f64())
    };
    // The first phase is remembered on both sides.
    build(None)?;
    let (mut stored, mut without) = (Vec::new(), Vec::new());
    for run in 0..=setup.runs {
        fresh(&cache)?;
        let one = build(Some(&cache))?;
        let other = build(None)?;
        if run > 0 {
            stored.push(one);
            without.push(other);
        }
    }
    let what = "one-file module that is stored in an empty cache, CPU, without a cache";
    Ok(ratio(what, median(stored), median(without), 1.15))
}

/// A build with nothing to do, with a cache and without.
fn nothing_to_do(setup: &Setup) -> Result<Row> {
    let scratch = scratch()?;
    let at = |name: &str| scratch.path().join(name);
    let (source, out) = (at("source"), at("out"));
    one_file_module(&source)?;
    let build = |cache: Option<&Path>| -> Result<f64> {
        let mut command = setup.ours(&source, &out);
        if let Some(cache) = cache {
            command.arg("--cache").arg(cache);
        }
        Ok(measure(&mut command)?.wall.as_secs_f64())
    };
    build(None)?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..=setup.runs.max(9) {
        with.push(build(Some(&at("cache")))?);
        without.push(build(None)?);
    }
    let what = "nothing to do, with a cache, wall, without a cache";
    Ok(ratio(what, median(with), median(without), 1.15))
}
