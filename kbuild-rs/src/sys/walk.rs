//! Looks through folders, deep ones included.

use std::fs;
use std::io;
use std::path::Path;

use crate::{Error, Result};

/// Calls `visit` for everything below `dir` that is no folder. Links are not followed, and no
/// folder stays open while those below it are looked through: a limit on open files is no limit
/// on depth.
pub(crate) fn walk(
    dir: &Path,
    visit: &mut dyn FnMut(&Path, &fs::Metadata) -> Result<()>,
) -> Result<()> {
    let failed = |e| Error::reading("read", dir, e);
    let mut folders = Vec::new();
    {
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(failed(e)),
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            let meta = match entry.metadata() {
                Ok(meta) => meta,
                // It went away while it was looked at.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(Error::reading("read", &path, e)),
            };
            if meta.is_dir() {
                folders.push(path);
            } else {
                visit(&path, &meta)?;
            }
        }
    }
    folders.iter().try_for_each(|folder| walk(folder, visit))
}
