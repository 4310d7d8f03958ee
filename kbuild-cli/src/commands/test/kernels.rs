//! The kernels of a call, and their images.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use kbuild::Kernel;
use kbuild_vm::{Arch, Ko};

use crate::args::TestArgs;
use crate::builds::kernel_search;
use crate::ui::failure::Failure;

/// A kernel to boot, and its modules.
pub(super) struct Candidate {
    pub(super) release: String,
    /// Its kernel tree, if this machine has one.
    pub(super) tree: Option<PathBuf>,
    pub(super) modules: Vec<Ko>,
    pub(super) kernel: Booted,
}

/// What will be booted.
pub(super) enum Booted {
    Kernel(kbuild_vm::Kernel),
    /// Nothing, and `--all-kernels` allows that.
    Skipped(String),
    Missing(String),
}

/// The kernels in the order of the call, else by release. `builds` is whether this call has built module
/// trees for them.
pub(super) fn candidates(
    args: &TestArgs,
    modules: Vec<Ko>,
    builds: bool,
) -> Result<Vec<Candidate>, Failure> {
    check(args, &modules)?;
    let mut chosen: Vec<(String, Option<PathBuf>)> = Vec::new();
    for name in &args.kernels {
        let one = named(name)?;
        let has_modules = modules.iter().any(|module| module.release == one.0);
        if !has_modules && !builds {
            return Err(no_module(&one.0, &modules));
        }
        if !chosen.contains(&one) {
            chosen.push(one);
        }
    }
    let installed = match args.kernels.is_empty() {
        true => kernel_search::installed(),
        false => Vec::new(),
    };
    let mut releases: Vec<&str> = modules.iter().map(|module| &*module.release).collect();
    releases.sort_unstable();
    releases.dedup();
    for release in releases.into_iter().filter(|_| args.kernels.is_empty()) {
        let mut trees = installed.iter().filter_map(|one| one.kernel.as_ref().ok());
        let tree = trees.find(|kernel| kernel.release() == release);
        if tree.is_some() || !args.all_kernels {
            chosen.push((
                release.to_owned(),
                tree.map(|kernel| kernel.dir().to_owned()),
            ));
        }
    }
    if chosen.is_empty() {
        return Err(Failure::no_result(
            "the modules are for other kernels than those that this machine has a kernel tree for. To \
             test on the kernels of the modules, leave out --all-kernels",
        ));
    }
    let flag = [
        ("--interactive", args.guest.interactive),
        ("--gdb", args.guest.gdb),
    ];
    let flag = flag
        .into_iter()
        .find(|(_, given)| *given && chosen.len() > 1);
    if let Some((flag, _)) = flag {
        return Err(Failure::wrong_call(format!(
            "{flag} is for one kernel, but these modules are for several: name one with --kernel"
        )));
    }
    if args.guest.image.is_some() && chosen.len() > 1 {
        return Err(Failure::wrong_call(
            "--image names one image, but these modules are for several kernels: name one kernel \
             with --kernel",
        ));
    }
    let candidates = chosen.into_iter().map(|(release, tree)| {
        let own = modules.iter().filter(|module| module.release == release);
        let modules: Vec<Ko> = own.cloned().collect();
        Candidate {
            kernel: booted(args, &release, tree.as_deref(), &modules),
            release,
            tree,
            modules,
        }
    });
    Ok(candidates.collect())
}

/// What would fail on every kernel is a wrong call.
fn check(args: &TestArgs, modules: &[Ko]) -> Result<(), Failure> {
    let guest = &args.guest;
    let has = |name: &str| modules.iter().any(|one| one.name == name.replace('-', "_"));
    if let Some((name, _)) = guest.parameters.iter().find(|(name, _)| !has(name)) {
        return Err(Failure::wrong_call(format!(
            "--param names the module {name}, which is not one of the modules of this call"
        )));
    }
    let files = guest.files.iter().map(|(host, _)| host);
    let mut files = files.chain(&guest.image).chain(&guest.busybox);
    match files.find(|file| !file.is_file()) {
        Some(file) => Err(Failure::wrong_call(format!(
            "{} is not a file: check the paths of --file, --image and --busybox",
            file.display()
        ))),
        None => Ok(()),
    }
}

/// A release, and its tree. A kernel without a tree can be tested, too.
fn named(name: &OsStr) -> Result<(String, Option<PathBuf>), Failure> {
    match kernel_search::named(name) {
        Ok(kernel) => Ok((kernel.release().to_owned(), Some(tree(&kernel, name)))),
        Err(error) => match name.to_str() {
            Some(release) if !release.contains('/') && !Path::new(release).is_dir() => {
                Ok((release.to_owned(), None))
            }
            _ => Err(error.into()),
        },
    }
}

/// The path that the caller named: the image may be beside it, and not beside what a link leads to.
fn tree(kernel: &Kernel, name: &OsStr) -> PathBuf {
    let path = Path::new(name);
    match path.is_dir() {
        true => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
        false => kernel.dir().to_owned(),
    }
}

fn booted(args: &TestArgs, release: &str, tree: Option<&Path>, modules: &[Ko]) -> Booted {
    if modules.is_empty() {
        return Booted::Skipped("no module was built for it".to_owned());
    }
    let arch = modules
        .iter()
        .find_map(|module| module.arch)
        .unwrap_or(Arch::X86_64);
    if let Some(image) = &args.guest.image {
        return Booted::Kernel(kbuild_vm::Kernel::with_image(release, arch, tree, image));
    }
    match (
        kbuild_vm::Kernel::find(release, arch, tree),
        args.all_kernels,
    ) {
        (Ok(kernel), _) => Booted::Kernel(kernel),
        (Err(error), true) => Booted::Skipped(error.to_string()),
        (Err(error), false) => Booted::Missing(error.to_string()),
    }
}

fn no_module(release: &str, modules: &[Ko]) -> Failure {
    let mut releases: Vec<&str> = modules.iter().map(|module| &*module.release).collect();
    releases.sort_unstable();
    releases.dedup();
    Failure::wrong_call(format!(
        "none of these modules is for the kernel {release}; they are for {}. Build for it first:\n    \
         kbuild-rs build --kernel {release}",
        releases.join(", ")
    ))
}
