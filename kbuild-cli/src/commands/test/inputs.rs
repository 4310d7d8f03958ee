//! The modules of a call: those that its arguments name, and those that it builds first.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Parser;
use kbuild::{Compression, Finisher};
use kbuild_vm::Ko;

use crate::args::{Cli, MessageFormat, TestArgs, Verb};
use crate::builds;
use crate::builds::out_dir::OutDir;
use crate::ui::failure::Failure;
use crate::ui::style::Style;

/// The modules, and the failures of the builds.
pub(super) fn modules(args: &TestArgs, style: Style) -> Result<(Vec<Ko>, Vec<Failure>), Failure> {
    let (trees, files): (Vec<PathBuf>, Vec<PathBuf>) = args
        .inputs
        .iter()
        .cloned()
        .partition(|input| is_tree(input));
    let mut failures = Vec::new();
    let mut paths = Vec::new();
    if !trees.is_empty() {
        let (failed, built) = build(args, &trees, style)?;
        failures = failed;
        paths = built;
    }
    let files = match args.inputs.is_empty() {
        true => vec![OutDir::path(None).to_owned()],
        false => files,
    };
    if !files.is_empty() {
        let found = Finisher::new()
            .compression(Compression::None)
            .finish(&files)?;
        paths.extend(found.into_iter().map(|one| one.source));
    }
    let modules = paths.into_iter().map(Ko::read);
    let modules: kbuild_vm::Result<Vec<Ko>> = modules.collect();
    Ok((
        modules.map_err(|e| Failure::no_result(e.to_string()))?,
        failures,
    ))
}

/// Whether this call builds module trees.
pub(super) fn builds(args: &TestArgs) -> bool {
    args.inputs.iter().any(|input| is_tree(input))
}

fn is_tree(input: &Path) -> bool {
    ["Kbuild", "Makefile"]
        .iter()
        .any(|name| input.join(name).is_file())
}

/// Builds module trees, as `kbuild-rs build` does with these flags.
fn build(
    args: &TestArgs,
    trees: &[PathBuf],
    style: Style,
) -> Result<(Vec<Failure>, Vec<PathBuf>), Failure> {
    let mut words: Vec<OsString> = vec!["kbuild-rs".into(), "build".into()];
    for kernel in &args.kernels {
        words.extend(["--kernel".into(), kernel.clone()]);
    }
    if args.all_kernels {
        words.push("--all-kernels".into());
    }
    if let Some(dir) = &args.out_dir {
        words.extend(["--out-dir".into(), dir.into()]);
    }
    match args.results.message_format {
        MessageFormat::Json => words.extend(["--message-format".into(), "json".into()]),
        // Standard output gets TAP, and the paths of modules are no TAP.
        MessageFormat::Human => words.push("--quiet".into()),
    }
    words.push("--".into());
    words.extend(trees.iter().map(OsString::from));
    let cli = Cli::try_parse_from(words).map_err(|e| Failure::wrong_call(e.to_string()))?;
    if let Err(error) = cli.check() {
        return Err(Failure::wrong_call(error.to_string()));
    }
    match cli.verb {
        Verb::Build(build) => Ok(builds::run_and_list(&build, style)),
        _ => Ok((Vec::new(), Vec::new())),
    }
}
