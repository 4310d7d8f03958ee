//! The modules that a call names, read as `install` reads them.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::install::select;
use super::modinfo::ModuleInfo;
use crate::{Error, Result};

/// A module as a build left it.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
    pub(super) info: ModuleInfo,
    pub(super) modified: SystemTime,
}

/// Reads every `.ko` of `inputs`, sorted by release and name.
///
/// # Errors
/// As `install`: an input that does not exist, a folder without a module, a build that is running, a
/// file that is not a module, different modules with the same name and release.
pub(super) fn find(inputs: &[PathBuf]) -> Result<Vec<Built>> {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let sources = select(inputs, jobs)?.into_iter().map(|source| {
        let bytes = source.read_again()?;
        Ok(Built {
            info: ModuleInfo::of_bytes(&bytes, &source.path)?,
            modified: modified(&source.path)?,
            path: source.path,
            bytes,
        })
    });
    sources.collect()
}

fn modified(path: &Path) -> Result<SystemTime> {
    let meta = std::fs::symlink_metadata(path).and_then(|meta| meta.modified());
    meta.map_err(|e| Error::reading("read", path, e))
}
