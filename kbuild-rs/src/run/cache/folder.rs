//! The cache folder.
//!
//! ```text
//! DIR/CACHEDIR.TAG              our tag
//!     entries/<2>/<62>-<16>     an entry: 64 digits of its key, 16 of its own hash
//!     hashes/<16>               hashes of contents, for a kernel
//! ```
//!
//! Everything is written under another name first, and renamed. Only the effective user and root may
//! write to the folder and to those above it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::key::Key;
use crate::error::names::{CACHE, NO_CACHE};
use crate::settings::ChosenCache;
use crate::stage::{CACHEDIR_TAG, TAG};
use crate::sys::{self, Private, Writer};
use crate::{Advice, Error, ErrorKind, Result};

const ENTRIES: &str = "entries";
const HASHES: &str = "hashes";

/// No builder writes one file for longer than this.
const TAKES_AT_MOST: Duration = Duration::from_secs(3600);

const OURS: Private<'_> = Private {
    tag: (CACHEDIR_TAG, TAG),
    is_own: |name| name == ENTRIES || name == HASHES,
};

/// An open cache folder.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(super) path: PathBuf,
    pub(super) writer: Writer,
}

/// An entry's file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stored {
    /// The last time that a build used it.
    pub(super) used: SystemTime,
    pub(super) size: u64,
    pub(super) path: PathBuf,
}

impl Folder {
    /// Opens a cache folder. If `make` is set, creates it and its missing parents for this user only.
    ///
    /// # Errors
    /// [`ErrorKind::NotOurs`] if others can write to it, or if it is a folder of somebody's files;
    /// [`ErrorKind::Io`] if it cannot be created.
    pub(crate) fn open(path: &Path, make: bool) -> Result<Option<Folder>> {
        let refused = |e: Error| match e.kind() {
            ErrorKind::NotOurs => unusable(path, &without_advice(&e)),
            _ => e,
        };
        if let Some(file) = file_in_the_way(path) {
            let why = format!("{} is not a folder", file.display());
            return Err(unusable(path, &why));
        }
        if let Err(why) = sys::is_private(path) {
            return Err(unusable(path, &why));
        }
        let Some(root) = sys::private_folder(path, make).map_err(refused)? else {
            return Ok(None);
        };
        // A new cache. It gets its tag with the first build.
        if !make && fs::read_dir(path).is_ok_and(|mut names| names.next().is_none()) {
            return Ok(None);
        }
        let root = OURS.known(root, make).map_err(|e| match e.kind() {
            ErrorKind::NotOurs => unusable(
                path,
                "it contains files and no CACHEDIR.TAG of kbuild-rs, so the files may be somebody's",
            ),
            _ => e,
        })?;
        Ok(Some(Folder {
            path: path.to_owned(),
            writer: Writer::new([root]),
        }))
    }

    /// Like [`open`](Self::open), for the folder that a build was told, or found in Cargo's target folder.
    pub(super) fn chosen(chosen: &ChosenCache) -> Result<Option<Folder>> {
        match Folder::open(&chosen.folder, true) {
            Err(_) if !chosen.is_named => Ok(None),
            opened => opened,
        }
    }

    /// The file of the hashes for a kernel.
    pub(super) fn hashes(&self, kernel: u64) -> PathBuf {
        self.path.join(HASHES).join(format!("{kernel:016x}"))
    }

    fn entries_of(&self, key: &Key) -> (PathBuf, String) {
        let (folder, name) = key.place();
        (self.path.join(ENTRIES).join(folder), name)
    }

    /// The entries of a key, the last used one first.
    pub(super) fn under(&self, key: &Key) -> Vec<Stored> {
        let (folder, name) = self.entries_of(key);
        let mut found = files(&folder);
        found.retain(|stored| {
            let own = stored.path.file_name().and_then(|n| n.to_str());
            own.and_then(|own| own.split_once('-'))
                .is_some_and(|(key, id)| key == name && is_id(id))
        });
        found.sort();
        found.reverse();
        found
    }

    /// All entries, the one first whose last use is the longest ago.
    pub(super) fn all(&self) -> Vec<Stored> {
        let folders = fs::read_dir(self.path.join(ENTRIES));
        let folders = folders.into_iter().flatten().flatten();
        let folders = folders.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let mut all: Vec<Stored> = folders.flat_map(|entry| files(&entry.path())).collect();
        all.sort();
        all
    }

    /// The text of the key that the path of an entry names.
    pub(super) fn key_of(path: &Path) -> String {
        let text = |path: Option<&OsStr>| path.unwrap_or_default().to_string_lossy().into_owned();
        let folder = text(path.parent().and_then(Path::file_name));
        let name = text(path.file_name());
        let key = name.split_once('-').map_or(&*name, |(key, _)| key);
        folder + key
    }

    /// Stores an entry. `id` is the beginning of its own hash.
    pub(super) fn store(&self, key: &Key, id: &str, bytes: &[u8]) -> Result<PathBuf> {
        let (folder, name) = self.entries_of(key);
        self.writer.create_dirs(&folder)?;
        let path = folder.join(format!("{name}-{id}"));
        self.writer.write_shared(&path, bytes)?;
        Ok(path)
    }

    /// Stores the hashes of a kernel.
    pub(super) fn store_hashes(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        self.writer.create_dirs(&self.path.join(HASHES))?;
        self.writer.write_shared(path, bytes)
    }

    /// Notes that an entry was used. Nothing depends on it but the order of removal.
    pub(super) fn touch(&self, path: &Path) {
        if let Ok(Some(file)) = self.writer.open_file(path) {
            let _ = file.set_modified(SystemTime::now());
        }
    }

    /// Removes the entries, and unfinished files of processes that have ended. Returns the number of
    /// removed entries.
    pub(super) fn remove(&self, stored: &[Stored]) -> Result<usize> {
        let mut removed = 0;
        for one in stored {
            removed += usize::from(self.writer.remove_file(&one.path)?);
        }
        Ok(removed)
    }

    /// The unfinished files of processes that have ended.
    pub(super) fn left_parts(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.path.join(HASHES)];
        let entries = fs::read_dir(self.path.join(ENTRIES));
        let entries = entries.into_iter().flatten().flatten();
        // A link may lead to somebody's files.
        let entries = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        folders.extend(entries.map(|entry| entry.path()));
        let names = folders.iter().flat_map(|folder| fs::read_dir(folder).ok());
        let files = names.flatten().flatten().map(|entry| entry.path());
        files.filter(|path| is_left(path)).collect()
    }

    /// All files of hashes.
    pub(super) fn all_hashes(&self) -> Vec<Stored> {
        files(&self.path.join(HASHES))
    }
}

/// Whether this is an unfinished file of a process that has ended: `.name.1234-0.part`. A builder in
/// a container has a number that is none here, so that only old files count.
fn is_left(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    if !sys::is_part(name) {
        return false;
    }
    let process = name.to_str().and_then(|name| {
        let (front, _) = name.strip_suffix(".part")?.rsplit_once('-')?;
        front.rsplit_once('.')?.1.parse().ok()
    });
    let is_old = || {
        let time = fs::symlink_metadata(path).and_then(|meta| meta.modified());
        time.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > TAKES_AT_MOST))
    };
    process.is_none_or(|process| !sys::process_exists(process)) && is_old()
}

fn unusable(path: &Path, why: &str) -> Error {
    let text = format!(
        "cannot use {} as the cache of finished modules: {why}. {}",
        path.display(),
        what_to_do()
    );
    Error::new(ErrorKind::NotOurs, text).advise(Advice::new("unusable-cache", what_to_do()))
}

/// The advice for a cache that cannot be used.
pub(super) fn what_to_do() -> String {
    format!("Choose another folder ({CACHE}), or turn the cache off ({NO_CACHE})")
}

/// The text of an error without its advice, which is about output directories.
pub(super) fn without_advice(error: &Error) -> String {
    let mut text = error.to_string();
    for advice in error.advice() {
        text = text.replace(&format!(". {}", advice.text()), "");
    }
    text
}

/// The last existing part of a path, if it is not a folder.
fn file_in_the_way(path: &Path) -> Option<&Path> {
    let there = path
        .ancestors()
        .find(|part| part.symlink_metadata().is_ok())?;
    (!there.is_dir()).then_some(there)
}

fn is_id(text: &str) -> bool {
    crate::stage::is_hash(text)
}

/// The finished files in a folder.
fn files(folder: &Path) -> Vec<Stored> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let stored = |entry: fs::DirEntry| {
        if sys::is_part(&entry.file_name()) {
            return None;
        }
        let meta = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        Some(Stored {
            used: meta.modified().ok()?,
            size: meta.len(),
            path: entry.path(),
        })
    };
    entries.filter_map(stored).collect()
}
