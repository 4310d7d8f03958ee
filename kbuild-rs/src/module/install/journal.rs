//! The journal: what is installed for a release, and what it displaced.
//!
//! A journal lies in the root that it describes, which may be another party's image. So an entry is
//! only believed if its path is one that kbuild-rs installs to and its hash is one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::sys::Looks;
use crate::{Error, ErrorKind, Result};

const VERSION: u32 = 1;

/// The file `<release>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Journal {
    version: u32,
    release: String,
    /// Counts the changes, so that no two journals of a release have the same hash.
    pub(super) serial: u64,
    pub(super) current: State,
    /// The state that `rollback` goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) previous: Option<State>,
}

/// The files of ours for one release. Paths are relative to the root.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) files: BTreeMap<String, Entry>,
    /// Foreign files that made room; they are in the store.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) displaced: BTreeMap<String, Displaced>,
    /// Folders that were created for these files.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) folders: BTreeSet<String>,
}

/// A file of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) looks: Looks,
    /// `None` for a file of configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) module: Option<Module>,
}

/// The module that a file was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Module {
    /// The name of its file, without `.ko`.
    pub(super) name: String,
    /// The modules that it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) depends: Vec<String>,
    /// `MODULE_VERSION`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    /// The file that it was installed from.
    pub(super) origin: String,
    /// The hash of that file.
    pub(super) source: String,
    /// How it was finished: stripped, signed, compressed.
    pub(super) fingerprint: String,
    /// Whether it is loaded at boot.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) load: bool,
    /// Whether another file of its name needs an override.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_override: bool,
}

/// A foreign file that made room for a file of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Displaced {
    pub(super) looks: Looks,
    /// The path of the file that it made room for.
    pub(super) by: String,
}

/// The file `<release>.pending.json`: a transaction that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pending {
    version: u32,
    release: String,
    pub(super) changes: Vec<Change>,
    /// Folders that it creates.
    pub(super) folders: BTreeSet<String>,
    /// Folders that earlier ones created, which may be empty afterwards.
    pub(super) old_folders: BTreeSet<String>,
    /// Whether the changes are known, and files may have changed places.
    pub(super) is_prepared: bool,
    /// Whether it runs depmod.
    pub(super) indexes: bool,
    /// The hash of the journal that ends it; `None` if it ends without one.
    pub(super) ends_with: Option<String>,
}

/// A path, before and after a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    pub(super) path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) old: Option<Looks>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) new: Option<Looks>,
}

impl Journal {
    pub(super) fn new(
        release: &str,
        serial: u64,
        current: State,
        previous: Option<State>,
    ) -> Journal {
        Journal {
            version: VERSION,
            release: release.to_owned(),
            serial,
            current,
            previous,
        }
    }

    /// The files that are not on the disk, but in the store: what made room, and what `rollback`
    /// brings back.
    pub(super) fn kept(&self) -> impl Iterator<Item = &Looks> {
        let displaced = self.current.displaced.values();
        let displaced = displaced.map(|displaced| &displaced.looks);
        displaced.chain(self.kept_for_rollback().map(|(_, looks)| looks))
    }

    /// The files in the store that `rollback` needs, by the paths that they had.
    pub(super) fn kept_for_rollback(&self) -> impl Iterator<Item = (&String, &Looks)> {
        let current = &self.current;
        let made_room = self.previous.iter().flat_map(|state| &state.displaced);
        let made_room = made_room
            .filter(|(path, _)| current.manages(path))
            .map(|(path, displaced)| (path, &displaced.looks));
        let is_gone = move |(path, entry): &(&String, &Entry)| {
            let now = current.files.get(*path);
            now.is_none_or(|now| !now.looks.has_content_of(&entry.looks))
        };
        let earlier = self.previous.iter().flat_map(|state| &state.files);
        let earlier = earlier.filter(is_gone);
        made_room.chain(earlier.map(|(path, entry)| (path, &entry.looks)))
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        to_bytes(self)
    }

    /// Reads a journal; `at` is for messages.
    pub(super) fn parse(bytes: &[u8], release: &str, at: &Path) -> Result<Journal> {
        let journal: Journal = serde_json::from_slice(bytes).map_err(|e| damaged(at, &e))?;
        check_head(journal.version, &journal.release, release, at)?;
        journal.current.check(release, at)?;
        if let Some(previous) = &journal.previous {
            previous.check(release, at)?;
        }
        Ok(journal)
    }
}

impl Pending {
    pub(super) fn new(release: &str, changes: Vec<Change>) -> Pending {
        Pending {
            version: VERSION,
            release: release.to_owned(),
            changes,
            folders: BTreeSet::new(),
            old_folders: BTreeSet::new(),
            is_prepared: false,
            indexes: false,
            ends_with: None,
        }
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        to_bytes(self)
    }

    pub(super) fn parse(bytes: &[u8], release: &str, at: &Path) -> Result<Pending> {
        let pending: Pending = serde_json::from_slice(bytes).map_err(|e| damaged(at, &e))?;
        check_head(pending.version, &pending.release, release, at)?;
        for change in &pending.changes {
            check_path(&change.path, release, at)?;
            for looks in [&change.old, &change.new].into_iter().flatten() {
                check_looks(looks, at)?;
            }
        }
        for folder in pending.folders.union(&pending.old_folders) {
            check_folder(folder, release, at)?;
        }
        Ok(pending)
    }
}

impl State {
    /// Whether nothing of ours is left.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.displaced.is_empty()
    }

    pub(super) fn manages(&self, path: &str) -> bool {
        self.files.contains_key(path) || self.displaced.contains_key(path)
    }

    /// Every path that is not as it would be without kbuild-rs.
    pub(super) fn paths(&self) -> impl Iterator<Item = &String> {
        self.files.keys().chain(self.displaced.keys())
    }

    /// The file at `path` while this state is the one on the disk; `other` is the other state of a
    /// transaction, which knows the looks of a path that this one has nothing to do with.
    pub(super) fn at<'a>(&'a self, path: &str, other: &'a State) -> Option<&'a Looks> {
        match self.manages(path) {
            true => self.files.get(path).map(|entry| &entry.looks),
            false => other.displaced.get(path).map(|displaced| &displaced.looks),
        }
    }

    /// The modules of this state with their paths.
    pub(super) fn modules(&self) -> impl Iterator<Item = (&String, &Entry, &Module)> {
        let files = self.files.iter();
        files.filter_map(|(path, entry)| Some((path, entry, entry.module.as_ref()?)))
    }

    /// The modules of this state, by the kernel's names.
    pub(super) fn names(&self) -> BTreeSet<String> {
        let names = self.modules();
        let names = names.map(|(_, _, module)| super::read_back::kernel_name(&module.name));
        names.collect()
    }

    fn check(&self, release: &str, at: &Path) -> Result<()> {
        for (path, entry) in &self.files {
            check_path(path, release, at)?;
            check_looks(&entry.looks, at)?;
            if let Some(module) = &entry.module {
                let is_plain = super::is_module_name(&module.name);
                if !is_plain || !is_hash(&module.source) {
                    return Err(untrusted(at, &module.name));
                }
            }
        }
        for (path, displaced) in &self.displaced {
            check_path(path, release, at)?;
            check_looks(&displaced.looks, at)?;
        }
        for folder in &self.folders {
            check_folder(folder, release, at)?;
        }
        Ok(())
    }
}

fn to_bytes(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|e| Error::new(ErrorKind::Io, format!("cannot write the journal: {e}")))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn check_head(version: u32, named: &str, release: &str, at: &Path) -> Result<()> {
    if version != VERSION {
        return Err(Error::new(
            ErrorKind::InvalidFile,
            format!(
                "{} has the format {version}, and this kbuild-rs only reads {VERSION}: use the \
                 kbuild-rs that installed the modules, or a newer one",
                at.display()
            ),
        ));
    }
    match named == release {
        true => Ok(()),
        false => Err(untrusted(at, named)),
    }
}

fn check_looks(looks: &Looks, at: &Path) -> Result<()> {
    match is_hash(&looks.sha256) {
        true => Ok(()),
        false => Err(untrusted(at, &looks.sha256)),
    }
}

pub(super) fn is_hash(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// A file is only believed to be ours, or to have made room, if kbuild-rs gives such paths to its
/// files: modules, and its own files in two folders.
fn check_path(path: &str, release: &str, at: &Path) -> Result<()> {
    use super::places::Place;
    let is_ours = match super::places::split(path, release) {
        Some((Place::Modules, _)) => super::read_back::name_of(path).is_some(),
        Some((Place::DepmodD | Place::ModulesLoadD, file)) => {
            let name = file.to_str().unwrap_or_default();
            name.starts_with("kbuild-rs-") && name.ends_with(".conf")
        }
        None => false,
    };
    match is_ours && is_plain(path) {
        true => Ok(()),
        false => Err(untrusted(at, path)),
    }
}

fn check_folder(path: &str, release: &str, at: &Path) -> Result<()> {
    let below = path
        .strip_prefix("lib/modules/")
        .and_then(|p| p.strip_prefix(release));
    match below.is_some_and(|rest| rest.starts_with('/')) && is_plain(path) {
        true => Ok(()),
        false => Err(untrusted(at, path)),
    }
}

fn is_plain(path: &str) -> bool {
    let is_name = |part: &str| !matches!(part, "" | "." | "..");
    !path.contains(['\0', '\n']) && path.split('/').all(is_name)
}

fn damaged(at: &Path, error: &serde_json::Error) -> Error {
    Error::new(
        ErrorKind::InvalidFile,
        format!(
            "{} is not a journal of kbuild-rs: {error}. Nothing was changed. Restore it from a \
             backup, or move it away: kbuild-rs then forgets what it installed",
            at.display()
        ),
    )
}

fn untrusted(at: &Path, entry: &str) -> Error {
    Error::new(
        ErrorKind::InvalidFile,
        format!(
            "{} has the entry {entry:?}, which kbuild-rs never writes. Nothing was changed. Move the \
             file away",
            at.display()
        ),
    )
}
