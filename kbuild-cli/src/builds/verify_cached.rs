//! `kbuild-rs cache verify SOURCE`: takes products from the cache, builds them again without it, and
//! compares the bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kbuild::{Kernel, Matrix, Report};

use super::configure::configure;
use super::selection::Selection;
use crate::args::{BuildArgs, MessageFormat};
use crate::ui::failure::Failure;
use crate::ui::options::UiOptions;
use crate::ui::streams;
use crate::ui::style::Style;
use crate::ui::view::View;

/// Whether the builds take part in the cache.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side<'a> {
    /// Takes products from this cache, and stores nothing, so that a later call compares with a stored
    /// build too.
    Cache(&'a Path),
    Make,
}

/// Compares, and returns the failures, which it has already reported.
pub(crate) fn verify_cached(args: &BuildArgs, cache: &Path, style: Style) -> Vec<Failure> {
    let view = View::new(MessageFormat::Human, UiOptions::new(style, true));
    let (selection, mut failures) = match Selection::new(args, &view) {
        Ok(selected) => selected,
        Err(failure) => {
            view.failure(&failure);
            return vec![failure];
        }
    };
    if let Err(more) = compare_all(args, &selection, cache) {
        failures.extend(more);
    }
    failures.iter().for_each(|failure| view.failure(failure));
    failures
}

fn compare_all(args: &BuildArgs, selection: &Selection, cache: &Path) -> Result<(), Vec<Failure>> {
    let scratch = tempfile::tempdir()
        .map_err(|e| vec![Failure::file("create", &std::env::temp_dir(), &e)])?;
    let cached = reports(args, selection, scratch.path(), Side::Cache(cache))?;
    let built = reports(args, selection, scratch.path(), Side::Make)?;
    let mut failures = Vec::new();
    for (build, (cached, built)) in selection.builds.iter().zip(cached.iter().zip(&built)) {
        // Neither side has a build that a requirement skips.
        let (Some(cached), Some(built)) = (cached, built) else {
            continue;
        };
        let source = &selection.sources[build.source].name;
        let release = cached.kernel().map_or("", Kernel::release);
        let label = format!("{source} for {release}");
        if !cached.is_cached() {
            failures.push(Failure::no_result(format!(
                "{label} is not in the cache: build it with the same options first"
            )));
            continue;
        }
        match difference(cached, built) {
            None => streams::result(format!("{label}: cache and build have the same bytes")),
            Some(file) => failures.push(Failure::no_result(format!(
                "{label}: the {} in the cache differs from that of a build. If two builds without \
                 the cache are equal, remove all stored builds:\n    kbuild-rs cache prune --all",
                file.display()
            ))),
        }
    }
    match failures.is_empty() {
        true => Ok(()),
        false => Err(failures),
    }
}

/// Builds everything into folders of its own. There is no report for a kernel that does not meet a
/// stated requirement, unless no kernel does: then that is the failure.
fn reports(
    args: &BuildArgs,
    selection: &Selection,
    scratch: &Path,
    side: Side<'_>,
) -> Result<Vec<Option<Report>>, Vec<Failure>> {
    let mut matrix = Matrix::new();
    for build in &selection.builds {
        let mut build = build.clone();
        let name = match side {
            Side::Cache(_) => "cache",
            Side::Make => "make",
        };
        build.out_dir = scratch.join(name).join(build.kernel.to_string());
        let mut build = configure(args, &build);
        match side {
            Side::Cache(folder) => build.look_up_in_cache(folder),
            Side::Make => build.no_cache(),
        };
        build.on_message(|_| {});
        matrix.add(&build, args.declared.name.as_deref());
    }
    for (i, build) in selection.builds.iter().enumerate() {
        for provider in selection.providers_of(build) {
            matrix.needs(i, provider);
        }
    }
    let (mut reports, mut skips, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    for result in matrix.run() {
        match result.map_err(Failure::from) {
            Ok(report) => reports.push(Some(report)),
            Err(failure) if failure.is_skip() => {
                reports.push(None);
                skips.push(failure);
            }
            Err(failure) => failures.push(failure),
        }
    }
    if skips.len() == reports.len() {
        failures.extend(skips);
    }
    match failures.is_empty() {
        true => Ok(reports),
        false => Err(failures),
    }
}

/// A product that is not the same on both sides, by its path below the output directory.
fn difference(one: &Report, other: &Report) -> Option<PathBuf> {
    let (one, other) = (products(one), products(other));
    let names = one.keys().chain(other.keys());
    let differs = |name: &&PathBuf| one.get(*name) != other.get(*name);
    names.into_iter().find(differs).cloned()
}

fn products(report: &Report) -> BTreeMap<PathBuf, Vec<u8>> {
    let modules = report.modules().iter().map(|module| module.path());
    let others = report.products().iter().map(PathBuf::as_path);
    let all = modules.chain(others).chain(report.symvers());
    let named = |path: &Path| {
        let name = path.strip_prefix(report.out_dir()).unwrap_or(path);
        (name.to_owned(), fs::read(path).unwrap_or_default())
    };
    all.map(named).collect()
}
