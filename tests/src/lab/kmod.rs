//! kmod in the versions that load modules in the guests: Debian 12's and Debian 13's, each with its
//! loader and its libraries in one folder.
//!
//! The loader gets the folder as an argument, so it can be anywhere, also in a guest.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::distribution::Distribution;
use super::{cache_dir, clear, once};
use crate::Result;

/// The versions that there are, oldest first.
pub const KMODS: &[&str] = &["30", "34"];

/// Changes when folders made by an older lab are no longer what this one expects.
const LAYOUT: &str = "1";

const LOADER: &str = "ld-linux-x86-64.so.2";

/// The packages of a version, and the release that has it. Version 34 opens its libraries when it
/// meets a compressed module.
const PACKAGES: &[(&str, &str, &[&str])] = &[
    (
        "30",
        "bookworm",
        &["kmod", "libc6", "liblzma5", "libssl3", "libzstd1"],
    ),
    (
        "34",
        "trixie",
        &[
            "kmod",
            "libc6",
            "liblzma5",
            "libssl3t64",
            "libzstd1",
            "zlib1g",
        ],
    ),
];

/// How the names of the libraries begin that are kept.
const LIBRARIES: &[&str] = &[
    "libc.so",
    "liblzma",
    "libcrypto",
    "libzstd",
    "libz.so",
    "libkmod",
];

/// kmod of one version.
#[derive(Clone, Debug)]
pub struct Kmod {
    folder: PathBuf,
}

impl Kmod {
    /// One of its programs (`depmod`, `modprobe`, `modinfo`), to run on this machine.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.join(LOADER));
        command
            .arg("--library-path")
            .arg(&self.folder)
            .args(["--argv0", name])
            .arg(self.folder.join("kmod"));
        command
    }

    /// The files that a guest needs for it.
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        let fail = |error| format!("cannot read {}: {error}", self.folder.display());
        let entries = fs::read_dir(&self.folder).map_err(fail)?;
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|file| !file.ends_with("lab"));
        files.sort();
        Ok(files)
    }

    /// A shell script that runs the program `name` where [`files`](Kmod::files) lie in `folder`.
    pub fn script(name: &str, folder: &str) -> String {
        format!(
            "#!/bin/sh\nexec {folder}/{LOADER} --library-path {folder} --argv0 {name} \
             {folder}/kmod \"$@\"\n"
        )
    }
}

/// kmod of a version of [`KMODS`].
///
/// # Errors
/// A version that the lab does not know; no mirror that has it.
pub fn kmod(version: &str) -> Result<Kmod> {
    let (_, suite, packages) = PACKAGES
        .iter()
        .find(|(known, ..)| *known == version)
        .ok_or_else(|| format!("the lab knows no kmod `{version}`"))?;
    let place = cache_dir().join(super::PROGRAMS).join("kmod").join(version);
    once(
        &cache_dir(),
        &place,
        || load(&place),
        |draft| prepare(suite, packages, draft),
    )
    .map_err(|error| format!("cannot get kmod {version}: {error}"))
}

fn load(place: &Path) -> Option<Kmod> {
    let state = fs::read_to_string(place.join("lab")).ok()?;
    (state == LAYOUT).then(|| Kmod {
        folder: place.to_owned(),
    })
}

fn prepare(suite: &str, packages: &[&str], draft: &Path) -> Result<()> {
    let fail = |error: std::io::Error| format!("cannot fill {}: {error}", draft.display());
    let whole = draft.join("whole");
    let debs = draft.join("debs");
    for folder in [&whole, &debs] {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    let apt = super::apt(&Distribution::here()?, suite)?;
    let packages: Vec<String> = packages.iter().map(|&one| one.to_owned()).collect();
    for deb in apt.download(&packages, &debs)? {
        super::unpack(&deb, &whole)?;
    }
    for folder in ["bin", "usr/bin", "lib", "usr/lib"] {
        for name in [&["kmod", LOADER], LIBRARIES].concat() {
            let libraries = whole.join(folder).join("x86_64-linux-gnu");
            copy_by_start(&whole.join(folder), name, draft).map_err(fail)?;
            copy_by_start(&libraries, name, draft).map_err(fail)?;
        }
    }
    for name in [LOADER, "kmod", "libc.so.6"] {
        if !draft.join(name).exists() {
            return Err(format!("the packages of kmod have no {name}"));
        }
    }
    clear(&whole)?;
    clear(&debs)?;
    fs::write(draft.join("lab"), LAYOUT).map_err(fail)
}

/// Copies the files of a folder whose names begin so; a link becomes the file that it leads to.
fn copy_by_start(folder: &Path, start: &str, to: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_asked_for = entry.file_name().to_string_lossy().starts_with(start);
        if is_asked_for && entry.path().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
