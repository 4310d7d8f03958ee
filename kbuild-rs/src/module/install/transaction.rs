//! From one state of a release to another, or not at all.
//!
//! 1. The pending transaction is noted: the names of the files and folders that it creates.
//! 2. The new files are written beside their places, and the old ones are kept in the store.
//! 3. The pending transaction is noted again, with the looks of all files. All of it is on the disk.
//! 4. Each new file changes places with the old one.
//! 5. depmod writes new index files, which are checked.
//! 6. The journal is written: this ends the transaction. The old files beside their places go.
//!
//! A failure before step 6 undoes all of it. If the process dies, the next one does (`recover`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::journal::{Change, Journal, Pending, State};
use super::parts::{Content, make_parts};
use super::places::Places;
use super::site::{Site, shared_folders};
use super::step::step;
use super::{index, recover};
use crate::sys::tree::{part_of, sha256};
use crate::{Error, Result};

/// The state that a transaction leads to.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// The looks of a file that [`contents`](Self::contents) has are not known yet.
    pub(super) state: State,
    pub(super) contents: BTreeMap<String, Content>,
}

/// How a transaction is carried out.
#[derive(Debug, Clone, Default)]
pub(super) struct How {
    /// Whether depmod runs; it never does for a release without `modules.dep`.
    pub(super) runs_depmod: bool,
    /// The number of files that are finished at once.
    pub(super) jobs: usize,
    /// The modules that have to be those that modprobe loads, by the kernel's names.
    pub(super) must: BTreeSet<String>,
    /// Paths that other releases use, too. They are there before and after.
    pub(super) shared: BTreeSet<String>,
}

/// A transaction of one release.
pub(super) struct Transaction<'a> {
    pub(super) site: &'a mut Site,
    pub(super) release: &'a str,
    pub(super) from: &'a State,
    pub(super) how: How,
}

impl Transaction<'_> {
    /// Carries it out; the index's remarks for the user.
    pub(super) fn run(self, mut draft: Draft) -> Result<Vec<String>> {
        let Transaction {
            site,
            release,
            from,
            how,
        } = self;
        let mut pending = Pending::new(release, outline(from, &draft, &how));
        let paths: Vec<String> = pending.changes.iter().map(|c| c.path.clone()).collect();
        // A folder that is missing is made for a new file only: what goes leaves none behind.
        let new: Vec<&String> = pending
            .changes
            .iter()
            .filter(|change| is_there_after(&change.path, from, &draft))
            .map(|change| &change.path)
            .collect();
        let folders = shared_folders(new.iter().copied(), release);
        site.make_folders(&folders)?;
        let places = site.places(release)?;
        pending.folders = missing_folders(&places, &new)?;
        pending.old_folders = from.folders.clone();
        pending.indexes = how.runs_depmod && index::is_there(&places)?;
        site.write_pending(release, &pending)?;
        let mut touched = false;
        let done = step().and_then(|()| {
            prepare(site, &places, &mut pending, from, &mut draft, how.jobs)?;
            let journal = journal_of(release, from, &draft)?;
            pending.ends_with = journal.as_deref().map(sha256);
            pending.is_prepared = true;
            sync(site, &places, &paths)?;
            site.write_pending(release, &pending)?;
            step()?;
            swap(&places, &pending)?;
            let remarks = match pending.indexes {
                true => index::rebuild(site, &places, (&draft.state, &how.must), &mut touched)?,
                false => Vec::new(),
            };
            sync(site, &places, &paths)?;
            step()?;
            site.write_journal(release, journal.as_deref())?;
            Ok(remarks)
        });
        match done {
            Ok(remarks) => {
                recover::finish(site, &places, &pending)?;
                Ok(remarks)
            }
            Err(error) => {
                let index = match touched {
                    true => recover::Index::Kept,
                    false => recover::Index::AsItWas,
                };
                Err(give_up(site, &places, &pending, (index, error)))
            }
        }
    }
}

/// Undoes what was done, and says so if that fails.
fn give_up(
    site: &mut Site,
    places: &Places,
    pending: &Pending,
    (index, error): (recover::Index, Error),
) -> Error {
    match recover::undo(site, places, pending, index) {
        Ok(()) => error,
        Err(second) => error.followed_by(&format!(
            "\nThe change could not be undone either: {second}\nThe next `kbuild-rs install`, \
             `uninstall` or `rollback` undoes it"
        )),
    }
}

/// Each path that changes, with the looks that are known.
fn outline(from: &State, draft: &Draft, how: &How) -> Vec<Change> {
    let paths: BTreeSet<&String> = from.paths().chain(draft.state.paths()).collect();
    let change = |path: &String| {
        let old = from.at(path, &draft.state).cloned();
        let is_new = draft.contents.contains_key(path);
        let new = match is_new {
            true => None,
            false => draft.state.at(path, from).cloned(),
        };
        (is_new || old != new).then(|| Change {
            path: path.clone(),
            old,
            new,
        })
    };
    let changing = paths.into_iter().filter(|path| !how.shared.contains(*path));
    changing.filter_map(change).collect()
}

fn is_there_after(path: &str, from: &State, draft: &Draft) -> bool {
    draft.contents.contains_key(path) || draft.state.at(path, from).is_some()
}

/// The folders below that of the release that are missing for these paths.
fn missing_folders(places: &Places, paths: &[&String]) -> Result<BTreeSet<String>> {
    let mut missing = BTreeSet::new();
    for path in paths {
        let mut at = Path::new(path.as_str()).parent();
        while let Some(folder) = at.and_then(Path::to_str) {
            let found = places.find(folder);
            let Some((tree, rel)) = found.filter(|_| folder.starts_with("lib/modules/")) else {
                break;
            };
            if missing.contains(folder) || tree.kind(rel)?.is_some() {
                break;
            }
            missing.insert(folder.to_owned());
            at = Path::new(folder).parent();
        }
    }
    Ok(missing)
}

/// Writes the new files beside their places, and keeps the old ones.
fn prepare(
    site: &Site,
    places: &Places,
    pending: &mut Pending,
    from: &State,
    draft: &mut Draft,
    jobs: usize,
) -> Result<()> {
    for folder in &pending.folders {
        let (tree, rel) = places.existing(folder)?;
        tree.make_folders(rel)?;
    }
    let made = pending.folders.iter().cloned();
    draft.state.folders = from.folders.iter().cloned().chain(made).collect();
    step()?;
    let store = site.make_store()?;
    let mut contents = Vec::new();
    for change in &pending.changes {
        let content = draft.contents.remove(&change.path);
        let restored = || change.new.clone().map(Content::Kept);
        if let Some(content) = content.or_else(restored) {
            contents.push((change.path.clone(), content));
        }
    }
    let looks = make_parts(places, &store, contents, jobs)?;
    step()?;
    for change in &mut pending.changes {
        if let Some(looks) = looks.get(&change.path) {
            change.new = Some(looks.clone());
            if let Some(entry) = draft.state.files.get_mut(&change.path) {
                entry.looks = looks.clone();
            }
        }
        if let Some(old) = &change.old {
            let (tree, rel) = places.existing(&change.path)?;
            store.keep(tree, rel, old)?;
        }
    }
    // A new file may be the same as the old one after all.
    let (same, changes) = std::mem::take(&mut pending.changes)
        .into_iter()
        .partition(|change| change.old == change.new);
    pending.changes = changes;
    let same: Vec<Change> = same;
    for change in same {
        let (tree, rel) = places.existing(&change.path)?;
        tree.remove(&part_of(rel))?;
    }
    step()
}

fn journal_of(release: &str, from: &State, draft: &Draft) -> Result<Option<Vec<u8>>> {
    if draft.state.is_empty() {
        return Ok(None);
    }
    let mut state = draft.state.clone();
    // A folder is noted as long as a file of ours is below it.
    state.folders.retain(|folder| {
        let folder = format!("{folder}/");
        state.files.keys().any(|path| path.starts_with(&folder))
    });
    let journal = Journal::new(release, state, Some(from.clone()));
    journal.to_bytes().map(Some)
}

/// All that was written is on the disk when this returns.
fn sync(site: &Site, places: &Places, paths: &[String]) -> Result<()> {
    if let Some(modules) = places.modules() {
        modules.sync_all()?;
    }
    for path in paths.iter().filter(|path| path.starts_with("etc/")) {
        if let Some((tree, _)) = places.find(path) {
            tree.sync_all()?;
            break;
        }
    }
    site.state()?.sync_folder(Path::new(""))
}

/// Each new file changes places with the old one; a file that goes gets the name of a part.
fn swap(places: &Places, pending: &Pending) -> Result<()> {
    for change in &pending.changes {
        let (tree, rel) = places.existing(&change.path)?;
        let part = part_of(rel);
        match (&change.old, &change.new) {
            (Some(_), Some(_)) => {
                if !tree.exchange(&part, rel)? {
                    tree.rename(&part, rel)?;
                }
            }
            (None, Some(_)) => match tree.kind(rel)? {
                None => tree.rename(&part, rel)?,
                Some(_) => return Err(super::conflict::in_the_way(&tree.shown(rel))),
            },
            (Some(_), None) => tree.rename(rel, &part)?,
            (None, None) => {}
        }
        step()?;
    }
    Ok(())
}

/// The folders of a set, innermost first.
pub(super) fn innermost_first(folders: &BTreeSet<String>) -> Vec<PathBuf> {
    folders.iter().rev().map(PathBuf::from).collect()
}
