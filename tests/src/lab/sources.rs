//! The sources of real modules, out of the distribution's `*-dkms` packages.

use std::fs;
use std::path::{Path, PathBuf};

use super::distribution::Distribution;
use crate::Result;

/// Unpacks `package` of `release` into `draft`.
pub(super) fn fetch(package: &str, release: &str, draft: &Path) -> Result<()> {
    let apt = super::apt(&Distribution::here()?, release)?;
    let debs = apt.download(&[package.to_owned()], draft)?;
    for deb in &debs {
        super::unpack(deb, draft)?;
        fs::remove_file(deb).map_err(|error| format!("cannot remove {deb:?}: {error}"))?;
    }
    folder(draft).map(drop)
}

/// The one folder below `usr/src` of an unpacked package.
pub(super) fn folder(unpacked: &Path) -> Result<PathBuf> {
    let src = unpacked.join("usr/src");
    let mut folders: Vec<PathBuf> = fs::read_dir(&src)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    match (folders.pop(), folders.is_empty()) {
        (Some(folder), true) => Ok(folder),
        _ => Err(format!(
            "{} is not one folder of module sources",
            src.display()
        )),
    }
}
