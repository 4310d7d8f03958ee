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
use crate::{Error, ErrorKind, Result};

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
    /// Carries it out; the index's remarks for the user, or `None` if depmod did not run.
    pub(super) fn run(mut self, mut draft: Draft) -> Result<Option<Vec<String>>> {
        let begun = self.begin(&draft);
        let (places, mut pending) = begun.inspect_err(|_| {
            // Folders that nobody needs.
            let _ = self.site.tidy();
        })?;
        let mut touched = false;
        let done = self.work(&places, &mut pending, &mut draft, &mut touched);
        let site = self.site;
        // A journal may be in place although its folder could not be synced.
        let is_written = pending.is_prepared
            && site
                .journal_hash(self.release)
                .is_ok_and(|hash| hash == pending.ends_with);
        match done {
            Err(error) if !is_written => {
                let index = match touched {
                    true => recover::Index::Kept,
                    false => recover::Index::AsItWas,
                };
                Err(give_up(site, &places, &pending, (index, error)))
            }
            done => {
                recover::finish(site, &places, &pending)?;
                done
            }
        }
    }

    /// Notes what is going to change, and creates the folders for all releases.
    fn begin(&mut self, draft: &Draft) -> Result<(Places, Pending)> {
        let (site, release) = (&mut *self.site, self.release);
        let mut pending = Pending::new(release, outline(self.from, draft, &self.how));
        // A folder that is missing is made for a new file only: what goes leaves none behind.
        let changes = pending.changes.iter();
        let new = changes.filter(|change| is_there_after(&change.path, self.from, draft));
        let new: Vec<&String> = new.map(|change| &change.path).collect();
        let folders = shared_folders(new.iter().copied(), release);
        site.make_folders(&folders)?;
        let places = site.places(release)?;
        pending.folders = missing_folders(&places, &new)?;
        pending.old_folders = self.from.folders.clone();
        pending.indexes = self.how.runs_depmod && index::is_there(&places)?;
        site.write_pending(release, &pending)?;
        Ok((places, pending))
    }

    fn work(
        &mut self,
        places: &Places,
        pending: &mut Pending,
        draft: &mut Draft,
        touched: &mut bool,
    ) -> Result<Option<Vec<String>>> {
        let (site, release) = (&*self.site, self.release);
        let paths: Vec<String> = pending.changes.iter().map(|c| c.path.clone()).collect();
        step()?;
        prepare(site, places, pending, self.from, draft, self.how.jobs)?;
        let journal = journal_of(site, release, self.from, draft)?;
        pending.ends_with = journal.as_deref().map(sha256);
        sync(site, places, &paths)?;
        pending.is_prepared = true;
        site.write_pending(release, pending)?;
        step()?;
        swap(places, pending)?;
        let remarks = match pending.indexes {
            true => {
                let meant = (&draft.state, &self.how.must);
                Some(index::rebuild(site, places, meant, touched)?)
            }
            false => None,
        };
        sync(site, places, &paths)?;
        step()?;
        site.write_journal(release, journal.as_deref())?;
        Ok(remarks)
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
        Ok(()) if error.kind() == ErrorKind::Stopped => error.followed_by(&format!(
            ". The modules for {} are as they were before this call",
            places.release
        )),
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

/// The journal that ends the transaction; `None` if nothing of ours is left.
fn journal_of(site: &Site, release: &str, from: &State, draft: &Draft) -> Result<Option<Vec<u8>>> {
    if draft.state.is_empty() {
        return Ok(None);
    }
    let mut state = draft.state.clone();
    // A folder is noted as long as a file of ours is below it.
    state.folders.retain(|folder| {
        let folder = format!("{folder}/");
        state.files.keys().any(|path| path.starts_with(&folder))
    });
    let (serial, previous) = match site.journal(release)? {
        // Only the index was wrong: `rollback` still goes back to the state before.
        Some(old) if old.current == state => (old.serial, old.previous),
        Some(old) => (old.serial, Some(from.clone())),
        None => (0, Some(from.clone())),
    };
    let journal = Journal::new(release, serial.saturating_add(1), state, previous);
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
