//! The kernel source from the distribution's package. The lab's own kernels and drivers for tests
//! come from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::distribution::Distribution;
use crate::{Result, run};

/// A kernel source of Debian.
pub(super) struct Source {
    pub(super) name: &'static str,
    /// The release that contains it.
    suite: &'static str,
    /// The package; `None` for the newest one of the suite.
    package: Option<&'static str>,
    /// The kept folders; empty means everything but [`UNUSED`].
    kept: &'static [&'static str],
    /// Change this if folders of an older lab do not fit any more.
    layout: &'static str,
}

const SOURCES: &[Source] = &[
    Source {
        name: "6.1",
        suite: "bookworm",
        package: Some("linux-source-6.1"),
        kept: &[
            "drivers/misc",
            "drivers/net/dummy.c",
            "drivers/net/wireguard",
            "drivers/net/wireless/broadcom/brcm80211",
        ],
        layout: "2",
    },
    Source {
        name: "6.12",
        suite: "bookworm",
        package: Some("linux-source-6.12"),
        kept: &[],
        layout: "1",
    },
    Source {
        name: "7.3",
        suite: "trixie-backports",
        package: None,
        kept: &[],
        layout: "1",
    },
];

/// Three quarters of the source. A small kernel does not need them, and no driver is taken from
/// them. Their files for configuration and make stay, because the kernel's build reads all of
/// those.
const UNUSED: &[&str] = &[
    "Documentation",
    "arch/arm/boot",
    "arch/arm64/boot/dts",
    "arch/loongarch",
    "arch/m68k",
    "arch/mips",
    "arch/parisc",
    "arch/powerpc",
    "arch/riscv",
    "arch/s390",
    "arch/sh",
    "arch/sparc",
    "drivers/accel",
    "drivers/clk/*",
    "drivers/gpu",
    "drivers/iio",
    "drivers/infiniband",
    "drivers/media",
    "drivers/net/ethernet",
    "drivers/net/wireless",
    "drivers/pinctrl",
    "drivers/scsi",
    "drivers/staging",
    "sound",
    "tools/perf",
    "tools/testing",
];

const ENDS: &[&str] = &[
    "S", "asn1", "c", "dts", "dtsi", "dtso", "h", "json", "rs", "rst", "svg", "txt", "yaml",
];

/// The source `name`, if there is one.
pub(super) fn find(name: &str) -> Result<&'static Source> {
    let names = || SOURCES.iter().map(|source| source.name);
    let found = SOURCES.iter().find(|source| source.name == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = names().collect();
        format!(
            "the lab knows no kernel source `{name}`; there are: {}",
            names.join(", ")
        )
    })
}

/// The tree in `place`, if it exists.
pub(super) fn load(source: &Source, place: &Path) -> Option<PathBuf> {
    let state = fs::read_to_string(place.join("lab")).ok()?;
    (state.lines().next() == Some(source.layout)).then(|| place.join("linux"))
}

/// Fills `draft`.
pub(super) fn prepare(source: &Source, draft: &Path) -> Result<()> {
    let apt = super::apt(&Distribution::here()?, source.suite)?;
    let package = match source.package {
        Some(package) => package.to_owned(),
        None => newest(&apt.names("linux-source-")?)
            .ok_or_else(|| apt.explain("the index names no linux-source"))?,
    };
    let fail = |error: std::io::Error| format!("cannot fill {}: {error}", draft.display());
    let (package_files, tree) = (draft.join("package"), draft.join("linux"));
    for folder in [&package_files, &tree] {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    for deb in apt.download(std::slice::from_ref(&package), draft)? {
        super::unpack(&deb, &package_files)?;
        fs::remove_file(&deb).map_err(fail)?;
    }
    let mut tar = Command::new("tar");
    tar.args(["--no-same-owner", "--strip-components=1", "-C"])
        .arg(&tree);
    let unused = UNUSED.iter().filter(|_| source.kept.is_empty());
    for folder in unused {
        let pattern = |end| format!("--exclude={package}/{folder}/*.{end}");
        tar.args(ENDS.iter().map(pattern));
    }
    let archive = package_files.join(format!("usr/src/{package}.tar.xz"));
    tar.arg("-xf").arg(archive);
    tar.args(source.kept.iter().map(|path| format!("{package}/{path}")));
    run::checked(&mut tar, Duration::from_secs(600))?;
    super::clear(&package_files)?;
    fs::write(draft.join("lab"), format!("{}\n{package}\n", source.layout)).map_err(fail)
}

/// Whether the kernel `release` was built from `tree`, which may have been fetched again since.
pub(super) fn is_of(tree: &Path, release: &str) -> bool {
    let makefile = fs::read_to_string(tree.join("Makefile")).unwrap_or_default();
    version(&makefile).is_some_and(|version| {
        let rest = release.strip_prefix(&version);
        rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
    })
}

/// The version in the kernel's Makefile.
fn version(makefile: &str) -> Option<String> {
    let value = |name: &str| {
        let assignment = |line: &str| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == name).then(|| value.trim().to_owned())
        };
        makefile.lines().find_map(assignment)
    };
    let numbers = ["VERSION", "PATCHLEVEL", "SUBLEVEL"].map(value);
    let numbers: Option<Vec<String>> = numbers.into_iter().collect();
    numbers.map(|numbers| numbers.join("."))
}

/// The newest `linux-source-<version>` in an index.
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

    #[test]
    fn a_kernel_of_another_version_than_its_source_is_not_of_it() {
        let tree = tempfile::tempdir().unwrap();
        let text = "# SPDX\nVERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\nEXTRAVERSION =\n";
        fs::write(tree.path().join("Makefile"), text).unwrap();
        assert!(is_of(tree.path(), "7.3.4-lab") && is_of(tree.path(), "7.3.4"));
        assert!(!is_of(tree.path(), "7.3.40-lab") && !is_of(tree.path(), "7.3.5-lab"));
        assert!(!is_of(&tree.path().join("absent"), "7.3.4-lab"));
    }

    #[test]
    fn a_source_that_an_older_lab_kept_is_not_taken() {
        let place = tempfile::tempdir().unwrap();
        let found = |name| load(find(name).unwrap(), place.path());
        assert_eq!(found("7.3"), None);
        fs::write(place.path().join("lab"), "1\nlinux-source\n").unwrap();
        assert_eq!(found("6.1"), None);
        assert_eq!(found("7.3"), Some(place.path().join("linux")));
    }

    #[test]
    fn an_unknown_source_is_an_error_that_names_the_known_ones() {
        let error = find("2.4").err().unwrap();
        assert!(
            error.contains("`2.4`") && error.contains("6.1, 6.12, 7.3"),
            "{error}"
        );
    }
}
