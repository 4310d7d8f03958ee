//! CMake from PyPI, in the versions that the package supports.

use std::fs;
use std::path::{Path, PathBuf};

use super::pip;
use crate::Result;

/// The versions of [`super::cmake()`]: the oldest supported one, Debian 12's, and the newest.
pub const CMAKES: &[&str] = &["3.22", "3.25", "newest"];

/// The path of the program, if it exists.
pub(super) fn load(place: &Path) -> Option<PathBuf> {
    let program = place.join("cmake/data/bin/cmake");
    program.exists().then_some(program)
}

/// Fills `draft` with a wheel's content. Its programs find their files relative to their own path.
pub(super) fn fetch(version: &str, draft: &Path) -> Result<()> {
    if !CMAKES.contains(&version) {
        return Err(format!("the lab knows no CMake `{version}`"));
    }
    pip::install("cmake", version, draft)?;
    // These are starters that name the draft's folder.
    match fs::remove_dir_all(draft.join("bin")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("cannot clear {}: {error}", draft.display()))
        }
        _ => Ok(()),
    }
}
