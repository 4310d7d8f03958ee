//! Updates the stage from the sources.

use std::cmp::Ordering;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::inventory::Inventory;
use super::item::{Item, Kind};
use super::{Stage, manifest};
use crate::error::Sink;
use crate::sys::{CopyOptions, Identity, Writer, regular, same_content};
use crate::{Error, ErrorKind, Result};

/// The differences between the sources and the items staged last.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Indices of new and changed items among the scanned ones.
    copy: Vec<usize>,
    /// Items that no longer exist.
    remove: Vec<Item>,
    /// The new files and links. One of them may come before a header of the same name on a search
    /// path.
    pub(crate) added: Vec<usize>,
    /// Unchanged files, with their known identity.
    kept: Vec<(usize, Identity)>,
}

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        self.copy.is_empty() && self.remove.is_empty()
    }

    /// The indices of files whose content changed.
    pub(crate) fn copied(&self) -> &[usize] {
        &self.copy
    }

    /// Staged items that do not exist any more.
    pub(crate) fn removed(&self) -> &[Item] {
        &self.remove
    }
}

/// Compares the scanned items with the last ones; both are sorted by path.
pub(crate) fn compare(stage: &Stage, old: &[Item], new: &[Item]) -> Changes {
    let mut changes = Changes::default();
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        let order = match (old.get(i), new.get(j)) {
            (Some(o), Some(n)) => o.rel.as_os_str().cmp(n.rel.as_os_str()),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        match order {
            Ordering::Less => {
                changes.remove.push(old[i].clone());
                i += 1;
            }
            Ordering::Greater => {
                changes.copy.push(j);
                if !matches!(new[j].kind, Kind::Dir) {
                    changes.added.push(j);
                }
                j += 1;
            }
            Ordering::Equal => {
                if !same(stage, &old[i], &new[j]) {
                    if std::mem::discriminant(&old[i].kind) != std::mem::discriminant(&new[j].kind)
                    {
                        changes.remove.push(old[i].clone());
                    }
                    changes.copy.push(j);
                } else if let (Kind::File { id: old, .. }, Kind::File { id, .. }) =
                    (&old[i].kind, &new[j].kind)
                {
                    changes.kept.push((j, old.moved_to(id)));
                }
                i += 1;
                j += 1;
            }
        }
    }
    changes
}

fn same(stage: &Stage, old: &Item, new: &Item) -> bool {
    match (&old.kind, &new.kind) {
        (
            Kind::File {
                from: a,
                id: old_id,
            },
            Kind::File { from: b, id },
        ) => a == b && old_id.matches_identity(id, || stage.source_of(new)),
        (a, b) => a == b,
    }
}

/// How to update the stage.
pub(crate) struct Sync<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) writer: &'a Writer,
    pub(crate) sink: &'a Sink,
    /// Whether the stage is empty. Source mtimes are kept then (configure scripts compare them). In
    /// a later build, make sees every copied file as new.
    pub(crate) first: bool,
    /// The marker's time. A source that is as young as this may have changed while it was copied.
    /// It is compared once more after the clock has moved on.
    pub(crate) start: Duration,
}

/// More than a tick of any clock that is finer than whole seconds.
const TICK: Duration = Duration::from_millis(20);

impl Sync<'_> {
    /// Updates the stage and saves the manifest.
    pub(crate) fn apply(
        &self,
        items: &mut [Item],
        changes: &Changes,
        inventory: &mut Inventory,
    ) -> Result<()> {
        if let Some(above) = self.stage.dir.parent() {
            self.writer.create_dirs(above)?;
        }
        self.writer
            .create_dir_like(&self.stage.dir, &self.stage.root)?;
        if !self.first {
            self.undo_links(items, changes)?;
        }
        // The deepest items come first, so that folders are empty when they are removed. Files that
        // the build put into a removed folder are removed with it.
        for item in changes.remove.iter().rev() {
            self.writer.remove_tree(&self.stage.file(&item.rel))?;
        }
        for (index, known) in &changes.kept {
            if let Kind::File { id, .. } = &mut items[*index].kind {
                *id = known.clone();
            }
        }
        let mut young = Vec::new();
        for &index in &changes.copy {
            let item = &mut items[index];
            let copied = self.copy(item, inventory)?;
            let is_young = |item: &Item| matches!(&item.kind, Kind::File { id, .. } if id.is_as_young_as(self.start));
            if copied && is_young(item) {
                young.push(index);
            }
        }
        // Copies that were deleted from the stage, or changed in it.
        if !self.first {
            for item in items.iter_mut() {
                if fs::symlink_metadata(self.stage.file(&item.rel)).is_err() {
                    self.copy(item, inventory)?;
                }
            }
        }
        if !young.is_empty() {
            std::thread::sleep(TICK);
            for index in young {
                self.settle(&mut items[index], inventory)?;
            }
        }
        manifest::save(self.writer, &self.stage.manifest, items)
    }

    /// Restores folders that the build removed or replaced by links. A file written below such a
    /// link would go elsewhere.
    fn undo_links(&self, items: &[Item], changes: &Changes) -> Result<()> {
        let is_link = |path: &Path| fs::symlink_metadata(path).is_ok_and(|meta| !meta.is_dir());
        let gone = changes.remove.iter().map(|item| (item, false));
        let folders = items.iter().map(|item| (item, true)).chain(gone);
        for (item, wanted) in folders.filter(|(item, _)| item.kind == Kind::Dir) {
            let path = self.stage.file(&item.rel);
            if is_link(&path) {
                self.writer.remove_file(&path)?;
            }
            if wanted {
                self.writer
                    .create_dir_like(&path, &self.stage.source_of(item))?;
            }
        }
        Ok(())
    }

    /// Puts an item into the stage. Returns whether it was a readable file.
    fn copy(&self, item: &mut Item, inventory: &mut Inventory) -> Result<bool> {
        let to = self.stage.file(&item.rel);
        if let Kind::Dir = item.kind {
            let like = self.stage.source_of(item);
            return self.writer.create_dir_like(&to, &like).map(|()| false);
        }
        // A build has put a folder in the item's place.
        if fs::symlink_metadata(&to).is_ok_and(|meta| meta.is_dir()) {
            self.writer.remove_tree(&to)?;
        }
        let from = self.stage.source_of(item);
        match &mut item.kind {
            Kind::Link(target) => self.writer.symlink(target, &to).map(|()| false),
            Kind::File { id, .. } => {
                let Some(now) = self.copy_file(&from, &to)? else {
                    return Ok(false);
                };
                *id = now;
                let copy = fs::symlink_metadata(&to).map_err(|e| Error::reading("read", &to, e))?;
                inventory.copied(&item.rel, &copy);
                Ok(true)
            }
            Kind::Dir => Ok(false),
        }
    }

    /// Copies once. Returns the identity of the source before it was read; `None` for a file of a
    /// module tree that cannot be read, because nothing may need it.
    fn copy_file(&self, from: &Path, to: &Path) -> Result<Option<Identity>> {
        let file = match regular::open(from) {
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied && self.stage.is_of_tree() => {
                let text = format!(
                    "{} cannot be read ({e}). The module is built without it",
                    from.display()
                );
                self.sink.warning("unreadable-file", &text);
                self.writer.remove_file(to)?;
                return Ok(None);
            }
            file => file.map_err(|e| vanished(from, e))?,
        };
        let meta = file.metadata().map_err(|e| vanished(from, e))?;
        if !meta.is_file() {
            return Err(Error::new(
                ErrorKind::SourceNotFound,
                format!("{} is not a regular file any more", from.display()),
            ));
        }
        let how = CopyOptions {
            // The build may write to its copy even if the source is read-only.
            add_mode: 0o200,
            mtime: meta.modified().ok().filter(|_| self.first),
        };
        self.writer.copy(&file, to, how)?;
        let mut id = Identity::from_metadata(&meta);
        id.know_content(to)
            .map_err(|e| Error::reading("read", to, e))?;
        Ok(Some(id))
    }

    /// Makes sure that the copy of a young source still has the source's content after the source's
    /// clock has moved on.
    fn settle(&self, item: &mut Item, inventory: &mut Inventory) -> Result<()> {
        let from = self.stage.source_of(item);
        let to = self.stage.file(&item.rel);
        let differs = !same_content(&from, &to).map_err(|e| vanished(&from, e))?;
        if differs {
            self.copy(item, inventory)?;
        }
        if let Kind::File { id, .. } = &mut item.kind {
            id.pin_content(&from).map_err(|e| vanished(&from, e))?;
        }
        Ok(())
    }
}

pub(super) fn vanished(path: &Path, e: io::Error) -> Error {
    match e.kind() {
        io::ErrorKind::NotFound => Error::new(
            ErrorKind::SourceNotFound,
            format!("{} was deleted during the build", path.display()),
        ),
        _ => Error::reading("read", path, e),
    }
}
