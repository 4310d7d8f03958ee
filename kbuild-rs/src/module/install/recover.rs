//! The end of a transaction: finished, or undone.

use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use super::index;
use super::journal::{Change, Pending};
use super::places::Places;
use super::site::Site;
use super::step::point;
use super::transaction::innermost_first;
use crate::sys::tree::part_of;
use crate::{Error, Result};

/// Ends every transaction that an earlier process began; the releases that were undone.
pub(super) fn all(site: &mut Site) -> Result<Vec<String>> {
    site.remove_parts()?;
    let (_, pending) = site.releases()?;
    let mut undone = Vec::new();
    for release in pending {
        let Some(pending) = site.pending(&release)? else {
            continue;
        };
        let places = site.places(&release)?;
        if pending.is_prepared && site.journal_hash(&release)? == pending.ends_with {
            finish(site, &places, &pending)?;
        } else {
            undo(site, &places, &pending, Index::Unknown).map_err(|e| {
                e.about(&format!(
                    "an interrupted change of the modules of {release} could not be undone"
                ))
            })?;
            undone.push(release);
        }
    }
    // A process that died in its last step leaves a store without a journal.
    site.tidy()?;
    Ok(undone)
}

/// The journal is written: what the transaction needed goes.
pub(super) fn finish(site: &mut Site, places: &Places, pending: &Pending) -> Result<()> {
    point()?;
    remove_parts(places, pending)?;
    let folders = pending
        .folders
        .union(&pending.old_folders)
        .cloned()
        .collect();
    remove_empty(places, &innermost_first(&folders));
    point()?;
    site.remove_pending(&places.release)?;
    point()?;
    site.tidy()
}

/// How an index is put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Index {
    /// It was not touched.
    AsItWas,
    /// The old files are there under their second names.
    Kept,
    /// Nobody knows what an earlier process did.
    Unknown,
}

/// Puts everything back: a file that is the new one gives way to the old one, and any other stays.
pub(super) fn undo(
    site: &mut Site,
    places: &Places,
    pending: &Pending,
    index: Index,
) -> Result<()> {
    if pending.is_prepared {
        for change in pending.changes.iter().rev() {
            undo_change(site, places, change)?;
            point()?;
        }
        if let Some(modules) = places.modules() {
            modules.sync_all()?;
        }
        match index {
            Index::Unknown if pending.indexes => index::restore(site, places)?,
            Index::Kept => index::put_back(places)?,
            _ => {}
        }
    }
    point()?;
    remove_parts(places, pending)?;
    remove_empty(places, &innermost_first(&pending.folders));
    point()?;
    site.remove_pending(&places.release)?;
    site.tidy()
}

fn undo_change(site: &Site, places: &Places, change: &Change) -> Result<()> {
    let found = places.find(&change.path);
    let Some((tree, rel)) = found.filter(|(tree, rel)| tree.is_possible(rel)) else {
        return Ok(());
    };
    if !matches!(
        tree.kind(rel)?,
        None | Some(FileType::RegularFile | FileType::Symlink)
    ) {
        // Somebody made it since.
        return Ok(());
    }
    let there = tree.look(rel)?;
    let is = |looks: &Option<crate::sys::Looks>| match (&there, looks) {
        (Some(there), Some(looks)) => there.has_content_of(looks),
        (None, None) => true,
        _ => false,
    };
    if !is(&change.new) || is(&change.old) && there == change.old {
        return Ok(());
    }
    let Some(old) = &change.old else {
        return tree.remove(rel).map(drop);
    };
    // The old file itself lies beside its place, unless the file system cannot exchange files.
    let part = part_of(rel);
    let kept = tree.look(&part).ok().flatten();
    if !kept.is_some_and(|kept| kept == *old) {
        site.store()?.bring_back(old, tree, &part)?;
    }
    tree.rename(&part, rel)
}

fn remove_parts(places: &Places, pending: &Pending) -> Result<()> {
    for change in &pending.changes {
        if let Some((tree, rel)) = places.find(&change.path) {
            tree.remove_file(&part_of(rel))?;
        }
    }
    index::remove_parts(places)
}

/// Removes those folders that are empty, and are not needed any more.
fn remove_empty(places: &Places, innermost_first: &[PathBuf]) {
    for folder in innermost_first {
        let found = folder.to_str().and_then(|folder| places.find(folder));
        if let Some((tree, rel)) = found {
            tree.remove_folder(rel);
        }
    }
}

impl Site {
    /// Removes files of the journal's that were never finished.
    fn remove_parts(&self) -> Result<()> {
        let Ok(state) = self.state() else {
            return Ok(());
        };
        for name in state.names(Path::new(""))? {
            if crate::sys::is_part(&name) {
                state.remove_file(Path::new(&name))?;
            }
        }
        Ok::<(), Error>(())
    }
}
