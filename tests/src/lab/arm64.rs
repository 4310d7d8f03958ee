//! A kernel tree for arm64, prepared for modules: what cross builds are tried on.
//!
//! Out of the distribution's kernel source, configured as small as can be. Prepared, not built:
//! that takes seconds, and leaves out `Module.symvers`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::distribution::Distribution;
use super::packages;
use crate::{Result, run};

/// Changes when folders made by an older lab are no longer what this one expects.
const LAYOUT: &str = "2";

const CONFIG: &str = include_str!("tiny-arm64.config");

/// The Debian suite whose kernel source is taken.
const SUITE: &str = "trixie-backports";

/// What building the kernel's own tools needs.
const PACKAGES: &[&str] = &[
    "bc",
    "bison",
    "flex",
    "gcc",
    "gcc-aarch64-linux-gnu",
    "libc6-dev",
    "make",
    "tar",
    "xz-utils",
];

/// What building modules reads of the source; the rest of it is a gigabyte.
const NEEDED: &[&str] = &["Makefile", "Kbuild", "scripts", "include", "arch/arm64"];

/// A kernel tree of another architecture, without a `Module.symvers`.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// What `uname -r` would say in it.
    pub release: String,
    /// What `make -C` takes.
    pub kdir: PathBuf,
    /// The prefix of its compiler's name.
    pub cross_compile: &'static str,
}

impl Prepared {
    pub(super) fn load(prefix: &Path) -> Option<Prepared> {
        let state = fs::read_to_string(prefix.join("lab")).ok()?;
        let mut lines = state.lines();
        // The tree holds its own absolute path: a moved cache is not usable.
        if lines.next()? != LAYOUT || Path::new(lines.next()?) != prefix {
            return None;
        }
        Some(Prepared {
            release: lines.next()?.to_owned(),
            kdir: prefix.join("build"),
            cross_compile: "aarch64-linux-gnu-",
        })
    }
}

/// Fails where the tree cannot be had, before anything is fetched.
pub(super) fn check() -> Result<()> {
    if !super::has_arm64() {
        return Err(format!("it is made of Debian's kernel source ({SUITE})"));
    }
    packages::install(PACKAGES)
}

/// Fills `draft`, which will be moved to `place`.
pub(super) fn prepare(draft: &Path, place: &Path) -> Result<()> {
    let apt = super::apt(&Distribution::here()?, SUITE)?;
    let package = newest(&apt.names("linux-source-")?)
        .ok_or_else(|| apt.explain("the index names no linux-source"))?;
    let debs = apt.download(std::slice::from_ref(&package), draft)?;
    for deb in &debs {
        super::unpack(deb, draft)?;
    }
    let archive = draft.join("usr/src").join(format!("{package}.tar.xz"));
    let unpacked = draft.join("unpacked");
    let (source, build) = (draft.join("source"), draft.join("build"));
    let fail = |error: std::io::Error| format!("cannot prepare {}: {error}", draft.display());
    for folder in [&unpacked, &source.join("arch"), &build] {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    let mut tar = Command::new("tar");
    tar.args(["--no-same-owner", "--strip-components=1", "-xf"])
        .arg(&archive)
        .arg("-C")
        .arg(&unpacked);
    run::checked(&mut tar, Duration::from_secs(300))?;
    let config = draft.join("tiny.config");
    fs::write(&config, CONFIG).map_err(fail)?;
    for target in ["allnoconfig", "modules_prepare"] {
        let mut make = Command::new("make");
        make.env_clear();
        for name in ["PATH", "HOME", "TMPDIR"] {
            if let Some(value) = std::env::var_os(name) {
                make.env(name, value);
            }
        }
        make.env("LC_ALL", "C")
            .env("KCONFIG_ALLCONFIG", &config)
            .arg("-C")
            .arg(&unpacked)
            .arg(format!("O={}", build.display()))
            .args(["ARCH=arm64", "CROSS_COMPILE=aarch64-linux-gnu-", "-j2"])
            .arg(target);
        run::checked(&mut make, Duration::from_secs(600))?;
    }
    for name in NEEDED {
        fs::rename(unpacked.join(name), source.join(name)).map_err(fail)?;
    }
    for rest in [
        &unpacked,
        &draft.join("usr"),
        // Device trees; only the kernel itself is built with them.
        &source.join("arch/arm64/boot/dts"),
        &source.join("include/dt-bindings"),
    ] {
        super::clear(rest)?;
    }
    for deb in &debs {
        fs::remove_file(deb).map_err(fail)?;
    }
    let moved = |text: &str, from: &Path, to: &Path| {
        text.replace(&from.display().to_string(), &to.display().to_string())
    };
    let makefile = build.join("Makefile");
    let text = fs::read_to_string(&makefile).map_err(fail)?;
    let text = moved(&text, &unpacked, &place.join("source"));
    let text = moved(&text, draft, place);
    fs::write(&makefile, text).map_err(fail)?;
    fs::remove_file(build.join("source")).map_err(fail)?;
    std::os::unix::fs::symlink("../source", build.join("source")).map_err(fail)?;
    let release = fs::read_to_string(build.join("include/config/kernel.release")).map_err(fail)?;
    let state = format!("{LAYOUT}\n{}\n{}\n", place.display(), release.trim());
    fs::write(draft.join("lab"), state).map_err(fail)
}

/// The newest `linux-source-<version>` of an index.
fn newest(names: &str) -> Option<String> {
    let version = |name: &str| -> Option<(u32, u32)> {
        let (major, minor) = name.strip_prefix("linux-source-")?.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    let all = names
        .lines()
        .filter_map(|name| Some((version(name)?, name)));
    all.max().map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_source_is_found_by_its_numbers() {
        let names = "linux-source-7.3\nlinux-source-7.12\nlinux-source\nlinux-source-6.19\n";
        assert_eq!(newest(names).as_deref(), Some("linux-source-7.12"));
        assert_eq!(newest("linux-source\n"), None);
    }
}
