//! The journal, compared with the disk.

use std::collections::{BTreeMap, BTreeSet};

use super::journal::State;
use super::memory::Memory;
use super::places::Places;
use super::workers;
use crate::Result;
use crate::sys::Looks;

/// Some paths as they are on the disk.
pub(super) type Disk = BTreeMap<String, Looks>;

/// A difference between the journal and the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drift {
    /// A file of ours is gone.
    Missing,
    /// A file of ours has another content.
    Changed,
    /// Somebody's file is at a place where one made room.
    Back,
}

/// Looks at files, several at once.
pub(super) fn look(
    places: &Places,
    paths: BTreeSet<String>,
    jobs: usize,
    memory: &Memory,
) -> Result<Disk> {
    let found = workers::map(paths.into_iter().collect(), jobs, &|path: String| {
        let looks = memory.look(places, &path)?;
        Ok(looks.map(|looks| (path, looks)))
    })?;
    Ok(found.into_iter().flatten().collect())
}

/// The part of a state that is still true, for the paths in `seen`; and the differences.
pub(super) fn reconcile(
    state: &State,
    seen: &BTreeSet<String>,
    disk: &Disk,
) -> (State, BTreeMap<String, Drift>) {
    let mut drift = BTreeMap::new();
    let mut real = state.clone();
    for path in seen {
        let there = disk.get(path);
        match (state.files.get(path), there) {
            (Some(entry), Some(there)) if there.has_content_of(&entry.looks) => {}
            (Some(_), Some(_)) => {
                real.files.remove(path);
                // Whoever wrote over our file decided about the one that made room, too.
                real.displaced.remove(path);
                drift.insert(path.clone(), Drift::Changed);
            }
            (Some(_), None) => {
                real.files.remove(path);
                drift.insert(path.clone(), Drift::Missing);
            }
            (None, Some(_)) if state.displaced.contains_key(path) => {
                real.displaced.remove(path);
                drift.insert(path.clone(), Drift::Back);
            }
            (None, _) => {}
        }
    }
    (real, drift)
}
