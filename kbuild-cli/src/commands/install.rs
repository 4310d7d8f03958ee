//! `kbuild-rs install`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kbuild::{Compression, Install, Kernel, Strip};

use super::signing;
use crate::args::{Compress, InstallArgs};
use crate::process::signals;
use crate::ui::failure::Failure;
use crate::ui::installed::Told;
use crate::ui::style::Style;

/// The output directory of a build without `--out-dir`.
const OUT: &str = "kbuild-out";

pub(super) fn run(args: &InstallArgs, style: Style) -> ExitCode {
    signals::relayed(|| {
        let told = Told::new(&args.output, style, args.dry_run);
        match request(args, &told) {
            Ok(install) => told.end(install.run(&|note| told.note(note))),
            Err(failure) => told.fail(&failure),
        }
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
        .dry_run(args.dry_run);
    if args.closure {
        let folder = args.kernel_modules.as_deref().unwrap_or(Path::new("/"));
        install.closure(folder);
    }
    if let Some(jobs) = args.jobs {
        install.jobs(jobs);
    }
    if let Some(options) = &args.finish.strip {
        install.strip(Strip::new(options)?);
    }
    let tree = named_tree(args);
    if let Some(signer) = signing::of_install(&args.signing, tree.as_ref())? {
        signing::note(&signer)
            .iter()
            .for_each(|note| told.note(note));
        install.sign(signer);
    }
    let compression = match args.finish.compress {
        Compress::Kernel => return Ok(install),
        Compress::None => Compression::None,
        Compress::Gzip => Compression::Gzip,
        Compress::Xz => Compression::Xz,
        Compress::Zstd => Compression::Zstd,
    };
    install.compression(compression);
    Ok(install)
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
