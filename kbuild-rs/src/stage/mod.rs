//! The stage: a private copy of the module's sources inside the output directory, where kbuild
//! builds in place.
//!
//! ```text
//! OUT/.kbuild/<key>/stage/      the sources, and what kbuild makes of them
//!                   manifest    what was staged from where
//!                   folders/    a module folder each: its record, the manifest it was built from,
//!                               flag files, providers' symvers
//!                   root        where the sources are, for `clean`
//!                   running     the marker: there while make runs
//!                   lock        held while anything here is written
//! ```

mod links;
mod manifest;
mod place;
mod scan;
mod stale;
mod sync;

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::files::{is_carryable, remove_file, remove_if_there, walk, write_if_changed};
use crate::identity::{Hash, Identity, ctime};
use crate::lock::Lock;
use crate::message::Sink;
use crate::{Error, Result};

pub(crate) use links::Links;
#[cfg(feature = "rust")]
pub(crate) use place::RUST_ENTRIES;
pub(crate) use place::{
    CACHEDIR_TAG, COMPILE_COMMANDS, PUBLISH_LOCK, create_private_root, private_root,
};
#[cfg(feature = "ide")]
pub(crate) use place::{PRIVATE, RUST_PROJECT};
pub(crate) use scan::{Scan, is_makefile, patterns};
pub(crate) use sync::{Changes, wait_for_tick};

/// What is private to the module folder `rel` of the root whose private folder is `key`.
pub(crate) fn folder(key: &Path, rel: &Path) -> PathBuf {
    let mut hash = Hash::new();
    hash.add(rel.as_os_str().as_bytes());
    key.join(format!("folders/{:016x}", hash.value()))
}

/// One thing to stage: a path below the stage and what is to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) rel: PathBuf,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Dir,
    /// A symbolic link with this target.
    Link(PathBuf),
    /// A copy. `from` is given where it is not `root/rel`.
    File {
        from: Option<PathBuf>,
        id: Identity,
    },
}

impl Item {
    pub(crate) fn new(rel: PathBuf, kind: Kind) -> Self {
        Item { rel, kind }
    }
}

/// Sorts items by path, the order in which they are compared and looked up.
pub(crate) fn sort_items(items: &mut [Item]) {
    items.sort_unstable_by(|a, b| a.rel.as_os_str().cmp(b.rel.as_os_str()));
}

/// The private folder of one key: (staged root, kernel tree, declared name).
#[derive(Debug)]
pub(crate) struct Stage {
    /// The folder of the key itself.
    pub(crate) private: PathBuf,
    /// The folder that all keys of an OUT share.
    pub(crate) shared: PathBuf,
    /// The copy.
    pub(crate) dir: PathBuf,
    /// Where items come from that do not say otherwise.
    root: PathBuf,
    /// The declared name; empty for a module tree.
    name: String,
    manifest: PathBuf,
    marker: PathBuf,
}

impl Stage {
    /// Names the folders; nothing is created. The key is of the root, the kernel and the declared
    /// name; `label` makes it readable.
    pub(crate) fn new(
        out: &Path,
        root: &Path,
        kernel: &Path,
        name: &str,
        label: &str,
    ) -> Result<Self> {
        let shared = private_root(out)?;
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
            .take(40)
            .collect();
        let private = shared.join(format!("{label}-{:016x}", hash.value()));
        Ok(Stage {
            dir: private.join("stage"),
            manifest: private.join("manifest"),
            marker: private.join("running"),
            root: root.to_owned(),
            name: name.to_owned(),
            private,
            shared,
        })
    }

    /// Where a staged path lies.
    pub(crate) fn file(&self, rel: &Path) -> PathBuf {
        self.dir.join(rel)
    }

    /// A module folder in the stage, which make is to work in.
    pub(crate) fn inside(&self, rel: &Path) -> Result<PathBuf> {
        if !is_carryable(rel) {
            return Err(Error::input(format!(
                "make cannot carry the name of the module folder {}; rename it",
                self.root.join(rel).display()
            )));
        }
        Ok(match rel.as_os_str().is_empty() {
            true => self.dir.clone(),
            false => self.dir.join(rel),
        })
    }

    /// What is private to one module folder of the stage.
    pub(crate) fn folder(&self, rel: &Path) -> PathBuf {
        folder(&self.private, rel)
    }

    /// Where an item is copied from.
    pub(crate) fn source_of(&self, item: &Item) -> PathBuf {
        match &item.kind {
            Kind::File {
                from: Some(from), ..
            } => from.clone(),
            _ => self.root.join(&item.rel),
        }
    }

    /// Creates the private folder and takes its lock, waiting for another builder if need be.
    /// The guard's descriptor is handed down to make, so that the lock outlives a killed
    /// kbuild-rs until the last compiler is gone.
    pub(crate) fn lock(&self, doing: &str, sink: &Sink) -> Result<Lock> {
        place::create_private_root(&self.shared)?;
        fs::create_dir_all(&self.private).map_err(|e| Error::io("create", &self.private, e))?;
        let lock = Lock::take(&self.private.join("lock"), doing, sink)?;
        write_if_changed(&self.private.join("root"), self.root.as_os_str().as_bytes())?;
        write_if_changed(&self.private.join("name"), self.name.as_bytes())?;
        Ok(lock)
    }

    /// The private folders of the same sources, built for other kernels into the same OUT.
    pub(crate) fn other_kernels(&self) -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&self.shared).map_err(|e| Error::io("read", &self.shared, e))?;
        let same = |key: &Path, file: &str| {
            fs::read(key.join(file)).ok() == fs::read(self.private.join(file)).ok()
        };
        Ok(entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|key| *key != self.private && key.join("folders").is_dir())
            .filter(|key| same(key, "root") && same(key, "name"))
            .collect())
    }

    /// What was staged last; `None` when the stage must be filled from nothing.
    pub(crate) fn manifest(&self) -> Result<Option<Vec<Item>>> {
        manifest::load(&self.manifest)
    }

    /// What the last build of one module folder was made from, where that is not what the stage
    /// holds.
    pub(crate) fn seen(&self, folder: &Path) -> Result<Option<Vec<Item>>> {
        let seen = folder.join("manifest");
        let inode = |path: &Path| fs::metadata(path).map(|meta| meta.ino()).ok();
        if inode(&seen) == inode(&self.manifest) {
            return Ok(None);
        }
        manifest::load(&seen)
    }

    /// Keeps what a module folder's build was made from. The manifest is replaced and never
    /// written to: another name for it will do.
    pub(crate) fn remember(&self, folder: &Path) -> Result<()> {
        let (seen, part) = (folder.join("manifest"), folder.join("manifest.part"));
        remove_file(&part)?;
        fs::create_dir_all(folder)
            .and_then(|()| fs::hard_link(&self.manifest, &part))
            .or_else(|_| fs::copy(&self.manifest, &part).map(drop))
            .and_then(|()| fs::rename(&part, &seen))
            // Two names of one file: rename leaves both.
            .and_then(|()| remove_if_there(&part))
            .map_err(|e| Error::io("write", &seen, e))
    }

    pub(crate) fn compare(&self, old: &[Item], new: &[Item]) -> Changes {
        sync::compare(self, old, new)
    }

    /// See [`sync::apply`].
    pub(crate) fn apply(
        &self,
        items: &mut [Item],
        changes: &Changes,
        first: bool,
        start: Duration,
    ) -> Result<()> {
        fs::create_dir_all(&self.dir).map_err(|e| Error::io("create", &self.dir, e))?;
        sync::apply(self, items, changes, first, start)
    }

    /// Forgets everything staged and built here.
    pub(crate) fn wipe(&self) -> Result<()> {
        self.forget_prepared()?;
        remove_file(&self.manifest)?;
        match fs::remove_dir_all(&self.dir) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", &self.dir, e)),
            _ => Ok(()),
        }
    }

    /// The mark that a module folder's `prepare` commands have run, beside its record.
    pub(crate) fn prepared(folder: &Path) -> PathBuf {
        folder.join("prepared")
    }

    /// What `prepare` made may be gone, for every module folder of this stage.
    fn forget_prepared(&self) -> Result<()> {
        let folders = fs::read_dir(self.private.join("folders"));
        for folder in folders.into_iter().flatten().flatten() {
            remove_file(&Self::prepared(&folder.path()))?;
        }
        Ok(())
    }

    /// Whether the last build was cut off while make ran.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.marker.exists()
    }

    /// Puts the marker there before anything in the stage changes, and gives its time. After an
    /// interruption, whatever was written since the old marker goes first: nobody knows whether
    /// it was finished. ctime decides, which no tool can set back.
    pub(crate) fn begin(&self) -> Result<Duration> {
        if let Ok(old) = fs::metadata(&self.marker) {
            remove_since(&self.dir, ctime(&old))?;
            self.forget_prepared()?;
        }
        let now = File::create(&self.marker)
            .and_then(|mut f| {
                f.write_all(b"make runs, or was cut off\n")?;
                f.metadata()
            })
            .map_err(|e| Error::io("write", &self.marker, e))?;
        Ok(Duration::new(
            u64::try_from(now.ctime()).unwrap_or(0),
            u32::try_from(now.ctime_nsec()).unwrap_or(0),
        ))
    }

    /// Takes the marker away: make returned by itself.
    pub(crate) fn end(&self) -> Result<()> {
        fs::remove_file(&self.marker).map_err(|e| Error::io("remove", &self.marker, e))
    }

    /// Every file below `dir` (inside the stage) that is no staged item, with its metadata.
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

fn remove_since(dir: &Path, time: i128) -> Result<()> {
    walk(dir, &mut |path, meta| {
        if ctime(meta) >= time {
            fs::remove_file(path).map_err(|e| Error::io("remove", path, e))?;
        }
        Ok(())
    })
}
