//! Meson in the versions that the module for it promises, as PyPI has them.

use std::path::{Path, PathBuf};

use super::pip;
use crate::Result;

/// What [`super::meson()`] gets: Debian 12's, two later ones, and the newest.
pub const MESONS: &[&str] = &["1.0", "1.3", "1.6", "newest"];

/// The folder that Python has to search, where Meson is there.
pub(super) fn load(place: &Path) -> Option<PathBuf> {
    let program = place.join("mesonbuild/mesonmain.py");
    program.exists().then(|| place.to_owned())
}

/// Fills `draft` with Meson's own package.
pub(super) fn fetch(version: &str, draft: &Path) -> Result<()> {
    if !MESONS.contains(&version) {
        return Err(format!("the lab knows no Meson `{version}`"));
    }
    pip::install("meson", version, draft)
}

/// The folder of what builds wheels, where it is there.
pub(super) fn load_backend(place: &Path) -> Option<PathBuf> {
    let package = place.join("hatchling/build.py");
    package.exists().then(|| place.to_owned())
}

/// Fills `draft` with it and what it needs.
pub(super) fn fetch_backend(draft: &Path) -> Result<()> {
    pip::install_all("hatchling", draft)
}
