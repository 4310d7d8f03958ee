//! Removes files below a writer's roots.

use std::ffi::OsString;
use std::path::Path;

use rustix::fs::{AtFlags, OFlags, unlinkat};
use rustix::io::Errno;

use super::Writer;
use crate::sys::root::names;
use crate::{Error, Result};

impl Writer {
    /// Removes a file or link that may be missing already. Returns whether it existed.
    pub(crate) fn remove_file(&self, path: &Path) -> Result<bool> {
        let root = self.root(path)?;
        let rel = root.relative(path).unwrap_or(Path::new(""));
        let folder = rel.parent().unwrap_or(Path::new(""));
        let folder = match root.open_folder(folder, OFlags::PATH) {
            Ok(folder) => folder,
            Err(Errno::NOENT) => return Ok(false),
            Err(e) => return Err(root.refused("remove", path, e)),
        };
        match unlinkat(
            &folder,
            rel.file_name().unwrap_or_default(),
            AtFlags::empty(),
        ) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(e) => Err(root.refused("remove", path, e)),
        }
    }

    /// Removes an empty folder. Returns whether it did.
    pub(crate) fn remove_empty(&self, path: &Path) -> bool {
        let Ok((parent, name)) = self.parent("remove", path) else {
            return false;
        };
        unlinkat(&parent, name, AtFlags::REMOVEDIR).is_ok()
    }

    /// Removes `path` and everything below it. Links are removed, not followed.
    pub(crate) fn remove_tree(&self, path: &Path) -> Result<()> {
        let root = self.root(path)?;
        let rel = root.relative(path).unwrap_or(Path::new(""));
        let failed = |at: &Path, e: Errno| root.refused("remove", at, e);
        let folder = match root.open_folder(rel, OFlags::RDONLY) {
            Ok(folder) => folder,
            Err(Errno::NOENT) => return Ok(()),
            // A link or a file is removed as such.
            Err(Errno::LOOP | Errno::NOTDIR) => return self.remove_file(path).map(drop),
            Err(e) => return Err(failed(path, e)),
        };
        let entries = names(&folder).map_err(|e| Error::reading("read", path, e))?;
        let mut folders: Vec<OsString> = Vec::new();
        for name in entries {
            match unlinkat(&folder, &name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(Errno::ISDIR) => folders.push(name),
                Err(e) => return Err(failed(&path.join(name), e)),
            }
        }
        // A limit on open files must not limit the depth.
        drop(folder);
        for name in folders {
            self.remove_tree(&path.join(name))?;
        }
        if rel.as_os_str().is_empty() {
            return Ok(());
        }
        let (parent, name) = root.parent("remove", path)?;
        match unlinkat(&parent, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(e) => Err(failed(path, e)),
        }
    }
}
