//! The store: files that made room, by the hash of their content.
//!
//! A file keeps its inode if it can: a hard link into the store costs no space, and a file that has
//! other names has them again when it comes back. Content is checked before it is used.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::sys::tree::part_of;
use crate::sys::{Looks, Tree};
use crate::{Error, ErrorKind, Result};

#[derive(Debug)]
pub(super) struct Store {
    folder: Option<Tree>,
}

impl Store {
    pub(super) fn new(folder: Option<Tree>) -> Store {
        Store { folder }
    }

    /// Keeps the file `rel` of a tree. A link needs nothing but the journal.
    pub(super) fn keep(&self, tree: &Tree, rel: &Path, looks: &Looks) -> Result<()> {
        let Some(folder) = self.folder.as_ref().filter(|_| looks.target.is_none()) else {
            return Ok(());
        };
        let name = PathBuf::from(&looks.sha256);
        if folder
            .look(&name)
            .is_ok_and(|there| there.is_some_and(|there| there == *looks))
        {
            return Ok(());
        }
        let part = part_of(&name);
        folder.remove(&part)?;
        if !folder.link_from(tree, rel, &part) {
            let bytes = tree.read(rel)?.unwrap_or_default();
            let file = folder.write_like(&part, &bytes, looks)?;
            file.sync_all()
                .map_err(|e| Error::writing("write", &folder.shown(&name), e))?;
        }
        match folder.look(&part)? {
            Some(there) if there.has_content_of(looks) => folder.rename(&part, &name),
            _ => {
                folder.remove(&part)?;
                Err(super::conflict::changed_meanwhile(&tree.shown(rel)))
            }
        }
    }

    /// Whether a file can be brought back.
    pub(super) fn has(&self, looks: &Looks) -> bool {
        let there = || self.folder.as_ref()?.look(Path::new(&looks.sha256)).ok()?;
        looks.target.is_some() || there().is_some_and(|there| there.has_content_of(looks))
    }

    /// Puts a file that was kept to `rel` of a tree.
    pub(super) fn bring_back(&self, looks: &Looks, tree: &Tree, rel: &Path) -> Result<()> {
        if let Some(target) = &looks.target {
            return tree.symlink(target, rel);
        }
        let name = PathBuf::from(&looks.sha256);
        let folder = self.folder.as_ref().ok_or_else(|| lost(looks, None))?;
        let found = folder.look(&name)?;
        let Some(found) = found.filter(|found| found.has_content_of(looks)) else {
            return Err(lost(looks, Some(folder)));
        };
        tree.remove(rel)?;
        if found == *looks && tree.link_from(folder, &name, rel) {
            return Ok(());
        }
        let bytes = folder.read(&name)?.unwrap_or_default();
        let file = tree.write_like(rel, &bytes, looks)?;
        file.sync_all()
            .map_err(|e| Error::writing("write", &tree.shown(rel), e))
    }

    /// Removes the files that are not needed.
    pub(super) fn keep_only(&self, needed: &BTreeSet<String>) -> Result<()> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        for name in folder.names(Path::new(""))? {
            if !name.to_str().is_some_and(|name| needed.contains(name)) {
                folder.remove_file(Path::new(&name))?;
            }
        }
        Ok(())
    }
}

fn lost(looks: &Looks, folder: Option<&Tree>) -> Error {
    let place = folder.map_or(PathBuf::from(super::site::STATE), |folder| {
        folder.shown(Path::new(&looks.sha256))
    });
    Error::new(
        ErrorKind::InvalidFile,
        format!(
            "{} is missing or damaged: the earlier file cannot be restored. Nothing was changed. \
             Install the module again, or restore the file from a backup",
            place.display()
        ),
    )
}
