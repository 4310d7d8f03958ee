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

mod manifest;
mod place;
mod scan;
mod stale;
mod sync;

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::identity::{Hash, Identity, ctime};
use crate::message::Sink;
use crate::{Error, Result, sys};

pub(crate) use manifest::{escape, unescape};
pub(crate) use place::{is_carryable, private_root};
pub(crate) use scan::{Scan, is_makefile, patterns};
pub(crate) use sync::{Changes, same_content, wait_for_tick};

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
    manifest: PathBuf,
    marker: PathBuf,
}

impl Stage {
    /// Names the folders; nothing is created. `label` makes the key readable, `identity` makes
    /// it unique.
    pub(crate) fn new(out: &Path, root: &Path, label: &str, identity: &[&Path]) -> Result<Self> {
        let shared = private_root(out)?;
        let mut hash = Hash::new();
        for part in identity {
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
        let mut hash = Hash::new();
        hash.add(rel.as_os_str().as_bytes());
        self.private.join(format!("folders/{:016x}", hash.value()))
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
        Ok(lock)
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
        let seen = folder.join("manifest");
        let _ = fs::remove_file(&seen);
        fs::create_dir_all(folder)
            .and_then(|()| fs::hard_link(&self.manifest, &seen))
            .or_else(|_| fs::copy(&self.manifest, &seen).map(drop))
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
        for path in [&self.manifest, &self.dir] {
            let removed = if path == &self.dir {
                fs::remove_dir_all(path)
            } else {
                fs::remove_file(path)
            };
            match removed {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io("remove", path, e));
                }
                _ => {}
            }
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

/// Calls `visit` for everything below `dir` that is no folder. Links are not followed.
pub(crate) fn walk(
    dir: &Path,
    visit: &mut dyn FnMut(&Path, &fs::Metadata) -> Result<()>,
) -> Result<()> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::io("read", dir, e)),
    };
    for entry in entries {
        let entry = entry.map_err(|e| Error::io("read", dir, e))?;
        let path = entry.path();
        let meta = entry.metadata().map_err(|e| Error::io("read", &path, e))?;
        if meta.is_dir() {
            walk(&path, visit)?;
        } else {
            visit(&path, &meta)?;
        }
    }
    Ok(())
}

/// Writes a file whole or not at all.
pub(crate) fn write_whole(path: &Path, text: &[u8]) -> Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    fs::write(&part, text)
        .and_then(|()| fs::rename(&part, path))
        .map_err(|e| {
            let _ = fs::remove_file(&part);
            Error::io("write", path, e)
        })
}

/// Writes a file unless it already holds this.
pub(crate) fn write_if_changed(path: &Path, text: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|e| Error::io("create", parent, e))?;
    }
    write_whole(path, text)
}

/// An exclusive lock, held while this lives (and by every child that inherits it).
#[derive(Debug)]
pub(crate) struct Lock {
    pub(crate) file: File,
}

impl Lock {
    /// Takes the lock at `path`; a waiter says for whom it waits.
    pub(crate) fn take(path: &Path, doing: &str, sink: &Sink) -> Result<Self> {
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|e| Error::io("open", path, e))?;
        let error = |e| Error::io("lock", path, e);
        if !sys::try_lock(&file).map_err(error)? {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            sink.note(&format!("waiting for {}", describe(&holder)));
            sys::lock(&file).map_err(error)?;
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            write!(file, "{}\n{doing}\n", std::process::id())
        };
        write(&mut file).map_err(|e| Error::io("write", path, e))?;
        Ok(Lock { file })
    }
}

/// Turns a lock file's text into words.
fn describe(holder: &str) -> String {
    let mut lines = holder.lines();
    let pid = lines.next().and_then(|l| l.parse::<u32>().ok());
    let doing = lines.next().unwrap_or("work");
    match pid {
        Some(pid) if sys::process_exists(pid) => {
            format!("another kbuild-rs (process {pid}) to finish: {doing}")
        }
        Some(pid) => format!(
            "what is left of a kbuild-rs that was killed (process {pid}, its compilers still \
             run): {doing}"
        ),
        None => "another kbuild-rs to finish".to_owned(),
    }
}
