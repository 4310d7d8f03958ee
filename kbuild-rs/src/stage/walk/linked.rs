//! Follows links in a module tree that lead to folders outside of it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::{Step, Walk};
use crate::error::names::{EXCLUDE, INCLUDE};
use crate::make::{DotGit, Repository};
use crate::stage::item::{Item, Kind};
use crate::stage::outside::{FolderContents, Location, is_virtual};
use crate::{Error, Result};

/// A link to a folder.
pub(super) struct FolderLink<'a> {
    pub(super) path: &'a Path,
    pub(super) rel: PathBuf,
    /// The link's text, and its target.
    pub(super) target: PathBuf,
    pub(super) real: PathBuf,
}

impl Walk<'_> {
    /// Stages a link to a folder elsewhere. kbuild would write into that folder, so its contents
    /// are copied. A folder into which it can hardly write stays a link.
    pub(super) fn linked_folder(
        &mut self,
        link: FolderLink<'_>,
        meta: &Metadata,
        step: &Rc<Step>,
    ) -> Result<()> {
        let FolderLink {
            path,
            rel,
            target,
            real,
        } = link;
        let place = Location::of(&real, self.scan.kernel_dirs);
        let kept = Kind::Link(if target.is_absolute() {
            target
        } else {
            real.clone()
        });
        if place == Location::KernelTree || is_virtual(meta.dev()) {
            self.items.push(Item::new(rel, kept));
            return Ok(());
        }
        if real == self.scan.out || self.scan.root.starts_with(&real) {
            if self.outside.is_some() {
                // This link is outside of the tree, such as one to `/` in a system's folder. No build
                // goes through it.
                return Ok(());
            }
            return Err(Error::input(format!(
                "{} is a link to {}, which contains this tree. Remove it or exclude it \
                 ({EXCLUDE})",
                path.display(),
                real.display()
            )));
        }
        if self.outside.is_some() {
            return self.push(real, rel, meta, Some(step));
        }
        let outside = Some(FolderContents::default());
        let mut walk = Walk::new(self.scan, outside, std::mem::take(&mut self.copied));
        walk.items.extend(self.repository_above(&real, &rel));
        walk.push(real.clone(), rel.clone(), meta, Some(step))?;
        walk.run()?;
        self.copied = walk.copied;
        let seen = walk.outside.unwrap_or_default();
        if !seen.is_to_be_copied(place) {
            self.items.push(Item::new(rel, kept));
            return Ok(());
        }
        if seen.is_too_much(&self.copied) {
            return Err(Error::input(format!(
                "{} links to {}, which is too large to copy. kbuild-rs copies linked folders that \
                 contain sources, up to {} in all. Exclude the link ({EXCLUDE}) and name the header \
                 folders in it ({INCLUDE}), or link to a smaller folder",
                path.display(),
                real.display(),
                FolderContents::LIMIT
            )));
        }
        self.copied.add_all(&seen);
        self.items.append(&mut walk.items);
        Ok(())
    }

    /// The `.git` for a folder outside of the tree that belongs to another repository than the
    /// tree. git would search for it above the copy.
    fn repository_above(&self, real: &Path, rel: &Path) -> Option<Item> {
        let top = Repository::top_above(real)?;
        if Repository::at(real) != DotGit::Nothing || self.scan.root.starts_with(&top) {
            return None;
        }
        let rel = rel.join(".git");
        let target = match Repository::at(&top) {
            DotGit::Ours(_) => self.scan.git.of_link(&rel),
            _ => self.scan.git.refusal(),
        };
        Some(Item::new(rel, Kind::Link(target)))
    }
}
