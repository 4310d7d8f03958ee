//! A root: its journals, and the folders that were created for all releases.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::journal::{Journal, Pending};
use super::lock::Hold;
use super::memory::MEMORY;
use super::places::{DEPMOD_D, MODULES_LOAD_D, Places, modules_folder};
use super::store::Store;
use crate::sys::tree::{installing, refused, sha256};
use crate::sys::{Image, Tree};
use crate::{Error, ErrorKind, Result};

/// The folder of the journal.
pub(super) const STATE: &str = "var/lib/kbuild-rs";
/// Lists the folders that were created for all releases. Its name is no journal's.
pub(super) const FOLDERS: &str = "folders";
const PENDING: &str = ".pending.json";
const JOURNAL: &str = ".json";
const STORE: &str = "store";

#[derive(Debug)]
pub(super) struct Site {
    pub(super) image: Image,
    pub(super) state: Option<Tree>,
    pub(super) hold: Hold,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Site {
    /// Opens a root to read its journals.
    pub(super) fn open(root: &Path) -> Result<Site> {
        Site::reading(Image::open(root)?)
    }

    /// Opens a root that an installation would create: there is nothing in it.
    pub(super) fn missing_at(root: &Path) -> Result<Site> {
        Site::reading(Image::missing_at(root)?)
    }

    fn reading(image: Image) -> Result<Site> {
        let state = open_state(&image)?;
        Ok(Site {
            image,
            state,
            hold: Hold::Nothing,
        })
    }

    /// Fails with words about roots if this user cannot change this one.
    pub(super) fn check_writable(&self) -> Result<()> {
        for folder in ["lib/modules", "var/lib", ""] {
            if let Some(tree) = self.image.folder(Path::new(folder))? {
                return crate::sys::Tree::of(tree).check_writable();
            }
        }
        let kind = std::io::ErrorKind::NotFound;
        Err(installing("open", self.image.path(), kind.into()))
    }

    /// Whether this is the running system.
    pub(super) fn is_running_system(&self) -> bool {
        let own = std::fs::canonicalize(self.image.path());
        own.is_ok_and(|path| path == Path::new("/"))
    }

    /// The releases with a journal, and those with an interrupted transaction.
    pub(super) fn releases(&self) -> Result<(BTreeSet<String>, BTreeSet<String>)> {
        let (mut installed, mut pending) = (BTreeSet::new(), BTreeSet::new());
        let Some(state) = &self.state else {
            return Ok((installed, pending));
        };
        for name in state.names(Path::new(""))? {
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else {
                continue;
            };
            if let Some(release) = name.strip_suffix(PENDING) {
                pending.insert(release.to_owned());
            } else if let Some(release) = name.strip_suffix(JOURNAL) {
                installed.insert(release.to_owned());
            }
        }
        for release in installed.iter().chain(&pending) {
            super::releases::check_name(release).map_err(|e| {
                e.about(&format!(
                    "a journal in {}",
                    state.shown(Path::new("")).display()
                ))
            })?;
        }
        Ok((installed, pending))
    }

    pub(super) fn journal(&self, release: &str) -> Result<Option<Journal>> {
        let read = self.read(&format!("{release}{JOURNAL}"))?;
        let parsed = read.map(|(bytes, at)| Journal::parse(&bytes, release, &at));
        parsed.transpose()
    }

    /// The hash of the journal; `None` if there is none.
    pub(super) fn journal_hash(&self, release: &str) -> Result<Option<String>> {
        let read = self.read(&format!("{release}{JOURNAL}"))?;
        Ok(read.map(|(bytes, _)| sha256(&bytes)))
    }

    pub(super) fn pending(&self, release: &str) -> Result<Option<Pending>> {
        let read = self.read(&format!("{release}{PENDING}"))?;
        let parsed = read.map(|(bytes, at)| Pending::parse(&bytes, release, &at));
        parsed.transpose()
    }

    fn read(&self, name: &str) -> Result<Option<(Vec<u8>, PathBuf)>> {
        let Some(state) = &self.state else {
            return Ok(None);
        };
        let read = state.read(Path::new(name))?;
        Ok(read.map(|bytes| (bytes, state.shown(Path::new(name)))))
    }

    /// Creates the folders in `wanted` (relative to the root), and notes those that were missing.
    pub(super) fn make_folders(&self, wanted: &[String]) -> Result<()> {
        let mut missing = Vec::new();
        for folder in wanted {
            missing.extend(self.image.missing(Path::new(folder))?);
        }
        if missing.is_empty() {
            return Ok(());
        }
        self.note(missing)?;
        for folder in wanted {
            self.image.make_folder(Path::new(folder))?;
        }
        Ok(())
    }

    /// Adds folders to the list of those that kbuild-rs creates.
    pub(super) fn note(&self, folders: Vec<PathBuf>) -> Result<()> {
        let mut known = self.made_folders()?;
        let new = folders.iter().filter_map(|path| path.to_str());
        known.extend(new.map(str::to_owned));
        self.write_note(&known)
    }

    fn write_note(&self, folders: &BTreeSet<String>) -> Result<()> {
        let text = serde_json::to_vec(folders)
            .map_err(|e| Error::new(ErrorKind::Io, format!("cannot write the journal: {e}")))?;
        self.state()?.replace_synced(Path::new(FOLDERS), &text)
    }

    /// Folders that kbuild-rs created for all releases.
    pub(super) fn made_folders(&self) -> Result<BTreeSet<String>> {
        let Some((bytes, at)) = self.read(FOLDERS)? else {
            return Ok(BTreeSet::new());
        };
        let folders: BTreeSet<String> = serde_json::from_slice(&bytes).unwrap_or_default();
        let is_plain = |path: &String| {
            let mut parts = Path::new(path).components();
            parts.all(|part| matches!(part, Component::Normal(_))) && !path.is_empty()
        };
        if !folders.iter().all(is_plain) {
            return Err(refused(&at, "lists folders that kbuild-rs never creates"));
        }
        let own = self.own_folders()?;
        let modules = own.last();
        let is_ours = |path: &String| {
            let path = Path::new(path);
            own.iter().any(|own| own == path)
                || modules.is_some_and(|modules| is_release(path, modules))
        };
        Ok(folders.into_iter().filter(is_ours).collect())
    }

    /// The folders on the way to those that kbuild-rs writes to, by their paths without links. The
    /// last one is `lib/modules`.
    fn own_folders(&self) -> Result<Vec<PathBuf>> {
        let mut own = Vec::new();
        for folder in [STATE, DEPMOD_D, MODULES_LOAD_D, "lib/modules"] {
            let trail = self.image.trail(Path::new(folder))?;
            own.extend(trail.into_iter().map(|(path, _)| path));
        }
        Ok(own)
    }

    pub(super) fn state(&self) -> Result<&Tree> {
        let missing = || std::io::Error::from(std::io::ErrorKind::NotFound);
        let state = self.state.as_ref();
        state.ok_or_else(|| Error::writing("open", &self.image.shown(Path::new(STATE)), missing()))
    }

    /// The store, which is created.
    pub(super) fn make_store(&self) -> Result<Store> {
        let state = self.state()?;
        state.make_folders(Path::new(STORE))?;
        Ok(Store::new(state.below(STORE)?))
    }

    pub(super) fn store(&self) -> Result<Store> {
        match &self.state {
            Some(state) => Ok(Store::new(state.below(STORE)?)),
            None => Ok(Store::new(None)),
        }
    }

    pub(super) fn write_pending(&self, release: &str, pending: &Pending) -> Result<()> {
        let name = format!("{release}{PENDING}");
        self.state()?
            .replace_synced(Path::new(&name), &pending.to_bytes()?)
    }

    pub(super) fn remove_pending(&self, release: &str) -> Result<()> {
        let name = format!("{release}{PENDING}");
        self.state()?.remove(Path::new(&name)).map(drop)
    }

    /// Writes the journal of a release; one without files goes.
    pub(super) fn write_journal(&self, release: &str, bytes: Option<&[u8]>) -> Result<()> {
        let name = format!("{release}{JOURNAL}");
        let state = self.state()?;
        match bytes {
            Some(bytes) => state.replace_synced(Path::new(&name), bytes),
            None => {
                state.remove(Path::new(&name))?;
                state.sync_folder(Path::new(""))
            }
        }
    }

    /// Removes everything that no journal needs, and the folders that kbuild-rs created and that
    /// are empty. The folder of the journal stays until the call ends.
    pub(super) fn tidy(&self) -> Result<()> {
        let Some(state) = &self.state else {
            return Ok(());
        };
        let (installed, pending) = self.releases()?;
        if !pending.is_empty() {
            return Ok(());
        }
        for name in state.names(Path::new(""))? {
            let of = name.to_str().and_then(|name| name.strip_suffix(MEMORY));
            if of.is_some_and(|release| !installed.contains(release)) {
                state.remove_file(Path::new(&name))?;
            }
        }
        let mut needed = BTreeSet::new();
        for release in &installed {
            if let Some(journal) = self.journal(release)? {
                needed.extend(journal.kept().map(|looks| looks.sha256.clone()));
            }
        }
        self.store()?.keep_only(&needed)?;
        state.remove_folder(Path::new(STORE));
        let folders = self.made_folders()?;
        let mut left = folders.clone();
        let above = self.image.trail(Path::new(STATE))?;
        let is_above_note = |folder: &String| above.iter().any(|(a, _)| a == Path::new(folder));
        for folder in folders.iter().rev().filter(|folder| !is_above_note(folder)) {
            if self.image.remove_folder(Path::new(folder)) {
                left.remove(folder);
            }
        }
        if left != folders {
            // On a full disk the list keeps a folder that is gone, which does no harm.
            let _ = self.write_note(&left);
        }
        Ok(())
    }

    /// The folders of a release.
    pub(super) fn places(&self, release: &str) -> Result<Places> {
        Places::open(&self.image, release)
    }
}

/// Whether `path` is the folder of a release.
fn is_release(path: &Path, modules: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    path.parent() == Some(modules)
        && name.is_some_and(|name| super::releases::check_name(name).is_ok())
}

pub(super) fn open_state(image: &Image) -> Result<Option<Tree>> {
    match image.folder(Path::new("var/lib"))? {
        Some(parent) => Tree::of(parent).below("kbuild-rs"),
        None => Ok(None),
    }
}

/// The folders that a state's paths need, relative to the root.
pub(super) fn shared_folders<'a>(
    paths: impl Iterator<Item = &'a String>,
    release: &str,
) -> Vec<String> {
    use super::places::Place;
    let mut folders = BTreeSet::new();
    for path in paths {
        match super::places::split(path, release) {
            Some((Place::Modules, _)) => folders.insert(modules_folder(release)),
            Some((Place::DepmodD, _)) => folders.insert(DEPMOD_D.to_owned()),
            Some((Place::ModulesLoadD, _)) => folders.insert(MODULES_LOAD_D.to_owned()),
            None => false,
        };
    }
    folders.into_iter().collect()
}
