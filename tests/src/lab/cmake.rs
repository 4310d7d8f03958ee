//! CMake in the versions that the package for it promises, as PyPI has them.

use std::fs;
use std::path::{Path, PathBuf};

use super::pip;
use crate::Result;

/// What [`super::cmake()`] gets: the oldest that is promised, Debian 12's, and the newest.
pub const CMAKES: &[&str] = &["3.22", "3.25", "newest"];

/// The program, where it is there.
pub(super) fn load(place: &Path) -> Option<PathBuf> {
    let program = place.join("cmake/data/bin/cmake");
    program.exists().then_some(program)
}

/// Fills `draft` with a wheel's content: its programs find what belongs to them from where they
/// lie.
pub(super) fn fetch(version: &str, draft: &Path) -> Result<()> {
    if !CMAKES.contains(&version) {
        return Err(format!("the lab knows no CMake `{version}`"));
    }
    pip::install("cmake", version, draft)?;
    // Starters that name the draft's folder.
    match fs::remove_dir_all(draft.join("bin")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("cannot clear {}: {error}", draft.display()))
        }
        _ => Ok(()),
    }
}
