//! Kernels to build against and to boot, and module sources to build.
//!
//! Everything is fetched on demand from the distribution's own packages, extracted without being
//! installed, and kept in [`cache_dir`]. Several threads and processes may ask at once: one
//! prepares, and the others wait. An unfinished folder is never used.

mod apt;
mod arm64;
mod cmake;
mod compiled;
mod compiler;
mod deny;
mod distribution;
mod dkms;
mod file_systems;
mod firmware;
mod image;
mod kept;
mod kernel;
mod kernel_source;
mod kernels;
mod kmod;
mod machine;
mod meson;
mod mirrors;
mod native;
mod own;
pub mod packages;
mod pip;
mod place;
mod programs;
mod root;
mod sources;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub use crate::Result;
use crate::run;
pub use arm64::Prepared;
pub use cmake::CMAKES;
pub use compiled::cached_compiler;
pub use deny::cargo_deny;
use distribution::{Distribution, Family};
pub use dkms::{DKMS, dkms};
pub use file_systems::file_systems;
pub use firmware::firmware;
pub use kept::{Entry, list, remove};
pub use kernel::LabKernel;
use kernel::Tools;
pub use kernels::KERNELS;
pub use kmod::{KMODS, Kmod, kmod};
pub use machine::Machine;
pub use meson::MESONS;
pub use native::native_make;
use place::{clear, lock, once};
pub use root::{ImageRoot, ROOT, ROOTS, image_root, roots};
pub use sources::{source, source_for, source_of};

/// All kernels that a Debian machine can have.
pub const ALL: &[&str] = &[
    "5.10",
    "6.1",
    "6.12",
    kernels::DEBIAN13,
    "7.3",
    "6.12-rust",
    "7.3-clang",
    "7.3-debug",
    "7.3-arm64",
];

/// The kernels of [`ALL`] that only the full run uses.
pub const FULL: &[&str] = &["7.3-clang", "7.3-debug", "7.3-arm64"];

/// The folder and the name of the tree for cross builds.
const ARM64: &str = "arm64";

/// The folder and the name of the machine for newer kernels.
const MACHINE: &str = "debian13";

/// The folder for [`program`].
const PROGRAMS: &str = "programs";

/// The folder for [`kernel_source()`].
const KERNEL_SOURCES: &str = "kernel-sources";

/// The folder for plain make's modules of the corpus, and for the sources that are built there.
pub(crate) const CORPUS: &str = "corpus";

/// The folder of the compiler cache: see [`cached_compiler`].
const COMPILED: &str = "compiled";

/// The folder of the lab: `$KBUILD_RS_LAB`, else `kbuild-rs-lab` in the user's cache folder.
pub fn cache_dir() -> PathBuf {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let dir = set("KBUILD_RS_LAB").unwrap_or_else(|| {
        set("XDG_CACHE_HOME")
            .or_else(|| set("HOME").map(|home| home.join(".cache")))
            .unwrap_or_else(std::env::temp_dir)
            .join("kbuild-rs-lab")
    });
    std::path::absolute(&dir).unwrap_or(dir)
}

/// The stock kernels that this machine can build for without other tools: [`KERNELS`] on Debian,
/// `generic` (the release's own) on Ubuntu.
pub fn names() -> &'static [&'static str] {
    match Distribution::here() {
        Ok(Distribution {
            family: Family::Ubuntu,
            ..
        }) => &["generic"],
        _ => KERNELS,
    }
}

/// All kernels that this machine can have: [`names`], and on Debian the others of [`ALL`].
pub fn all() -> &'static [&'static str] {
    if names() == KERNELS { ALL } else { names() }
}

/// The kernel `name` of [`all`]. It is fetched first if it does not exist yet.
///
/// # Errors
/// If the name is unknown, packages are missing, no mirror has it, or Debian 13's tools need root.
/// Each error says what to do.
pub fn kernel(name: &str) -> Result<LabKernel> {
    let name = all().iter().find(|known| **known == name).ok_or_else(|| {
        format!(
            "there is no lab kernel `{name}`; there are: {}",
            all().join(", ")
        )
    })?;
    let get = || match own::find(name) {
        Some(own) => built(name, own),
        None => stock(name),
    };
    get().map_err(|error| format!("cannot get the lab kernel {name}: {error}"))
}

fn stock(name: &'static str) -> Result<LabKernel> {
    packages::ensure()?;
    let mut tools = Tools::default();
    if name == kernels::DEBIAN13 {
        tools.machine = Some(debian13()?);
    }
    let place = kernel_folder(name);
    once(
        &cache_dir(),
        &place,
        || LabKernel::load(name, &place, tools.clone()),
        |draft| kernels::prepare(name, draft, &place),
    )
}

fn built(name: &'static str, own: &own::Own) -> Result<LabKernel> {
    packages::ensure()?;
    own::check(own)?;
    let source = kernel_source(own.source)?;
    let tools = Tools {
        machine: None,
        rustc: own::rustc(own)?,
    };
    let place = kernel_folder(name);
    once(
        &built_lock(name),
        &place,
        || LabKernel::load(name, &place, tools.clone()),
        |draft| {
            let rust = tools.rustc.clone().map(programs::Rust::of).transpose()?;
            own::prepare(own, &source, rust.as_ref(), draft, &place)
        },
    )
}

/// The folder for everything that is built from the kernel source.
fn built_folder() -> PathBuf {
    cache_dir().join("built")
}

/// The folder of a separate lock, so that downloads and short steps need not wait for minutes of
/// compiling.
fn built_lock(name: &str) -> PathBuf {
    built_folder().join("locks").join(name)
}

fn kernel_folder(name: &str) -> PathBuf {
    match own::find(name) {
        Some(_) => built_folder().join(name),
        None => cache_dir().join("kernels").join(name),
    }
}

/// The kernel source, to copy drivers from: `6.1` (Debian 12's, only a few drivers), `6.12` or
/// `7.3` (Debian 13's newest; both without the largest drivers). It is shared, and kernels depend
/// on it: copy from it, never build in it.
///
/// # Errors
/// If the name is unknown, the distribution is not Debian, or no mirror has it.
pub fn kernel_source(name: &str) -> Result<PathBuf> {
    let source = kernel_source::find(name)?;
    let place = cache_dir().join(KERNEL_SOURCES).join(name);
    once(
        &cache_dir(),
        &place,
        || kernel_source::load(source, &place),
        |draft| kernel_source::prepare(source, draft),
    )
    .map_err(|error| format!("cannot get the source of the kernel {name}: {error}"))
}

/// The reason why this machine cannot have the kernel `name` of [`ALL`], as far as that is known
/// without trying. A test prints it behind `not run:`.
pub fn why_not(name: &str) -> Option<String> {
    match name {
        _ if !all().contains(&name) => {
            Some(format!("the lab has the kernel {name} on Debian only"))
        }
        kernels::DEBIAN13 => machine::possible().err(),
        _ if own::find(name).is_some() => own::possible().err(),
        _ => None,
    }
}

/// Debian 13's tools for commands on this machine.
///
/// # Errors
/// If the distribution is not Debian, the user is not root, packages are missing, or no mirror has
/// it.
pub fn debian13() -> Result<Machine> {
    let place = cache_dir().join(MACHINE);
    let get = || {
        machine::check()?;
        once(
            &cache_dir(),
            &place,
            || Machine::load(&place),
            machine::prepare,
        )
    };
    get().map_err(|error| format!("cannot get the lab's Debian 13: {error}"))
}

/// A program of a newer Debian that runs on this machine: `make` (4.4), `ninja` (1.13), `openssl` (3.5),
/// `rustc` (Debian 13's, with `bindgen` beside it), `rust-analyzer` (with that rustc's `clippy-driver`) or
/// `softhsm2-util` (with an `openssl` that has the provider pkcs11).
/// Its folder has no other programs, so it may be put in front of `PATH`. make's own `$(MAKE)` is
/// this program too.
///
/// # Errors
/// If the name is unknown, or no mirror has it.
pub fn program(name: &str) -> Result<PathBuf> {
    programs::check(name)?;
    let place = cache_dir().join(PROGRAMS).join(name);
    once(
        &cache_dir(),
        &place,
        || programs::load(name, &place),
        |draft| programs::prepare(name, draft, &place),
    )
    .map_err(|error| format!("cannot get a newer {name}: {error}"))
}

/// A CMake of [`CMAKES`].
///
/// # Errors
/// If the version is unknown, or no package index has it.
pub fn cmake(version: &str) -> Result<PathBuf> {
    let place = cache_dir().join(PROGRAMS).join("cmake").join(version);
    once(
        &cache_dir(),
        &place,
        || cmake::load(&place),
        |draft| cmake::fetch(version, draft),
    )
    .map_err(|error| format!("cannot get CMake {version}: {error}"))
}

/// A Meson of [`MESONS`]: the folder that Python must search for it.
///
/// # Errors
/// If the version is unknown, or no package index has it.
pub fn meson(version: &str) -> Result<PathBuf> {
    let place = cache_dir().join(PROGRAMS).join("meson").join(version);
    once(
        &cache_dir(),
        &place,
        || meson::load(&place),
        |draft| meson::fetch(version, draft),
    )
    .map_err(|error| format!("cannot get Meson {version}: {error}"))
}

/// The tools with which pip builds the wheel of the module for Meson: a folder that Python must
/// search.
///
/// # Errors
/// If no package index has them.
pub fn wheel_backend() -> Result<PathBuf> {
    let place = cache_dir().join(PROGRAMS).join("hatchling");
    once(
        &cache_dir(),
        &place,
        || meson::load_backend(&place),
        meson::fetch_backend,
    )
    .map_err(|error| format!("cannot get hatchling: {error}"))
}

/// All kernels of [`names`].
///
/// # Errors
/// As [`kernel()`].
pub fn kernels() -> Result<Vec<LabKernel>> {
    names().iter().map(|name| kernel(name)).collect()
}

/// Whether there is an [`arm64()`] here. It is made from Debian's kernel source.
pub fn has_arm64() -> bool {
    own::possible().is_ok()
}

/// A kernel tree for arm64, prepared for modules and not built, for cross builds.
///
/// # Errors
/// If the distribution is not Debian, packages are missing, or no mirror has the source.
pub fn arm64() -> Result<Prepared> {
    let place = built_folder().join(ARM64);
    let get = || {
        arm64::check()?;
        let source = kernel_source(arm64::kernel()?.source)?;
        once(
            &built_lock(ARM64),
            &place,
            || Prepared::load(&place),
            |draft| arm64::prepare(&source, draft, &place),
        )
    };
    get().map_err(|error| format!("cannot get the lab's tree for arm64: {error}"))
}

/// The private apt of `release`. Call this only with the lock.
fn apt(here: &Distribution, release: &str) -> Result<apt::Apt> {
    let root = cache_dir().join("apt").join(release);
    apt::Apt::open(&root, here, release, "amd64")
}

/// The shell of a guest of `arch`: this machine's own, or from a package of the other architecture.
fn busybox(arch: &str) -> Result<PathBuf> {
    if arch == "x86" {
        return Ok("/bin/busybox".into());
    }
    let place = cache_dir().join(PROGRAMS).join("busybox").join(arch);
    once(
        &cache_dir(),
        &place,
        || Some(place.join("busybox")).filter(|program| program.exists()),
        arm64::busybox,
    )
    .map_err(|error| format!("cannot get busybox for {arch}: {error}"))
}

/// Unpacks a whole package.
fn unpack(deb: &Path, into: &Path) -> Result<()> {
    let mut command = Command::new("dpkg-deb");
    run::checked(
        command.arg("-x").arg(deb).arg(into),
        Duration::from_secs(120),
    )
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_kernel_is_an_error_that_names_the_known_ones() {
        let error = kernel("2.4").unwrap_err();
        assert!(
            error.contains("`2.4`") && error.contains(names()[0]),
            "{error}"
        );
    }

    #[test]
    fn a_kernel_of_another_distribution_has_a_reason() {
        let other = match names() == KERNELS {
            true => "generic",
            false => "6.12",
        };
        assert!(why_not(other).unwrap().contains(other));
    }
}
