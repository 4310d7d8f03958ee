//! The kernels of a call.

use std::ffi::OsString;
use std::path::PathBuf;

use kbuild::Kernel;

use crate::args::BuildArgs;
use crate::builds::kernel_search;
use crate::ui::failure::Failure;
use crate::ui::view::View;

/// A kernel to build for.
#[derive(Debug)]
pub(crate) struct SelectedKernel {
    /// The release; for a missing kernel, the caller's name for it.
    pub(crate) name: String,
    /// Whether builds for it are impossible.
    pub(crate) is_missing: bool,
    /// `None` if the library chooses.
    pub(super) dir: Option<OsString>,
}

impl SelectedKernel {
    fn found(kernel: &Kernel) -> Self {
        SelectedKernel {
            name: kernel.release().to_owned(),
            is_missing: false,
            dir: Some(kernel.dir().into()),
        }
    }
}

/// The kernels of a call, and a failure for each that is missing.
#[derive(Default)]
pub(super) struct SelectedKernels {
    pub(super) kernels: Vec<SelectedKernel>,
    pub(super) missing: Vec<Failure>,
}

pub(super) fn kernels(
    args: &BuildArgs,
    sources: usize,
    view: &View,
) -> Result<SelectedKernels, Failure> {
    let named = &args.kernel.named;
    let mut selected = SelectedKernels::default();
    if args.kernel.all_kernels {
        selected.kernels = installed(view)?;
    } else if named.len() < 2 && sources < 2 {
        // The library finds it, and reports its choice.
        selected.kernels.push(SelectedKernel {
            name: String::new(),
            is_missing: false,
            dir: named.first().cloned(),
        });
        return Ok(selected);
    } else if named.is_empty() {
        let kernel = default(args, view)?;
        selected.kernels.push(SelectedKernel::found(&kernel));
    }
    for name in named {
        selected.kernels.push(match kernel_search::named(name) {
            Ok(kernel) => SelectedKernel::found(&kernel),
            Err(error) => {
                selected.missing.push(error.into());
                SelectedKernel {
                    name: name.to_string_lossy().into_owned(),
                    is_missing: true,
                    dir: None,
                }
            }
        });
    }
    check_names(&selected.kernels)?;
    Ok(selected)
}

/// All usable kernels of this machine.
fn installed(view: &View) -> Result<Vec<SelectedKernel>, Failure> {
    let mut kernels = Vec::new();
    for installed in kernel_search::installed() {
        match installed.kernel {
            Ok(kernel) => kernels.push(SelectedKernel::found(&kernel)),
            Err(error) => view.note(&format!("skipped a kernel tree: {error}")),
        }
    }
    if kernels.is_empty() {
        return Err(Failure::no_result(
            "this machine has no kernel tree that modules can be built against. To see the places \
             searched, run\n    kbuild-rs kernels --help",
        ));
    }
    Ok(kernels)
}

/// The kernel that each build would find itself. It is found and reported once.
fn default(args: &BuildArgs, view: &View) -> Result<Kernel, Failure> {
    let mut of_make = args.common.make_var.iter().rev();
    let of_make = of_make.find(|(name, _)| name == "ARCH");
    let of_make = of_make.map(|(_, value)| value.to_string_lossy());
    let arch = args.kernel.arch.as_deref().or(of_make.as_deref());
    let (kernel, note) = kernel_search::default(arch);
    note.iter().for_each(|note| view.note(note));
    Ok(kernel?)
}

/// The release names a kernel's output directory.
fn check_names(kernels: &[SelectedKernel]) -> Result<(), Failure> {
    for (i, kernel) in kernels.iter().enumerate() {
        if let Some(other) = kernels[..i].iter().find(|k| k.name == kernel.name) {
            let tree = |k: &SelectedKernel| PathBuf::from(k.dir.clone().unwrap_or_default());
            return Err(Failure::wrong_call(format!(
                "{} and {} both have the release {}, so their products would go to one folder. \
                 Build for one at a time, each with its own --out-dir",
                tree(other).display(),
                tree(kernel).display(),
                kernel.name
            )));
        }
    }
    Ok(())
}
