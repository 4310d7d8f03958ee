//! What comes out of a build, beside the output directory: `--output`, `--depfile`, `--stamp`,
//! and words.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kbuild::{Artifact, Report};

use crate::args::build::BuildArgs;
use crate::builds::watched::watched;
use crate::builds::{depfile, whole_file as files};
use crate::ui::failure::Failure;
use crate::ui::progress::duration;
use crate::ui::style::count;
use crate::ui::view::View;

/// Writes the files that the flags ask for.
pub(crate) fn deliver(
    args: &BuildArgs,
    report: &Report,
    out_dir: &Path,
    view: &View,
) -> Result<(), Failure> {
    check_expected(&args.products.expect, report)?;
    // What was edited while make ran is newer than this, and so is not taken for built.
    let began = SystemTime::now() - view.time();
    let outputs = &args.products.output;
    for (product, output) in products_for(outputs, report)?.into_iter().zip(outputs) {
        files::copy_if_changed(product, output, began)?;
    }
    let (into, record) = (
        &args.products.compile_commands,
        &args.products.compile_commands_record,
    );
    if let (Some(into), Some(record)) = (into, record) {
        let own = out_dir.join("compile_commands.json");
        kbuild::merge_compile_commands(into, &[own], record)?;
    }
    if let Some(path) = &args.products.depfile {
        let targets = match &args.products.stamp {
            Some(file) => vec![file.to_owned()],
            None if !outputs.is_empty() => outputs.clone(),
            None => paths(report, out_dir),
        };
        write_depfile(path, &targets, &watched(report), view)?;
    }
    if let Some(stamp) = &args.products.stamp {
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

/// The products that files of these names are to be copies of.
fn products_for<'a>(outputs: &[PathBuf], report: &'a Report) -> Result<Vec<&'a Path>, Failure> {
    let is_module = |output: &&PathBuf| !is(output, "symvers") && other(output, report).is_none();
    let alone = outputs.iter().filter(is_module).count() == 1;
    let products = outputs
        .iter()
        .map(|output| product_for(output, alone, report));
    products.collect()
}

/// A module's copy may have any name where it is `alone`; of several, a wrong name would be one
/// more copy of another module.
fn product_for<'a>(output: &Path, alone: bool, report: &'a Report) -> Result<&'a Path, Failure> {
    if is(output, "symvers") {
        return report.symvers().ok_or_else(|| {
            Failure::nothing("--output names a symvers, and this build gives none".to_owned())
        });
    }
    if let Some(product) = other(output, report) {
        return Ok(product);
    }
    let named = output.file_stem().and_then(OsStr::to_str);
    match (named.and_then(|name| report.module(name)), report.modules()) {
        (Some(module), _) if is(output, "ko") => Ok(module.path()),
        (_, [module]) if alone => Ok(module.path()),
        (_, modules) => {
            let names: Vec<_> = modules.iter().map(Artifact::name).collect();
            Err(Failure::call(format!(
                "--output names {}, and this build gives {}{}{}: name what comes out, or use --out-dir, which takes any number",
                output.display(),
                count(names.len(), "module"),
                if names.is_empty() { "" } else { ": " },
                names.join(", ")
            )))
        }
    }
}

/// The product with the name of this file that is not a module. Of several in different folders,
/// the one whose whole path is the end of the file's path.
fn other<'a>(output: &Path, report: &'a Report) -> Option<&'a Path> {
    let products = report.products().iter().map(PathBuf::as_path);
    let mut found: Vec<_> = products
        .filter(|product| product.file_name() == output.file_name())
        .collect();
    if found.len() > 1 {
        let below = |product: &Path| {
            product
                .strip_prefix(report.out_dir())
                .ok()
                .map(Path::to_owned)
        };
        found.retain(|product| below(product).is_some_and(|below| output.ends_with(below)));
        found.sort_by_key(|product| std::cmp::Reverse(product.as_os_str().len()));
    }
    found.first().copied()
}

fn is(output: &Path, extension: &str) -> bool {
    output.extension().is_some_and(|e| e == extension)
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
    let relative = path.is_relative() && targets.iter().all(|target| target.is_relative());
    let named = if relative {
        named_from_here(prerequisites)
    } else {
        prerequisites.to_owned()
    };
    let (text, left_out) = depfile::text(targets, &named);
    for path in left_out {
        view.warning(&format!(
            "{path:?} is not in the depfile, which cannot carry a line end: a change to it will not be noticed from there"
        ));
    }
    Ok(files::write(path, &text)?)
}

/// The prerequisites as the reader of a depfile names them. It stands where this program was
/// started when it named depfile and targets by relative paths, and compares text: a generated
/// header would be two files to it, the one that a rule makes and this one.
fn named_from_here(prerequisites: &[PathBuf]) -> Vec<PathBuf> {
    let here = std::env::current_dir().ok();
    let name = |path: &PathBuf| match &here {
        Some(here) => path.strip_prefix(here).unwrap_or(path).to_owned(),
        None => path.clone(),
    };
    prerequisites.iter().map(name).collect()
}

/// The products, named as the caller named the output directory: a tool that reads the depfile
/// compares text.
pub(crate) fn paths(report: &Report, out_dir: &Path) -> Vec<PathBuf> {
    let modules = report.modules().iter().map(Artifact::path);
    let others = report.products().iter().chain(report.targets());
    modules
        .chain(others.map(PathBuf::as_path))
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
    let mut parts = match report.modules() {
        [] => Vec::new(),
        [module] => vec![module.name().to_owned()],
        modules => vec![count(modules.len(), "module")],
    };
    for (files, noun) in [
        (report.products(), "other product"),
        (report.targets(), "target"),
    ] {
        parts.extend((!files.is_empty()).then(|| count(files.len(), noun)));
    }
    let what = parts.join(" and ");
    let release = report.kernel().map_or("", kbuild::Kernel::release);
    if parts.is_empty() {
        // A target that gives no file, such as `clean`.
        let targets = asked.join(" ");
        return format!("made {targets} for {release} in {}", duration(time));
    }
    if report.is_fresh() {
        let many = report.modules().len() + report.products().len() + report.targets().len() != 1;
        let are = if many { "are" } else { "is" };
        return format!("{what} {are} up to date ({release})");
    }
    format!(
        "built {what} for {release} in {} → {}",
        duration(time),
        out_dir.display()
    )
}
