//! Meson from PyPI, in the versions that the module supports.

use std::path::{Path, PathBuf};

use super::pip;
use crate::Result;

/// The versions of [`super::meson()`]: Debian 12's, two later ones, and the newest.
pub const MESONS: &[&str] = &["1.0", "1.3", "1.6", "newest"];

/// The folder that Python must search, if Meson exists.
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

/// The folder with the tools that build wheels, if it exists.
pub(super) fn load_backend(place: &Path) -> Option<PathBuf> {
    let package = place.join("hatchling/build.py");
    package.exists().then(|| place.to_owned())
}

/// Fills `draft` with these tools and their dependencies.
pub(super) fn fetch_backend(draft: &Path) -> Result<()> {
    pip::install_all("hatchling", draft)
}
