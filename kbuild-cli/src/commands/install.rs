//! `kbuild-rs install`.

mod cargo_modules;
mod outer_meson;

use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use kbuild::{Install, Kernel, Strip};

use super::{package, signing};
use crate::args::InstallArgs;
use crate::process::signals;
use crate::ui::failure::Failure;
use crate::ui::installed::Told;
use crate::ui::style::Style;

/// The output directory of a build without `--out-dir`.
const OUT: &str = "kbuild-out";

pub(super) fn run(mut args: InstallArgs, style: Style) -> ExitCode {
    if args.outer_meson {
        outer_meson::apply(&mut args);
    }
    let mut told = Told::new(&args.output, style, args.dry_run);
    told.lists_paths(!(args.outer_meson && args.output.quiet));
    if let Some(package) = &args.cargo {
        match cargo_modules::find(package.as_deref(), &args) {
            Ok(inputs) => args.inputs = inputs,
            Err(failure) => return told.fail(&failure),
        }
    }
    signals::relayed(|| {
        let install = match request(&args, &told) {
            Ok(install) => install,
            Err(failure) => return told.fail(&failure),
        };
        let done = install.run(&|note| told.note(note));
        told.end(done)
    })
}

fn request(args: &InstallArgs, told: &Told) -> Result<Install, Failure> {
    let mut install = Install::new();
    let default = [PathBuf::from(OUT)];
    let inputs = match args.inputs.is_empty() {
        true => &default[..],
        false => &args.inputs,
    };
    for input in inputs {
        install.input(input);
    }
    for kernel in &args.root.kernels {
        install.kernel(kernel);
    }
    install
        .all_kernels(args.all_kernels)
        .root(absolute(&args.root.root))
        .dir(args.dir.clone().unwrap_or_default())
        .replace(args.replace)
        .hard_link(args.hard_link)
        .load(args.load)
        .modprobe(args.modprobe)
        .initramfs(args.initramfs)
        .unsigned(args.signing.unsigned)
        .depmod(!args.no_depmod)
        .journal(!args.no_journal)
        .dry_run(args.dry_run);
    if args.closure {
        let folder = args.kernel_modules.as_deref().unwrap_or(Path::new("/"));
        install.closure(folder);
    }
    if let Some(jobs) = args.jobs {
        install.jobs(jobs);
    }
    finish(&mut install, args, told)?;
    Ok(install)
}

/// The steps from a built module to the installed file.
fn finish(install: &mut Install, args: &InstallArgs, told: &Told) -> Result<(), Failure> {
    if let Some(options) = &args.finish.strip {
        install.strip(Strip::new(options)?);
    }
    if let Some(compression) = package::compression(args.finish.compress) {
        install.compression(compression);
    }
    let tree = named_tree(args);
    if let Some(signer) = signing::of_install(&args.signing, tree.as_ref())? {
        signing::note(&signer)
            .iter()
            .for_each(|note| told.note(note));
        install.sign(signer);
    }
    Ok(())
}

/// The one kernel tree that the call names: its own key counts, too.
fn named_tree(args: &InstallArgs) -> Option<Kernel> {
    match &*args.root.kernels {
        [kernel] => Kernel::find(kernel).ok(),
        _ => None,
    }
}

/// A root is relative to the caller, and messages name it so that it can be found and read.
pub(super) fn absolute(root: &Path) -> PathBuf {
    let is_upwards = root.components().any(|part| part == Component::ParentDir);
    let short = is_upwards
        .then(|| std::fs::canonicalize(root).ok())
        .flatten();
    let whole = || std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
    short.unwrap_or_else(whole)
}
