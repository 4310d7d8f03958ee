//! The one writer of files. Its callers: `api` (declarations, tables of modules), `cargo` (the list of
//! modules), `editor`, `jobs` (the pool), `make::git`, `module::sign`, `run` (generated files, products,
//! the record, memories of the first phase, the cache of finished modules), `stage`, and `sys` (locks).

mod remove;
#[cfg(feature = "install")]
mod replace;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{
    AtFlags, Mode, OFlags, fsync, linkat, mkdirat, openat, renameat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use super::copy::{CopyOptions, fill};
use super::root::{Root, link_target, not_ours};
use super::user::effective_uid;
use crate::{Error, Result};

/// Writes below its roots and nowhere else; see the [module](crate::sys) for the rule.
#[derive(Debug)]
pub(crate) struct Writer {
    roots: Vec<Root>,
}

/// The suffix of a file that is not finished.
const PART: &str = ".part";

/// Whether a file of this name is an unfinished one.
pub(crate) fn is_part(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b".") && name.as_bytes().ends_with(PART.as_bytes())
}

/// A writer for the folder that holds `file`, which the caller named.
pub(crate) fn parent_writer(file: &Path) -> Result<Writer> {
    let parent = file.parent().unwrap_or(Path::new(""));
    Ok(Writer::new([Root::open(parent)?]))
}

impl Writer {
    pub(crate) fn new(roots: impl IntoIterator<Item = Root>) -> Writer {
        let mut roots: Vec<Root> = roots.into_iter().collect();
        // An output directory contains its private folder, which was checked separately.
        roots.sort_by_key(|root| std::cmp::Reverse(root.path().components().count()));
        Writer { roots }
    }

    pub(super) fn into_roots(self) -> Vec<Root> {
        self.roots
    }

    fn root(&self, path: &Path) -> Result<&Root> {
        let found = self.roots.iter().find(|root| root.relative(path).is_some());
        found.ok_or_else(|| not_ours(path, "is outside the output directory"))
    }

    fn parent<'a>(&self, doing: &str, path: &'a Path) -> Result<(OwnedFd, &'a OsStr)> {
        self.root(path)?.parent(doing, path)
    }

    /// Creates a folder and its missing parents.
    pub(crate) fn create_dirs(&self, path: &Path) -> Result<()> {
        let root = self.root(path)?;
        let rel = root.relative(path).unwrap_or(Path::new(""));
        if root.open_folder(rel, OFlags::PATH).is_ok() {
            return Ok(());
        }
        let mut at = root.path().to_owned();
        for part in rel.components() {
            at.push(part);
            let (parent, name) = root.parent("create", &at)?;
            match mkdirat(&parent, name, root.mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(e) => return Err(root.refused("create", &at, e)),
            }
        }
        match root.open_folder(rel, OFlags::PATH) {
            Ok(_) => Ok(()),
            Err(e) => Err(root.refused("create", path, e)),
        }
    }

    /// Creates a folder in an existing one. Only users who may read `like` may read it.
    pub(crate) fn create_dir_like(&self, path: &Path, like: &Path) -> Result<()> {
        let like = fs::metadata(like).map_or(0o777, |meta| meta.permissions().mode());
        let root = self.root(path)?;
        let (parent, name) = root.parent("create", path)?;
        match mkdirat(&parent, name, root.mode(like & 0o777 | 0o700)) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(e) => Err(root.refused("create", path, e)),
        }
    }

    /// Creates a folder in an existing one. Only its owner may read it.
    pub(crate) fn create_private_dir(&self, path: &Path) -> Result<()> {
        let root = self.root(path)?;
        let (parent, name) = root.parent("create", path)?;
        mkdirat(&parent, name, root.mode(0o700)).map_err(|e| root.refused("create", path, e))
    }

    /// Creates a new file, which replaces an existing file or link.
    pub(crate) fn create(&self, path: &Path, mode: u32) -> Result<File> {
        let root = self.root(path)?;
        let (parent, name) = root.parent("write", path)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        for _ in 0..16 {
            match openat(&parent, name, flags, root.mode(mode)) {
                Ok(file) => return Ok(file.into()),
                Err(Errno::EXIST) => match unlinkat(&parent, name, AtFlags::empty()) {
                    Ok(()) | Err(Errno::NOENT) => {}
                    Err(Errno::ISDIR) => return Err(not_ours(path, "is a folder")),
                    Err(e) => return Err(root.refused("write", path, e)),
                },
                Err(e) => return Err(root.refused("write", path, e)),
            }
        }
        Err(Error::writing("write", path, Errno::EXIST.into()))
    }

    /// Writes a file whole or not at all.
    pub(crate) fn write_whole(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        self.write_as(path, 0o666, &mut |file| file.write_all(bytes))
    }

    /// Like [`write_whole`](Self::write_whole), but other users cannot read the file.
    pub(crate) fn write_private(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        self.write_as(path, 0o600, &mut |file| file.write_all(bytes))
    }

    /// Like [`write_private`](Self::write_private), for a file that several processes may write at
    /// once without a lock.
    pub(crate) fn write_shared(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let mut write = |file: &mut File| file.write_all(bytes);
        self.write_over(path, &own_part_of(path), 0o600, &mut write)
    }

    /// Like [`write_whole`](Self::write_whole), but the file is on the disk when this returns.
    /// Several processes may call this at once, because there is no lock yet.
    pub(super) fn write_synced(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let own = own_part_of(path);
        let mut write = |file: &mut File| {
            file.write_all(bytes)?;
            file.sync_all()
        };
        self.write_over(path, &own, 0o666, &mut write)?;
        let root = self.root(path)?;
        let folder = root.open_folder(Path::new(""), OFlags::RDONLY);
        let synced = folder.and_then(fsync);
        synced.map_err(|e| root.refused("write", path, e))
    }

    /// Writes a file unless it already has these bytes.
    pub(crate) fn write_if_changed(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        if self.holds(path, bytes) {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.create_dirs(parent)?;
        }
        self.write_whole(path, bytes)
    }

    /// Whether the file exists with these bytes and has only this name.
    fn holds(&self, path: &Path, bytes: &[u8]) -> bool {
        let Ok(Some(mut file)) = self.root(path).and_then(|root| root.open_file(path)) else {
            return false;
        };
        let same_size = file
            .metadata()
            .is_ok_and(|meta| meta.len() == bytes.len() as u64 && meta.nlink() == 1);
        let mut there = Vec::with_capacity(bytes.len());
        same_size && file.read_to_end(&mut there).is_ok() && there == bytes
    }

    fn write_as(
        &self,
        path: &Path,
        mode: u32,
        write: &mut dyn FnMut(&mut File) -> io::Result<()>,
    ) -> Result<()> {
        self.write_over(path, &part_of(path), mode, write)
    }

    fn write_over(
        &self,
        path: &Path,
        part: &Path,
        mode: u32,
        write: &mut dyn FnMut(&mut File) -> io::Result<()>,
    ) -> Result<()> {
        let mut file = self.create(part, mode)?;
        let written = write(&mut file).map_err(|e| Error::writing("write", path, e));
        written
            .and_then(|()| self.rename(part, path))
            .inspect_err(|_| {
                let _ = self.remove_file(part);
            })
    }

    /// Copies an open file to `to`, whole or not at all.
    pub(crate) fn publish(&self, from: &File, to: &Path, how: CopyOptions) -> Result<()> {
        if let Some(parent) = to.parent() {
            self.create_dirs(parent)?;
        }
        let meta = from
            .metadata()
            .map_err(|e| Error::writing("write", to, e))?;
        self.write_as(to, 0o600, &mut |file| fill(from, &meta, file, how))
    }

    /// Copies an open file to `to`. No other process may read `to` before the copy is finished.
    pub(crate) fn copy(&self, from: &File, to: &Path, how: CopyOptions) -> Result<()> {
        let mut file = self.create(to, 0o600)?;
        let filled = from
            .metadata()
            .and_then(|meta| fill(from, &meta, &mut file, how));
        filled.map_err(|e| Error::writing("write", to, e))
    }

    /// Moves `from` to `to` and replaces a file there; a folder there is an error.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let root = self.root(to)?;
        let (source, name) = self.parent("write", from)?;
        let (target, wanted) = root.parent("write", to)?;
        match renameat(&source, name, &target, wanted) {
            Ok(()) => Ok(()),
            Err(Errno::ISDIR) => Err(Error::input(format!(
                "{} is a folder, so no file can have this name. Remove it, or choose another \
                 output directory",
                to.display()
            ))),
            Err(e) => Err(root.refused("write", to, e)),
        }
    }

    /// Gives a file another name (a hard link).
    pub(crate) fn link(&self, from: &Path, to: &Path) -> Result<()> {
        let (source, name) = self.parent("write", from)?;
        let (target, wanted) = self.parent("write", to)?;
        linkat(&source, name, &target, wanted, AtFlags::empty())
            .map_err(|e| Error::writing("write", to, e.into()))
    }

    /// Makes a symbolic link. It replaces a link or a file at that path.
    pub(crate) fn symlink(&self, target: &Path, path: &Path) -> Result<()> {
        let root = self.root(path)?;
        let (parent, name) = root.parent("create", path)?;
        if link_target(&parent, name).is_ok_and(|there| there == target) {
            return Ok(());
        }
        match unlinkat(&parent, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(e) => return Err(root.refused("create", path, e)),
        }
        symlinkat(target, &parent, name).map_err(|e| root.refused("create", path, e))
    }

    /// Makes a symbolic link at a free path.
    pub(crate) fn symlink_new(&self, target: &Path, path: &Path) -> Result<()> {
        let root = self.root(path)?;
        let (parent, name) = root.parent("create", path)?;
        symlinkat(target, &parent, name).map_err(|e| root.refused("create", path, e))
    }

    /// Opens a file for locking, and creates it if it is missing.
    pub(crate) fn open_lock(&self, path: &Path) -> Result<File> {
        let root = self.root(path)?;
        let (parent, name) = root.parent("open", path)?;
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file: File = openat(&parent, name, flags, root.mode(0o666))
            .map_err(|e| root.refused("open", path, e))?
            .into();
        match file.metadata() {
            // A write would go into another user's file.
            Ok(meta) if meta.is_file() && meta.nlink() > 1 => Err(not_ours(
                path,
                "is a hard link: the same file has another name",
            )),
            Ok(meta) if meta.is_file() => Ok(file),
            Ok(_) => Err(not_ours(path, "is not a regular file")),
            Err(e) => Err(Error::writing("open", path, e)),
        }
    }

    /// Makes a fifo that only its owner may open.
    pub(crate) fn make_fifo(&self, path: &Path) -> io::Result<()> {
        let parent = self.parent("create", path).map_err(io::Error::other)?;
        let (parent, name) = parent;
        Ok(rustix::fs::mkfifoat(
            &parent,
            name,
            Mode::from_raw_mode(0o600),
        )?)
    }

    /// Opens a fifo of the effective user for both directions, so that no process is needed at the
    /// other end and reading does not wait.
    pub(crate) fn open_fifo(&self, path: &Path) -> Result<File> {
        let root = self.root(path)?;
        let (parent, name) = root.parent("open", path)?;
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file: File = openat(&parent, name, flags, Mode::empty())
            .map_err(|e| root.refused("open", path, e))?
            .into();
        let meta = file
            .metadata()
            .map_err(|e| Error::writing("open", path, e))?;
        if !meta.file_type().is_fifo() {
            return Err(not_ours(path, "is not a fifo"));
        }
        match meta.uid() == effective_uid() {
            true => Ok(file),
            false => Err(not_ours(path, "belongs to another user")),
        }
    }

    /// Opens a regular file for reading; `None` if it does not exist.
    pub(crate) fn open_file(&self, path: &Path) -> Result<Option<File>> {
        self.root(path)?.open_file(path)
    }

    /// The bytes of a regular file; `None` if it does not exist.
    pub(crate) fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        let Some(mut file) = self.open_file(path)? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(|e| Error::reading("read", path, e))?;
        Ok(Some(bytes))
    }
}

/// The name of an unfinished file that only this process writes.
fn own_part_of(path: &Path) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    part_of(path).with_extension(format!("{}-{number}{PART}", std::process::id()))
}

/// `/o/hello.ko` -> `/o/.hello.ko.part`
fn part_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    // The longest name that the file system allows has no room for a suffix.
    let own = path.file_name().unwrap_or_default().as_bytes();
    name.push(OsStr::from_bytes(&own[..own.len().min(240)]));
    name.push(PART);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests;
