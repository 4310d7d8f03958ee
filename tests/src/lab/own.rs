//! The lab's own small kernels, built from the distribution's kernel source: with Rust, with clang,
//! for another architecture. No stock kernel of Debian has these.
//!
//! The Rust compiler is Debian 13's, run in place. A kernel's modules need exactly the rustc that
//! built it. The machine's own changes, and its source is not always available.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::distribution::{Distribution, Family};
use super::packages;
use super::programs::Rust;
use crate::{Result, run};

/// Change this if folders of an older lab do not fit any more.
pub(super) const LAYOUT: &str = "own 1";

pub(super) struct Own {
    pub(super) name: &'static str,
    /// The source that it is built from, by its name in [`kernel_source`](super::kernel_source()).
    pub(super) source: &'static str,
    config: &'static str,
    /// Lines for the configuration. The end of the version keeps the kernels' modules apart.
    more: &'static str,
    pub(super) rust: bool,
    /// The architecture by the kernel's own name.
    pub(super) arch: &'static str,
    /// The variables of make, for the kernel and for modules.
    pub(super) variables: &'static [&'static str],
    packages: &'static [&'static str],
    image: &'static str,
}

const X86: &str = include_str!("tiny.config");
const ARM64: &str = include_str!("tiny-arm64.config");
const DEBUG: &str = include_str!("debug.config");

const OWN: &[Own] = &[
    Own {
        name: "7.3",
        source: "7.3",
        config: X86,
        more: "CONFIG_LOCALVERSION=\"-lab\"\nCONFIG_RUST=y\n",
        rust: true,
        arch: "x86",
        variables: &[],
        packages: &[],
        image: "bzImage",
    },
    // This Rust kernel is older than make's working directory in the module folder, and has another
    // API.
    Own {
        name: "6.12-rust",
        source: "6.12",
        config: X86,
        more: "CONFIG_LOCALVERSION=\"-lab-rust\"\nCONFIG_RUST=y\n",
        rust: true,
        arch: "x86",
        variables: &[],
        packages: &[],
        image: "bzImage",
    },
    Own {
        name: "7.3-clang",
        source: "7.3",
        config: X86,
        more: "CONFIG_LOCALVERSION=\"-lab-clang\"\n",
        rust: false,
        arch: "x86",
        variables: &["LLVM=-19"],
        packages: &["clang-19", "lld-19", "llvm-19"],
        image: "bzImage",
    },
    // The kernel that sees what modules do wrong.
    Own {
        name: "7.3-debug",
        source: "7.3",
        config: X86,
        more: DEBUG,
        rust: false,
        arch: "x86",
        variables: &[],
        packages: &[],
        image: "bzImage",
    },
    Own {
        name: "7.3-arm64",
        source: "7.3",
        config: ARM64,
        more: "CONFIG_LOCALVERSION=\"-lab-arm64\"\n",
        rust: false,
        arch: "arm64",
        variables: &["ARCH=arm64", "CROSS_COMPILE=aarch64-linux-gnu-"],
        packages: &["gcc-aarch64-linux-gnu", "qemu-system-arm"],
        image: "Image",
    },
];

/// The packages that a kernel build needs.
const PACKAGES: &[&str] = &["bc", "bison", "flex", "libssl-dev", "perl"];

pub(super) fn find(name: &str) -> Option<&'static Own> {
    OWN.iter().find(|own| own.name == name)
}

/// Whether this machine can have such kernels.
pub(super) fn possible() -> Result<()> {
    match Distribution::here()?.family {
        Family::Debian => Ok(()),
        Family::Ubuntu => Err("it is built from Debian's kernel source".into()),
    }
}

/// Fails if the kernel cannot be built, before anything is fetched.
pub(super) fn check(own: &Own) -> Result<()> {
    possible()?;
    packages::install(&[PACKAGES, own.packages].concat())
}

/// Fills `draft`, which is then moved to `place`, in the layout of a distribution's packages.
pub(super) fn prepare(
    own: &Own,
    source: &Path,
    rust: Option<&Rust>,
    draft: &Path,
    place: &Path,
) -> Result<()> {
    build(own, &[own.image, "modules"], source, rust, draft)?;
    lay_out(own, source, draft, place)
        .map_err(|error| format!("cannot fill {}: {error}", draft.display()))
}

/// Configures the kernel in `draft/build` and makes `targets`.
pub(super) fn build(
    own: &Own,
    targets: &[&str],
    source: &Path,
    rust: Option<&Rust>,
    draft: &Path,
) -> Result<()> {
    let fail = |error: std::io::Error| format!("cannot build in {}: {error}", draft.display());
    let build = draft.join("build");
    fs::create_dir_all(&build).map_err(fail)?;
    let config = draft.join("config");
    fs::write(&config, [own.config, own.more].concat()).map_err(fail)?;
    let make = |targets: &[&str]| {
        // This takes minutes, and other processes need the machine too.
        let mut make = Command::new("nice");
        make.args(["-n", "5", "make", "-j2"]).args(targets);
        make.env_clear();
        for name in ["PATH", "HOME", "TMPDIR"] {
            if let Some(value) = std::env::var_os(name) {
                make.env(name, value);
            }
        }
        make.env("LC_ALL", "C").env("KCONFIG_ALLCONFIG", &config);
        make.arg("-C").arg(source);
        make.arg(variable("O", &build)).args(own.variables);
        if let Some(rust) = rust {
            make.env("LIBCLANG_PATH", &rust.libclang)
                .arg(variable("RUSTC", &rust.rustc))
                .arg(variable("HOSTRUSTC", &rust.rustc))
                .arg(variable("BINDGEN", &rust.bindgen))
                .arg(variable("RUST_LIB_SRC", &rust.library));
        }
        run::checked(&mut make, Duration::from_secs(3600)).map(drop)
    };
    make(&["allnoconfig"])?;
    let text = fs::read_to_string(build.join(".config")).map_err(fail)?;
    // Kconfig silently drops an option whose tools it does not find, but make reports it.
    if own.rust && !text.lines().any(|line| line == "CONFIG_RUST=y") {
        make(&["rustavailable"])?;
        return Err("CONFIG_RUST was dropped from the configuration".into());
    }
    make(targets)?;
    fs::remove_file(config).map_err(fail)
}

fn lay_out(own: &Own, source: &Path, draft: &Path, place: &Path) -> std::io::Result<()> {
    let build = draft.join("build");
    let release = fs::read_to_string(build.join("include/config/kernel.release"))?;
    let release = release.trim();
    let (boot, src) = (draft.join("boot"), draft.join("usr/src"));
    let modules = draft.join("lib/modules").join(release);
    for folder in [&boot, &src, &modules] {
        fs::create_dir_all(folder)?;
    }
    let image = build
        .join("arch")
        .join(own.arch)
        .join("boot")
        .join(own.image);
    fs::rename(image, boot.join(format!("vmlinuz-{release}")))?;
    fs::copy(
        build.join(".config"),
        boot.join(format!("config-{release}")),
    )?;
    fs::copy(
        build.join("modules.builtin"),
        modules.join("modules.builtin"),
    )?;
    fs::write(modules.join("modules.dep"), "")?;
    prune(&build, true)?;

    let headers = format!("linux-headers-{release}");
    moved(&build, &place.join("usr/src").join(&headers))?;
    fs::rename(&build, src.join(&headers))?;
    std::os::unix::fs::symlink(source, src.join("linux-source"))?;
    for (name, target) in [("build", headers.as_str()), ("source", "linux-source")] {
        std::os::unix::fs::symlink(format!("../../../usr/src/{target}"), modules.join(name))?;
    }
    let state = format!("{LAYOUT}\n{}\n{release}\nlinux-source\n", place.display());
    fs::write(draft.join("lab"), state)
}

/// Changes the only file of `build` that contains its own path, because the folder moves to
/// `place`.
pub(super) fn moved(build: &Path, place: &Path) -> std::io::Result<()> {
    let makefile = build.join("Makefile");
    let text = fs::read_to_string(&makefile)?;
    let path = |path: &Path| path.display().to_string();
    fs::write(&makefile, text.replace(&path(build), &path(place)))
}

/// Removes files that only the kernel's own build needs. `top` marks the build's own folder.
fn prune(folder: &Path, top: bool) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type()?;
        if kind.is_dir() {
            // These are small, and module builds read them.
            if !(top && matches!(name.as_str(), "scripts" | "include")) {
                prune(&entry.path(), false)?;
            }
        } else if kind.is_file() {
            let ends = [".o", ".a", ".cmd", ".ko", ".gz", ".bin"];
            let is_kernel = name.starts_with("vmlinux") || name.starts_with(".tmp_");
            if is_kernel || ends.iter().any(|end| name.ends_with(end)) {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

fn variable(name: &str, value: &Path) -> OsString {
    let mut assignment = OsString::from(name);
    assignment.push("=");
    assignment.push(value);
    assignment
}

/// The compiler of the kernel's Rust, if it has Rust.
pub(super) fn rustc(own: &Own) -> Result<Option<PathBuf>> {
    own.rust.then(|| super::program("rustc")).transpose()
}
