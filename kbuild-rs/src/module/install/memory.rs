//! The memory: properties of files that earlier calls read, so that a call with nothing to do reads
//! no module.
//!
//! A file is the same as long as its stamp is: device, inode, size and times. The memory of a release
//! lies beside its journal.
//!
//! # Decisions
//! - It has a file of its own. The journal says what is installed and is the same in each copy of an
//!   image; the memory is only true on this machine, and may be lost at any time.
//! - Only plans are made from it. Bytes that are copied, kept or restored are hashed, and so are files
//!   that a user asks about.
//! - It remembers a file whose last change is older than a tick of the clock: a younger one could
//!   change again without another stamp. Where the clock counts whole seconds, this is two seconds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::journal::State;
use super::places::Places;
use super::reconcile::look;
use super::select::Facts;
use super::site::Site;
use crate::Result;
use crate::sys::tree::{Stamp, part_of};
use crate::sys::{Looks, Tree, file_clock, is_trusted};

/// `<release>.memory`
pub(super) const MEMORY: &str = ".memory";

/// The longest time that the clock of files stands still, with some room.
const TICK: Duration = Duration::from_millis(20);

#[derive(Debug, Default)]
pub(super) struct Memory {
    /// When this call began to read.
    start: Duration,
    known: Page,
    /// What this call found out or confirmed.
    seen: Mutex<Page>,
}

/// The memory of a release, as it is written.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    /// Built modules, by their paths.
    built: BTreeMap<String, Known<Facts>>,
    /// Files of ours, by their paths in the root.
    installed: BTreeMap<String, Known<Looks>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known<T> {
    stamp: String,
    is: T,
}

/// The path of a built module, as journals name it.
pub(super) fn origin(path: &Path) -> String {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    whole.to_string_lossy().into_owned()
}

impl Memory {
    /// Reads the memory of a root. A memory that cannot be read is empty.
    pub(super) fn of(root: &Path) -> Memory {
        let mut known = Page::default();
        let site = root.exists().then(|| Site::open(root).ok()).flatten();
        if let Some(state) = site.as_ref().and_then(|site| site.state().ok()) {
            for name in state.names(Path::new("")).unwrap_or_default() {
                let is_page = name.as_encoded_bytes().ends_with(MEMORY.as_bytes());
                let page = is_page.then(|| Page::read(state, Path::new(&name)));
                if let Some(page) = page.flatten() {
                    known.built.extend(page.built);
                    known.installed.extend(page.installed);
                }
            }
        }
        Memory {
            start: file_clock().saturating_sub(TICK),
            known,
            seen: Mutex::default(),
        }
    }

    /// The properties of a built module; `read` reads it.
    pub(super) fn facts(
        &self,
        tree: &Tree,
        rel: &Path,
        read: &dyn Fn() -> Result<Facts>,
    ) -> Result<Facts> {
        let stamp = tree.stamp(rel)?;
        let key = origin(&tree.shown(rel));
        if let Some(known) = recall(&self.known.built, &key, stamp.as_ref()) {
            self.seen().built.insert(key, known.clone());
            return Ok(known.is);
        }
        let facts = read()?;
        if let Some(stamp) = self.settled(stamp) {
            let is = facts.clone();
            self.seen().built.insert(key, Known { stamp, is });
        }
        Ok(facts)
    }

    /// The looks of a file of the root; `None` if nothing is there.
    pub(super) fn look(&self, places: &Places, path: &str) -> Result<Option<Looks>> {
        let Some((tree, rel)) = places.find(path) else {
            return Ok(None);
        };
        let Some(stamp) = tree.stamp(rel)? else {
            return Ok(None);
        };
        let seen = recall(&self.seen().installed, path, Some(&stamp));
        let known = || recall(&self.known.installed, path, Some(&stamp));
        if let Some(known) = seen.or_else(known) {
            self.seen().installed.insert(path.to_owned(), known.clone());
            return Ok(Some(known.is));
        }
        let looks = tree.look(rel)?;
        if let (Some(stamp), Some(looks)) = (self.settled(Some(stamp)), &looks) {
            let is = looks.clone();
            let known = Known { stamp, is };
            self.seen().installed.insert(path.to_owned(), known);
        }
        Ok(looks)
    }

    /// Writes what is known about the files of a release, for the next call. It does without, so
    /// nothing here is an error.
    pub(super) fn keep(&mut self, site: &Site, release: &str, jobs: usize) {
        let Ok(Some(journal)) = site.journal(release) else {
            return;
        };
        let (Ok(places), Ok(folder)) = (site.places(release), site.state()) else {
            return;
        };
        let state = journal.current;
        // The files that this call installed.
        self.start = file_clock().saturating_sub(TICK);
        let paths: BTreeSet<String> = state.files.keys().cloned().collect();
        if look(&places, paths, jobs, self).is_err() {
            return;
        }
        let name = PathBuf::from(format!("{release}{MEMORY}"));
        let page = self.page(&state);
        if Page::read(folder, &name).as_ref() != Some(&page) {
            page.write(folder, &name);
        }
    }

    /// Collects the identities of the modules of a state.
    fn page(&self, state: &State) -> Page {
        let seen = self.seen();
        let mut page = Page::default();
        for (path, entry) in &state.files {
            // Each file was looked at just now.
            if let Some(known) = seen.installed.get(path) {
                page.installed.insert(path.clone(), known.clone());
            }
            let Some(module) = &entry.module else {
                continue;
            };
            let seen = seen.built.get(&module.origin);
            if let Some(known) = seen.or_else(|| self.known.built.get(&module.origin)) {
                page.built.insert(module.origin.clone(), known.clone());
            }
        }
        page
    }

    fn settled(&self, stamp: Option<Stamp>) -> Option<String> {
        let settled = stamp.filter(|stamp| stamp.is_settled(self.start));
        settled.map(|stamp| stamp.text())
    }

    fn seen(&self) -> MutexGuard<'_, Page> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn recall<T: Clone>(
    known: &BTreeMap<String, Known<T>>,
    key: &str,
    stamp: Option<&Stamp>,
) -> Option<Known<T>> {
    let known = known.get(key)?;
    (known.stamp == stamp?.text()).then(|| known.clone())
}

impl Page {
    /// A page that another user could have written is not read.
    fn read(folder: &Tree, name: &Path) -> Option<Page> {
        let stat = folder.stat(name).ok()??;
        let bytes = folder.read(name).ok()??;
        let page = is_trusted(stat.st_uid).then(|| serde_json::from_slice(&bytes));
        page?.ok()
    }

    fn write(&self, folder: &Tree, name: &Path) {
        let part = part_of(name);
        let written = serde_json::to_vec(self)
            .is_ok_and(|bytes| folder.write_new(&part, &bytes).is_ok())
            && folder.rename(&part, name).is_ok();
        if !written {
            let _ = folder.remove(&part);
        }
    }
}
