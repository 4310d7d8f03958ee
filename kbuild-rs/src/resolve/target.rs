//! The architecture and the kernel that a build is for. Only this file decides which kernel is the
//! default.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::Build;
use crate::cargo::Door;
use crate::{Error, Kernel, Result};

/// The requirements on the kernel.
#[derive(Debug)]
pub(super) struct Target {
    /// The target triple of the outer build.
    pub(super) triple: Option<String>,
    /// In any spelling: the caller's, else the make variable's, else the environment's.
    pub(super) arch: Option<String>,
}

impl Target {
    pub(super) fn of(build: &Build, door: Door) -> Target {
        let of_cargo = || door.cargo("TARGET")?.into_string().ok();
        let triple = build.rust_target.clone().or_else(of_cargo);
        // `ARCH=…` on make's command line means the same here.
        let mut of_make = build.make_vars.iter().rev().filter(|(n, _)| n == "ARCH");
        let text = |value: &OsStr| value.to_string_lossy().into_owned();
        let arch = build.arch.clone();
        let arch = arch.or_else(|| of_make.next().map(|(_, value)| text(value)));
        let arch = arch.or_else(|| {
            let value = door.per_target("ARCH", triple.as_deref());
            value.map(|value| text(&value))
        });
        Target { triple, arch }
    }

    /// The kernel to build against: the one that is named, else the default.
    pub(super) fn kernel(&self, build: &Build, door: Door) -> Result<Kernel> {
        let (named, of_env) = self.named(build, door);
        let kernel = match &named[..] {
            [] => return self.default_kernel(build),
            [one] => find(one, of_env)?,
            several => {
                return Err(Error::input(format!(
                    "{} kernels are named, and this builds for one; compile_each builds for several",
                    several.len()
                )));
            }
        };
        kernel.check_arch(self.arch.as_deref(), self.triple.as_deref())?;
        Ok(kernel)
    }

    /// Every kernel to build against. The build for each kernel checks its architecture.
    pub(super) fn kernels(&self, build: &Build, door: Door) -> Result<Vec<Kernel>> {
        let (named, of_env) = self.named(build, door);
        match named.is_empty() {
            true => Ok(vec![self.default_kernel(build)?]),
            false => named.iter().map(|kernel| find(kernel, of_env)).collect(),
        }
    }

    /// The kernels that are asked for: by the caller, else by `KDIR`, a list in the form of `PATH`.
    /// With them, whether it was the variable.
    fn named(&self, build: &Build, door: Door) -> (Vec<OsString>, bool) {
        if !build.kernels.is_empty() {
            return (build.kernels.clone(), false);
        }
        let list = door.per_target("KDIR", self.triple.as_deref());
        let list = list.unwrap_or_default();
        let kernels = std::env::split_paths(&list)
            .map(PathBuf::into_os_string)
            .filter(|kernel| !kernel.is_empty())
            .collect();
        (kernels, true)
    }

    /// The running kernel, else the newest one of the right architecture. A note names the latter.
    fn default_kernel(&self, build: &Build) -> Result<Kernel> {
        let of_triple = || crate::kernel::arch_of_target(self.triple.as_deref()?);
        let wanted = self.arch.as_deref().or_else(of_triple);
        let (kernel, note) = Kernel::default_for(wanted)?;
        kernel.check_arch(self.arch.as_deref(), self.triple.as_deref())?;
        if let Some(note) = note {
            // For a named architecture, nobody expects that the running kernel loads it.
            build.sink.note(&match wanted {
                None => format!("{note}; the running kernel cannot load the module"),
                Some(_) => note,
            });
        }
        Ok(kernel)
    }
}

/// The kernel that a path or a release names.
fn find(named: &OsStr, of_env: bool) -> Result<Kernel> {
    let found = match named.to_str() {
        Some(text) => Kernel::find(text),
        None => Kernel::open(Path::new(named)),
    };
    found.map_err(|error| match of_env {
        true => error.about("the variable KDIR"),
        false => error,
    })
}
