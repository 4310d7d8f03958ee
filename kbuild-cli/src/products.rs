//! What comes out of a build, beside the output directory: `--output`, `--depfile`, `--stamp`,
//! and words.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kbuild::{Artifact, Report};

use crate::args::BuildArgs;
use crate::failure::Failure;
use crate::progress::duration;
use crate::style::count;
use crate::view::View;
use crate::watched::watched;
use crate::{depfile, files};

/// Writes the files that the flags ask for.
pub(crate) fn deliver(
    args: &BuildArgs,
    report: &Report,
    out_dir: &Path,
    view: &View,
) -> Result<(), Failure> {
    check_expected(&args.products.expect, report)?;
    let output = args.products.output.as_deref();
    if let Some(output) = output {
        files::copy_if_changed(the_only_module(report)?, output)?;
    }
    if let Some(path) = &args.products.depfile {
        let targets = match args.products.stamp.as_deref().or(output) {
            Some(file) => vec![file.to_owned()],
            None => paths(report, out_dir),
        };
        write_depfile(path, &targets, &watched(report), view)?;
    }
    if let Some(stamp) = &args.products.stamp {
        // What was edited while make ran is newer than this, and so is not taken for built.
        let began = SystemTime::now() - view.time();
        files::touch(stamp, began)?;
    }
    Ok(())
}

/// A build system has to be told beforehand what comes out: what it does not know of, it does not
/// order, install or clean.
fn check_expected(expected: &[String], report: &Report) -> Result<(), Failure> {
    if expected.is_empty() {
        return Ok(());
    }
    let same = |a: &str, b: &str| a.replace('-', "_") == b.replace('-', "_");
    let missing = expected.iter().find(|name| report.module(name).is_none());
    if let Some(name) = missing {
        let made: Vec<_> = report.modules().iter().map(Artifact::name).collect();
        return Err(Failure::nothing(format!(
            "the module {name} was expected and did not come out; these did: {}",
            made.join(", ")
        )));
    }
    let known = |module: &&Artifact| expected.iter().any(|name| same(name, module.name()));
    match report.modules().iter().find(|module| !known(module)) {
        Some(module) => Err(Failure::nothing(format!(
            "the module {} came out and was not expected: name it too",
            module.name()
        ))),
        None => Ok(()),
    }
}

fn the_only_module(report: &Report) -> Result<&Path, Failure> {
    match report.modules() {
        [module] => Ok(module.path()),
        modules => {
            let names: Vec<_> = modules.iter().map(Artifact::name).collect();
            Err(Failure::call(format!(
                "--output names one file, and this build gives {}{}{}: use --out-dir, which takes any number",
                count(names.len(), "module"),
                if names.is_empty() { "" } else { ": " },
                names.join(", ")
            )))
        }
    }
}

fn write_depfile(
    path: &Path,
    targets: &[PathBuf],
    prerequisites: &[PathBuf],
    view: &View,
) -> Result<(), Failure> {
    if let Some(target) = targets.iter().find(|t| !depfile::carries(t)) {
        return Err(Failure::call(format!(
            "a depfile cannot carry the path {target:?}: it has a line end in it"
        )));
    }
    let (text, left_out) = depfile::text(targets, prerequisites);
    for path in left_out {
        view.warning(&format!(
            "{path:?} is not in the depfile, which cannot carry a line end: a change to it will not be noticed from there"
        ));
    }
    Ok(files::write(path, &text)?)
}

/// The products, named as the caller named the output directory: a tool that reads the depfile
/// compares text.
pub(crate) fn paths(report: &Report, out_dir: &Path) -> Vec<PathBuf> {
    let modules = report.modules().iter().map(Artifact::path);
    let targets = report.targets().iter().map(PathBuf::as_path);
    modules
        .chain(targets)
        .map(|path| match path.strip_prefix(report.out_dir()) {
            Ok(below) => out_dir.join(below),
            Err(_) => path.to_owned(),
        })
        .collect()
}

/// "built hello for 6.1.0-40-amd64 in 2.1 s → kbuild-out".
pub(crate) fn sentence(
    report: &Report,
    asked: &[String],
    out_dir: &Path,
    time: Duration,
) -> String {
    let modules = |modules: &[Artifact]| match modules {
        [module] => module.name().to_owned(),
        modules => count(modules.len(), "module"),
    };
    let what = match (report.modules(), report.targets()) {
        (some, []) => modules(some),
        ([], targets) => count(targets.len(), "target"),
        (some, targets) => format!("{} and {}", modules(some), count(targets.len(), "target")),
    };
    let release = report.kernel().map_or("", kbuild::Kernel::release);
    if report.modules().is_empty() && report.targets().is_empty() {
        // A target that gives no file, such as `clean`.
        let targets = asked.join(" ");
        return format!("made {targets} for {release} in {}", duration(time));
    }
    if report.is_fresh() {
        let many = report.modules().len() + report.targets().len() != 1;
        let are = if many { "are" } else { "is" };
        return format!("{what} {are} up to date ({release})");
    }
    format!(
        "built {what} for {release} in {} → {}",
        duration(time),
        out_dir.display()
    )
}
