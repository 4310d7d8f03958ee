//! The files of an output directory, to compare.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::Result;

/// What an output directory holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Products {
    /// The files that a user sees, with their bytes.
    pub(super) files: BTreeMap<PathBuf, Vec<u8>>,
    /// The paths of all others.
    private: BTreeSet<PathBuf>,
}

impl Products {
    /// Those in `out`, which may be missing. `folder` stands for the place of this attempt in texts.
    pub(super) fn of(out: &Path, folder: &Path) -> Result<Products> {
        let mut products = Products::default();
        let mut pending = vec![out.to_owned()];
        while let Some(path) = pending.pop() {
            let fail = |error: std::io::Error| format!("{}: {error}", path.display());
            let metadata = match fs::symlink_metadata(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && path == out => break,
                metadata => metadata.map_err(fail)?,
            };
            if metadata.is_dir() {
                for entry in fs::read_dir(&path).map_err(fail)? {
                    pending.push(entry.map_err(fail)?.path());
                }
                continue;
            }
            let relative = path.strip_prefix(out).unwrap_or(&path).to_owned();
            if !metadata.is_file() || is_private(&relative) {
                products.private.insert(relative);
                continue;
            }
            let mut bytes = fs::read(&path).map_err(fail)?;
            if path.extension().is_none_or(|suffix| suffix != "ko") {
                bytes = without(&bytes, folder.as_os_str().as_bytes());
            }
            products.files.insert(relative, bytes);
        }
        Ok(products)
    }

    /// Checks that every file that a user sees is one of these.
    pub(super) fn are_of(&self, all: &[Products]) -> Result<()> {
        for (path, bytes) in &self.files {
            if !all.iter().any(|right| right.files.get(path) == Some(bytes)) {
                return Err(format!(
                    "{} ({} bytes) is not a file of any undisturbed call",
                    path.display(),
                    bytes.len()
                ));
            }
        }
        Ok(())
    }

    /// Checks that these are the right ones, and nothing is left over.
    pub(super) fn are(&self, right: &Products) -> Result<()> {
        let mut wrong = Vec::new();
        for path in self.files.keys().chain(right.files.keys()) {
            match (self.files.get(path), right.files.get(path)) {
                (Some(ours), Some(right)) if ours == right => {}
                (Some(_), Some(_)) => wrong.push(format!("{} has other bytes", path.display())),
                (Some(_), None) => wrong.push(format!("{} is too much", path.display())),
                _ => wrong.push(format!("{} is missing", path.display())),
            }
        }
        let left = self.private.difference(&right.private);
        wrong.extend(left.map(|path| format!("{} is left over", path.display())));
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(wrong.join("\n")),
        }
    }
}

/// Whether no user sees it: a private folder, or a hidden file.
fn is_private(relative: &Path) -> bool {
    relative
        .iter()
        .any(|part| part.as_bytes().starts_with(b"."))
}

fn without(bytes: &[u8], part: &[u8]) -> Vec<u8> {
    let mut rest = bytes;
    let mut kept = Vec::new();
    while let Some(at) = rest.windows(part.len()).position(|window| window == part) {
        kept.extend_from_slice(&rest[..at]);
        rest = &rest[at + part.len()..];
    }
    kept.extend_from_slice(rest);
    kept
}
