//! Walks through folders of any depth.

use std::fs;
use std::io;
use std::path::Path;

use crate::{Error, Result};

/// Calls `visit` for everything below `dir` that is not a folder. It does not follow links. It
/// keeps no folder open while it walks those below, so a limit on open files does not limit the
/// depth.
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
                // The entry disappeared during the walk.
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
