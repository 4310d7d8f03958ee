//! Keeps the stage in step with the sources.

use std::cmp::Ordering;
use std::fs::{self, FileTimes, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use super::{Item, Kind, Stage};
use crate::files::{remove_file, same_content};
use crate::identity::Identity;
use crate::{Error, ErrorKind, Result, sys};

/// How the sources differ from what was staged last.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Indices of new and changed items among the scanned ones.
    copy: Vec<usize>,
    /// What is no longer there.
    remove: Vec<Item>,
    /// The names of new files and links: one of them may stand before a header of the same name
    /// on a search path.
    pub(crate) added: Vec<usize>,
}

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        self.copy.is_empty() && self.remove.is_empty()
    }

    /// The indices of files whose content is another one now.
    pub(crate) fn copied(&self) -> &[usize] {
        &self.copy
    }

    /// What was staged and is gone.
    pub(crate) fn removed(&self) -> &[Item] {
        &self.remove
    }
}

/// Compares the scanned items with those of the last time; both are sorted by path.
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

/// Brings the stage in step and saves the manifest. `first`: the stage is empty, and source
/// mtimes are kept (configure scripts compare them); later, whatever is copied is new to make.
///
/// `start` is the marker's time: a source as young as that may have changed while it was being
/// copied, and is compared once more after the clock has moved on.
pub(crate) fn apply(
    stage: &Stage,
    items: &mut [Item],
    changes: &Changes,
    first: bool,
    start: Duration,
) -> Result<()> {
    // From the leaves up, so that folders are empty when their turn comes. What the build put
    // into a folder that the source no longer has goes with it.
    if !first {
        undo_links(stage, items, changes)?;
    }
    for item in changes.remove.iter().rev() {
        remove(&stage.file(&item.rel), &item.kind)?;
    }
    let mut young = Vec::new();
    for &index in &changes.copy {
        let item = &mut items[index];
        copy(stage, item, first)?;
        if matches!(&item.kind, Kind::File { id, .. } if id.is_as_young_as(start)) {
            young.push(index);
        }
    }
    // Copies that somebody deleted from the stage.
    if !first {
        for item in items.iter_mut() {
            if fs::symlink_metadata(stage.file(&item.rel)).is_err() {
                copy(stage, item, false)?;
            }
        }
    }
    if !young.is_empty() {
        wait_for_tick(sys::file_clock());
        for index in young {
            settle(stage, &mut items[index], first)?;
        }
    }
    super::manifest::save(&stage.manifest, items)
}

/// Puts folders back where the build removed them or put links in their place: what is written
/// below a link would land elsewhere.
fn undo_links(stage: &Stage, items: &[Item], changes: &Changes) -> Result<()> {
    let is_link = |path: &Path| fs::symlink_metadata(path).is_ok_and(|meta| !meta.is_dir());
    let gone = changes.remove.iter().map(|item| (item, false));
    let folders = items.iter().map(|item| (item, true)).chain(gone);
    for (item, wanted) in folders.filter(|(item, _)| item.kind == Kind::Dir) {
        let path = stage.file(&item.rel);
        if is_link(&path) {
            remove_file(&path)?;
        }
        if wanted {
            fs::create_dir_all(&path).map_err(|e| Error::io("create", &path, e))?;
        }
    }
    Ok(())
}

/// Sleeps until the clock of file times shows more than `since`: what changes from then on
/// cannot bear a time that was there before.
pub(crate) fn wait_for_tick(since: Duration) {
    while sys::file_clock() <= since {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn copy(stage: &Stage, item: &mut Item, first: bool) -> Result<()> {
    let to = stage.file(&item.rel);
    match &item.kind {
        Kind::Dir => fs::create_dir_all(&to).map_err(|e| Error::io("create", &to, e)),
        Kind::Link(target) => {
            let _ = fs::remove_file(&to);
            std::os::unix::fs::symlink(target, &to).map_err(|e| Error::io("create", &to, e))
        }
        Kind::File { .. } => {
            let from = stage.source_of(item);
            let id = copy_file(&from, &to, first)?;
            if let Kind::File { id: known, .. } = &mut item.kind {
                *known = id;
            }
            Ok(())
        }
    }
}

/// Copies once; the identity is the one the source had before it was read.
fn copy_file(from: &Path, to: &Path, keep_mtime: bool) -> Result<Identity> {
    let meta = fs::metadata(from).map_err(|e| vanished(from, e))?;
    // A copy that a build made read-only, or a link it put in the place.
    if !keep_mtime {
        let _ = fs::remove_file(to);
    }
    let written = (|| {
        // Reflinks where the file system can; see copy_file_range(2).
        let mut source = fs::File::open(from)?;
        let mut file = fs::File::create(to)?;
        io::copy(&mut source, &mut file)?;
        // The build may write to its copy, whatever the source's mode says.
        let mode = meta.permissions().mode() & 0o777 | 0o200;
        file.set_permissions(Permissions::from_mode(mode))?;
        if keep_mtime {
            file.set_times(FileTimes::new().set_modified(meta.modified()?))?;
        }
        Ok(())
    })();
    written.map_err(|e| {
        let error: io::Error = e;
        Error::io(&format!("copy {} to", from.display()), to, error)
    })?;
    Ok(Identity::from_metadata(&meta))
}

/// Makes sure that the copy of a young source is what the source holds now that its clock has
/// moved on.
fn settle(stage: &Stage, item: &mut Item, first: bool) -> Result<()> {
    let from = stage.source_of(item);
    let to = stage.file(&item.rel);
    let differs = !same_content(&from, &to).map_err(|e| vanished(&from, e))?;
    if differs {
        copy(stage, item, first)?;
    }
    if let Kind::File { id, .. } = &mut item.kind {
        id.pin_content(&from).map_err(|e| vanished(&from, e))?;
    }
    Ok(())
}

fn remove(path: &Path, kind: &Kind) -> Result<()> {
    let removed = match kind {
        Kind::Dir => fs::remove_dir_all(path),
        Kind::Link(_) | Kind::File { .. } => fs::remove_file(path),
    };
    match removed {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path, e)),
        _ => Ok(()),
    }
}

fn vanished(path: &Path, e: io::Error) -> Error {
    match e.kind() {
        io::ErrorKind::NotFound => Error::new(
            ErrorKind::SourceNotFound,
            format!("{} went away while it was being staged", path.display()),
        ),
        _ => Error::io("read", path, e),
    }
}
