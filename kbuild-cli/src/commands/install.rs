//! `kbuild-rs install`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kbuild::{Install, Kernel};

use super::signing;
use crate::args::InstallArgs;
use crate::process::signals;
use crate::ui::installed::Told;
use crate::ui::style::Style;

/// The output directory of a build without `--out-dir`.
const OUT: &str = "kbuild-out";

pub(super) fn run(args: &InstallArgs, style: Style) -> ExitCode {
    signals::relayed(|| {
        let told = Told::new(&args.output, style, args.dry_run);
        let signer = match signing::of_install(&args.signing, named_tree(args).as_ref()) {
            Ok(signer) => signer,
            Err(failure) => return told.refuse(&failure),
        };
        let mut install = request(args);
        if let Some(signer) = signer {
            signing::note(&signer)
                .iter()
                .for_each(|note| told.note(note));
            install.sign(signer);
        }
        told.end(install.run(&|note| told.note(note)))
    })
}

fn request(args: &InstallArgs) -> Install {
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
        .depmod(!args.no_depmod)
        .unsigned(args.signing.unsigned)
        .dry_run(args.dry_run);
    if let Some(jobs) = args.jobs {
        install.jobs(jobs);
    }
    install
}

/// The one kernel tree that the call names: its own key counts, too.
fn named_tree(args: &InstallArgs) -> Option<Kernel> {
    match &*args.root.kernels {
        [kernel] => Kernel::find(kernel).ok(),
        _ => None,
    }
}

/// A root is relative to the caller, and messages name it so that it can be found.
pub(super) fn absolute(root: &Path) -> PathBuf {
    std::path::absolute(root).unwrap_or_else(|_| root.to_owned())
}
