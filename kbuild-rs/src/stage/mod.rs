//! The stage: a private copy of the module's sources inside the output directory, where kbuild
//! builds in place.
//!
//! ```text
//! OUT/.kbuild/<key>/stage/      the sources, and the files that kbuild makes from them
//!                   manifest    which file was staged from which source
//!                   inventory   the files of the stage when the last build ended
//!                   folders/    for each module folder: its record, the manifest of its build,
//!                               flag files, providers' symvers
//!                   root        the path of the sources, for `clean`
//!                   running     the marker: exists while make runs
//!                   lock        held while anything here is written
//! ```
//!
//! # Decisions
//!
//! - Only the tag of the private folder is synced to the disk. The inventory, the record and the
//!   boot id tell every other state from a good one.
//! - After kbuild-rs writes the marker, make waits for the next tick of the file system's clock.
//!   Every later change then has another time, so nothing has to be hashed.

mod builds;
mod carried_folders;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod inventory;
mod item;
mod manifest;
mod outside;
mod place;
mod scan;
mod stale;
mod sync;
mod walk;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::Sink;
use crate::syntax::is_carryable;
use crate::sys::{Hash, Identity, Lock, Root, Writer, ctime, not_ours, walk};
use crate::{Error, Result};

pub(crate) use carried_folders::CarriedFolders;
pub(crate) use inventory::{Inventory, told};
pub(crate) use item::{Item, Kind, sort_items};
pub(crate) use manifest::leads_outside;
#[cfg(feature = "rust")]
pub(crate) use place::RUST_ENTRIES;
#[cfg(feature = "cache")]
pub(crate) use place::TAG;
pub(crate) use place::{
    BINDINGS, CACHEDIR_TAG, COMPILE_COMMANDS, PRIVATE, PUBLISH_LOCK, RUST_PROJECT, is_folder_name,
    is_hash, is_key, is_own_name, make_private_root, open_private_root, private_root,
};
pub(crate) use scan::{Scan, patterns};
pub(crate) use sync::{Changes, Sync};

/// Adds the files `<key>/folders/<folder>/<name>`, without walking through the stages.
pub(crate) fn add_entries(shared: &Path, name: &str, files: &mut Vec<PathBuf>) -> Result<()> {
    for key in keys(shared)? {
        for folder in folders(&key)? {
            let file = folder.join(name);
            if file.is_file() && !files.contains(&file) {
                files.push(file);
            }
        }
    }
    Ok(())
}

/// The private files of the module folder `rel` of the root whose private folder is `key`.
pub(crate) fn folder(key: &Path, rel: &Path) -> PathBuf {
    let mut hash = Hash::new();
    hash.add(rel.as_os_str().as_bytes());
    key.join(format!("folders/{:016x}", hash.value()))
}

/// The private folder of one key: (tree root, kernel tree, declared name).
#[derive(Debug)]
pub(crate) struct Stage {
    /// The folder of the key itself.
    pub(crate) private: PathBuf,
    /// The folder that all keys of an OUT share.
    pub(crate) shared: PathBuf,
    /// The folder of the copy.
    pub(crate) dir: PathBuf,
    /// The folder that stands for the work tree of the root's repository. It is the copy itself if
    /// no repository begins above the root.
    pub(crate) top: PathBuf,
    /// The default source of items.
    root: PathBuf,
    /// The declared name; empty for a module tree.
    name: String,
    manifest: PathBuf,
    marker: PathBuf,
}

impl Stage {
    /// Names the folders; creates nothing. The key hashes the root, the kernel and the declared
    /// name; `label` makes it readable.
    pub(crate) fn new(
        out: &Path,
        (root, kernel, name): (&Path, &Path, Option<&str>),
        label: &str,
        sink: &Sink,
    ) -> Result<Self> {
        let shared = private_root(out, Some(sink))?;
        let name = name.unwrap_or_default();
        let mut hash = Hash::new();
        for part in [root, kernel, Path::new(name)] {
            hash.add(part.as_os_str().as_bytes()).add(&[0]);
        }
        let label: String = label
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '-' {
                    c
                } else {
                    '_'
                }
            })
            .take(place::LABEL)
            .collect();
        let private = shared.join(format!("{label}-{:016x}", hash.value()));
        Ok(Stage {
            dir: private.join("stage"),
            top: private.join("stage"),
            manifest: private.join("manifest"),
            marker: private.join("running"),
            root: root.to_owned(),
            name: name.to_owned(),
            private,
            shared,
        })
    }

    /// Moves the copy to this path below the folder that stands for a repository's work tree,
    /// because git's paths start there.
    pub(crate) fn below(mut self, prefix: &Path) -> Self {
        if !prefix.as_os_str().is_empty() {
            self.dir = self.top.join(prefix);
        }
        self
    }

    /// Whether the stage holds a module tree and not the sources of a declared module.
    fn is_of_tree(&self) -> bool {
        self.name.is_empty()
    }

    /// The place of a staged path.
    pub(crate) fn file(&self, rel: &Path) -> PathBuf {
        self.dir.join(rel)
    }

    /// A module folder in the stage, in which make will work.
    pub(crate) fn inside(&self, rel: &Path) -> Result<PathBuf> {
        if !is_carryable(rel) {
            return Err(Error::input(format!(
                "make cannot handle the name of the module tree {}. Rename it",
                self.root.join(rel).display()
            )));
        }
        Ok(match rel.as_os_str().is_empty() {
            true => self.dir.clone(),
            false => self.dir.join(rel),
        })
    }

    /// The private files of one module folder of the stage.
    pub(crate) fn folder(&self, rel: &Path) -> PathBuf {
        folder(&self.private, rel)
    }

    /// The source of an item.
    pub(crate) fn source_of(&self, item: &Item) -> PathBuf {
        match &item.kind {
            Kind::File {
                from: Some(from), ..
            } => from.clone(),
            _ => self.root.join(&item.rel),
        }
    }

    /// Reads the current state of an item's source.
    pub(crate) fn look(&self, item: &mut Item) -> Result<()> {
        let source = self.source_of(item);
        if let Kind::File { id, .. } = &mut item.kind {
            *id = Identity::of(&source).map_err(|e| sync::vanished(&source, e))?;
        }
        Ok(())
    }

    /// A writer for the output directory and the private folder, which it creates if it is missing.
    ///
    /// # Errors
    /// [`ErrorKind::NotOurs`](crate::ErrorKind::NotOurs) if the private folder belongs to someone
    /// else.
    pub(crate) fn writer(&self, out: &Path) -> Result<Writer> {
        let private = make_private_root(&self.shared)?;
        Ok(Writer::new([Root::make(out)?, private]))
    }

    /// Takes the key's lock, and waits for another builder if necessary. make inherits the guard's
    /// descriptor, so that the lock outlives a killed kbuild-rs until the last compiler has ended.
    pub(crate) fn lock(&self, writer: &Writer, doing: &str, sink: &Sink) -> Result<Lock> {
        writer.create_dirs(&self.private)?;
        let lock = Lock::take(writer, &self.private.join("lock"), doing, sink)?;
        Ok(lock)
    }

    /// Records the root and the kernel of the key, for `clean` and for builds for other kernels.
    pub(crate) fn sign(&self, writer: &Writer) -> Result<()> {
        let (root, name) = (self.root.as_os_str().as_bytes(), self.name.as_bytes());
        writer.write_if_changed(&self.private.join("root"), root)?;
        writer.write_if_changed(&self.private.join("name"), name)
    }

    /// The private folders of the same sources, built for other kernels into the same OUT.
    pub(crate) fn other_kernels(&self, writer: &Writer) -> Result<Vec<PathBuf>> {
        let mut others = Vec::new();
        for key in keys(&self.shared)? {
            if key == self.private {
                continue;
            }
            let same = |file: &str| -> Result<bool> {
                let (own, other) = (self.private.join(file), key.join(file));
                Ok(writer.read(&own)? == writer.read(&other)?)
            };
            if same("root")? && same("name")? {
                others.push(key);
            }
        }
        Ok(others)
    }

    /// The items staged last; `None` if the stage must be filled from scratch.
    pub(crate) fn manifest(&self, writer: &Writer) -> Result<Option<Vec<Item>>> {
        manifest::load(writer, &self.manifest)
    }

    /// The inputs of the last build of one module folder, if the stage now holds other ones.
    pub(crate) fn seen(&self, writer: &Writer, folder: &Path) -> Result<Option<Vec<Item>>> {
        let seen = folder.join("manifest");
        let inode = |path: &Path| fs::symlink_metadata(path).map(|meta| meta.ino()).ok();
        if inode(&seen) == inode(&self.manifest) {
            return Ok(None);
        }
        manifest::load(writer, &seen)
    }

    /// Keeps the inputs of a module folder's build. The manifest is only ever replaced and never
    /// written to, so a hard link is enough.
    pub(crate) fn remember(&self, writer: &Writer, folder: &Path) -> Result<()> {
        let (seen, part) = (folder.join("manifest"), folder.join("manifest.part"));
        writer.create_dirs(folder)?;
        writer.remove_file(&part)?;
        if writer.link(&self.manifest, &part).is_err() {
            // The file system does not support hard links.
            let text = writer.read(&self.manifest)?.unwrap_or_default();
            return writer.write_private(&seen, &text);
        }
        writer.rename(&part, &seen)?;
        // A rename leaves both names if they belong to one file.
        writer.remove_file(&part).map(drop)
    }

    pub(crate) fn compare(&self, old: &[Item], new: &[Item]) -> Changes {
        sync::compare(self, old, new)
    }

    /// Forgets everything that was staged and built here.
    pub(crate) fn wipe(&self, writer: &Writer) -> Result<()> {
        self.forget_prepared(writer)?;
        writer.remove_file(&self.manifest)?;
        writer.remove_tree(&self.top)
    }

    /// The mark, beside a module folder's record, that its `prepare` commands have run.
    pub(crate) fn prepared(folder: &Path) -> PathBuf {
        folder.join("prepared")
    }

    /// Forgets for every module folder of this stage that `prepare` ran, because its outputs may be
    /// gone.
    pub(crate) fn forget_prepared(&self, writer: &Writer) -> Result<()> {
        for folder in folders(&self.private)? {
            writer.remove_file(&Self::prepared(&folder))?;
        }
        Ok(())
    }

    /// Whether the last build was cut off while make ran.
    pub(crate) fn is_interrupted(&self) -> bool {
        fs::symlink_metadata(&self.marker).is_ok()
    }

    /// Writes the marker before anything in the stage changes, and returns its time. After an
    /// interruption, files written since the old marker are deleted first, because they may be
    /// unfinished. Their ctime decides, because no tool can set it back.
    pub(crate) fn begin(&self, writer: &Writer) -> Result<Duration> {
        if let Ok(old) = fs::symlink_metadata(&self.marker) {
            if !old.is_file() {
                return Err(not_ours(&self.marker, "is not a regular file"));
            }
            self.remove_since(writer, ctime(&old))?;
            self.forget_prepared(writer)?;
        }
        let failed = |e| Error::writing("write", &self.marker, e);
        let mut file = writer.create(&self.marker, 0o666)?;
        file.write_all(b"make runs, or was cut off\n")
            .map_err(failed)?;
        let now = file.metadata().map_err(failed)?;
        Ok(Duration::new(
            u64::try_from(now.ctime()).unwrap_or(0),
            u32::try_from(now.ctime_nsec()).unwrap_or(0),
        ))
    }

    /// Removes the marker after make has ended normally.
    pub(crate) fn end(&self, writer: &Writer) -> Result<()> {
        writer.remove_file(&self.marker).map(drop)
    }

    fn remove_since(&self, writer: &Writer, time: i128) -> Result<()> {
        walk(&self.dir, &mut |path, meta| match ctime(meta) >= time {
            true => writer.remove_file(path).map(drop),
            false => Ok(()),
        })
    }

    /// All files below `dir` (inside the stage) that are not staged items, with their metadata.
    pub(crate) fn products(
        &self,
        dir: &Path,
        items: &[Item],
    ) -> Result<Vec<(PathBuf, fs::Metadata)>> {
        let mut files = Vec::new();
        walk(dir, &mut |path, meta| {
            let rel = path.strip_prefix(&self.dir).unwrap_or(path);
            let known = items.binary_search_by(|i| i.rel.as_os_str().cmp(rel.as_os_str()));
            if known.is_err() {
                files.push((path.to_owned(), meta.clone()));
            }
            Ok(())
        })?;
        Ok(files)
    }
}

/// The private folders in the folder that all keys of an OUT share.
pub(crate) fn keys(shared: &Path) -> Result<Vec<PathBuf>> {
    folders_named(shared, is_key)
}

/// The private files of the module folders of one key.
pub(crate) fn folders(key: &Path) -> Result<Vec<PathBuf>> {
    folders_named(&key.join("folders"), |name| {
        name.to_str().is_some_and(is_hash)
    })
}

/// The folders in `dir` whose names have the form of ours. Links are left out.
fn folders_named(dir: &Path, is_ours: fn(&OsStr) -> bool) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::reading("read", dir, e)),
    };
    let is_folder = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    Ok(entries
        .flatten()
        .filter(|entry| is_folder(entry) && is_ours(&entry.file_name()))
        .map(|entry| entry.path())
        .collect())
}
