//! Kernels to build against and to boot, and module sources to build.
//!
//! Everything is fetched on demand out of the distribution's own packages, extracted without
//! being installed, and kept in [`cache_dir`]. Several threads and processes may ask at once: one
//! prepares, the others wait; a half-made folder is never used.

mod apt;
mod arm64;
mod cmake;
mod compiled;
mod compiler;
mod distribution;
mod image;
mod kept;
mod kernel;
mod kernel_source;
mod kernels;
mod machine;
mod meson;
mod mirrors;
mod own;
pub mod packages;
mod pip;
mod place;
mod programs;
mod sources;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub use crate::Result;
use crate::run;
pub use arm64::Prepared;
pub use cmake::CMAKES;
pub use compiled::cached_compiler;
use distribution::{Distribution, Family};
pub use kept::{Entry, list, remove};
pub use kernel::LabKernel;
use kernel::Tools;
pub use kernels::KERNELS;
pub use machine::Machine;
pub use meson::MESONS;
use place::{clear, lock, once};
pub use sources::{source, source_for, source_of};

/// Every kernel that a Debian machine can have.
pub const ALL: &[&str] = &[
    "5.10",
    "6.1",
    "6.12",
    kernels::DEBIAN13,
    "7.3",
    "6.12-rust",
    "7.3-clang",
    "7.3-arm64",
];

/// Those of [`ALL`] that only the full run of the tests takes.
pub const FULL: &[&str] = &["7.3-clang", "7.3-arm64"];

/// The folder and the name of the tree for cross builds.
const ARM64: &str = "arm64";

/// The folder and the name of the machine for newer kernels.
const MACHINE: &str = "debian13";

/// The folder of what [`program`] gets.
const PROGRAMS: &str = "programs";

/// The folder of what [`kernel_source()`] gets.
const KERNEL_SOURCES: &str = "kernel-sources";

/// The folder for what plain make gave for the corpus, and for the sources that are built there.
pub(crate) const CORPUS: &str = "corpus";

/// The folder of what compilers gave: see [`cached_compiler`].
const COMPILED: &str = "compiled";

/// Where the lab keeps everything: `$KBUILD_RS_LAB`, else `kbuild-rs-lab` in the user's cache
/// folder.
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

/// The stock kernels that this machine builds against by itself: [`KERNELS`] on Debian,
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

/// Every kernel that there can be here: [`names`], and on Debian the others of [`ALL`].
pub fn all() -> &'static [&'static str] {
    if names() == KERNELS { ALL } else { names() }
}

/// The kernel `name` of [`all`], got first where it is not there yet.
///
/// # Errors
/// An unknown name, missing packages, no mirror that has it, no root for a kernel that takes
/// Debian 13's tools: each with what to do.
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

/// Where what is built out of the kernel's source lies.
fn built_folder() -> PathBuf {
    cache_dir().join("built")
}

/// The folder of a lock of its own: what is fetched, and what takes seconds, need not wait for
/// minutes of compiling.
fn built_lock(name: &str) -> PathBuf {
    built_folder().join("locks").join(name)
}

fn kernel_folder(name: &str) -> PathBuf {
    match own::find(name) {
        Some(_) => built_folder().join(name),
        None => cache_dir().join("kernels").join(name),
    }
}

/// The kernel's own source, to take drivers out of: `6.1` (Debian 12's, a few drivers of it),
/// `6.12` or `7.3` (Debian 13's newest; both without the largest drivers). It is shared, and kernels stand on
/// it: copy out of it, never build in it.
///
/// # Errors
/// A name that the lab does not know, a distribution other than Debian, no mirror that has it.
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

/// Why the kernel `name` of [`all`] cannot be had on a machine like this one, where that is known
/// without trying: what a test prints behind `not run:`.
pub fn why_not(name: &str) -> Option<String> {
    match name {
        kernels::DEBIAN13 => machine::possible().err(),
        _ if own::find(name).is_some() => own::possible().err(),
        _ => None,
    }
}

/// Debian 13's tools for commands on this machine.
///
/// # Errors
/// On another distribution than Debian; without root; missing packages; no mirror that has it.
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

/// A program of a newer Debian, to be run on this machine: `make` (4.4), `ninja` (1.13)
/// `rustc` (Debian 13's, with `bindgen` beside it) or `rust-analyzer` (with that rustc's
/// `clippy-driver`). It is alone in its folder otherwise, which
/// may be put in front of `PATH`; make's own `$(MAKE)` is it.
///
/// # Errors
/// A name that the lab does not know; no mirror that has it.
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
/// A version that the lab does not know; no package index that has it.
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

/// A Meson of [`MESONS`]: the folder that Python has to search for it.
///
/// # Errors
/// A version that the lab does not know; no package index that has it.
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

/// What pip needs to build the wheel of the module for Meson: a folder that Python has to search.
///
/// # Errors
/// No package index that has it.
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

/// Every kernel of [`names`].
///
/// # Errors
/// As [`kernel()`].
pub fn kernels() -> Result<Vec<LabKernel>> {
    names().iter().map(|name| kernel(name)).collect()
}

/// Whether there is an [`arm64()`] here: it is made of Debian's kernel source.
pub fn has_arm64() -> bool {
    own::possible().is_ok()
}

/// A kernel tree for arm64, prepared for modules and not built: for cross builds.
///
/// # Errors
/// On another distribution than Debian; missing packages; no mirror that has the source.
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

/// The private apt of `release`, made under the lock only.
fn apt(here: &Distribution, release: &str) -> Result<apt::Apt> {
    let root = cache_dir().join("apt").join(release);
    apt::Apt::open(&root, here, release, "amd64")
}

/// The shell of a guest of `arch`: this machine's own, or out of the other's package.
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
}
