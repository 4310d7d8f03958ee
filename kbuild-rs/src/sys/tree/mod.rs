//! A folder of a root that modules are installed into. Every path is relative to it, and no link
//! on the way is followed: an image of another party cannot lead a reader or a writer out of it.
//!
//! [`Writer`](super::Writer) has the same rule for builds. Installing needs more than it offers:
//! owners, extended attributes, two files that change places, and an order of writes that a power
//! cut keeps.

mod change;
mod looks;
mod stamp;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, openat, statat};
use rustix::io::Errno;

use super::limit_behind;
use super::root::{Root, link_target, names};
use crate::error::Advice;
use crate::{Error, ErrorKind, Result};

pub(crate) use change::part_of;
pub(crate) use looks::{Looks, sha256};
pub(crate) use stamp::Stamp;

/// A folder, and the files below it.
#[derive(Debug)]
pub(crate) struct Tree {
    root: Root,
}

/// No module and no journal is larger. A file with holes in another party's image must not fill the
/// memory.
const LARGEST: u64 = 1 << 30;

impl Tree {
    pub(crate) fn of(root: Root) -> Tree {
        Tree { root }
    }

    /// The folder that the caller named, wherever links lead.
    pub(crate) fn open(path: &Path) -> Result<Tree> {
        Root::open(path).map(Tree::of)
    }

    /// The path that people read.
    pub(crate) fn shown(&self, rel: &Path) -> PathBuf {
        match rel.as_os_str().is_empty() {
            true => self.root.path().to_owned(),
            false => self.root.path().join(rel),
        }
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.root.folder().as_fd()
    }

    /// The folder itself, opened for reading: to be locked and synced.
    pub(crate) fn handle(&self) -> Result<File> {
        let opened = self.root.open_folder(Path::new(""), OFlags::RDONLY);
        opened
            .map(File::from)
            .map_err(|e| self.failed("open", Path::new(""), e))
    }

    /// A folder directly below this one that must not be a link; `None` if nothing is there.
    pub(crate) fn below(&self, name: &str) -> Result<Option<Tree>> {
        match self.root.open_folder(Path::new(name), OFlags::PATH) {
            Ok(folder) => {
                let path = self.root.path().join(name);
                Root::of_descriptor(folder, path).map(|root| Some(Tree::of(root)))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(self.failed("open", Path::new(name), e)),
        }
    }

    /// The folder that holds `rel`, and its name there; `None` if there is no such folder.
    fn parent<'a>(&self, rel: &'a Path) -> Result<Option<(OwnedFd, &'a OsStr)>, Errno> {
        let name = rel.file_name().ok_or(Errno::INVAL)?;
        if !super::is_below(rel) {
            return Err(Errno::INVAL);
        }
        let parent = rel.parent().unwrap_or(Path::new(""));
        match self.root.open_folder(parent, OFlags::PATH) {
            Ok(folder) => Ok(Some((folder, name))),
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn existing_parent<'a>(&self, doing: &str, rel: &'a Path) -> Result<(OwnedFd, &'a OsStr)> {
        let found = self.parent(rel).and_then(|found| found.ok_or(Errno::NOENT));
        found.map_err(|e| self.failed(doing, rel, e))
    }

    /// Whether a file of ours can be at `rel`: the folder exists, without a link on the way, and the
    /// name is short enough.
    pub(crate) fn is_possible(&self, rel: &Path) -> bool {
        let Ok(Some((folder, name))) = self.parent(rel) else {
            return false;
        };
        let stat = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW);
        !matches!(stat, Err(Errno::NAMETOOLONG))
    }

    pub(crate) fn stat(&self, rel: &Path) -> Result<Option<Stat>> {
        let look = || {
            let Some((folder, name)) = self.parent(rel)? else {
                return Ok(None);
            };
            match statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => Ok(Some(stat)),
                Err(Errno::NOENT) => Ok(None),
                Err(e) => Err(e),
            }
        };
        look().map_err(|e| self.failed("look at", rel, e))
    }

    /// The type of the file at `rel`, which is not followed; `None` if nothing is there.
    pub(crate) fn kind(&self, rel: &Path) -> Result<Option<FileType>> {
        let stat = self.stat(rel)?;
        Ok(stat.map(|stat| FileType::from_raw_mode(stat.st_mode)))
    }

    /// Opens a regular file for reading; `None` if nothing is there. A fifo, a device or a link is
    /// an error, and is not opened.
    pub(crate) fn open_file(&self, rel: &Path) -> Result<Option<File>> {
        match self.kind(rel)? {
            None => return Ok(None),
            Some(FileType::RegularFile) => {}
            Some(_) => return Err(self.refused(rel, "is not a regular file")),
        }
        let (folder, name) = self.existing_parent("read", rel)?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = match openat(&folder, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            opened => opened.map_err(|e| self.failed("read", rel, e))?,
        };
        let stat = fstat(&file).map_err(|e| self.failed("read", rel, e))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(Some(file.into())),
            _ => Err(self.refused(rel, "is not a regular file")),
        }
    }

    /// The bytes of a regular file; `None` if nothing is there.
    pub(crate) fn read(&self, rel: &Path) -> Result<Option<Vec<u8>>> {
        let Some(mut file) = self.open_file(rel)? else {
            return Ok(None);
        };
        let failed = |e| Error::reading("read", &self.shown(rel), e);
        if file.metadata().map_err(failed)?.len() > LARGEST {
            return Err(self.refused(rel, "is larger than 1 GiB"));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        Ok(Some(bytes))
    }

    pub(crate) fn link_target(&self, rel: &Path) -> Result<PathBuf> {
        let (folder, name) = self.existing_parent("read", rel)?;
        link_target(&folder, name).map_err(|e| self.failed("read", rel, e))
    }

    /// The names in a folder; none if there is no such folder.
    pub(crate) fn names(&self, rel: &Path) -> Result<Vec<OsString>> {
        match self.root.open_folder(rel, OFlags::RDONLY) {
            Ok(folder) => names(&folder).map_err(|e| Error::reading("read", &self.shown(rel), e)),
            Err(Errno::NOENT) => Ok(Vec::new()),
            Err(e) => Err(self.failed("read", rel, e)),
        }
    }

    /// Visits every file below `rel`, links as links, in the order of their names. `enter` decides
    /// whether a folder is entered.
    pub(crate) fn walk(
        &self,
        rel: &Path,
        enter: &dyn Fn(&Path) -> bool,
        visit: &mut dyn FnMut(&Path, FileType),
    ) -> Result<()> {
        let folder = match self.root.open_folder(rel, OFlags::RDONLY) {
            Ok(folder) => folder,
            Err(Errno::NOENT) => return Ok(()),
            Err(e) => return Err(self.failed("read", rel, e)),
        };
        let failed = |e: Errno| self.failed("read", rel, e);
        let mut entries = Vec::new();
        for entry in rustix::fs::Dir::read_from(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name: OsString = {
                use std::os::unix::ffi::OsStrExt;
                OsStr::from_bytes(entry.file_name().to_bytes()).to_owned()
            };
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => match statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                    Err(_) => continue,
                },
                kind => kind,
            };
            entries.push((name, kind));
        }
        // A limit on open files must not limit the depth.
        drop(folder);
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, kind) in entries {
            let path = rel.join(name);
            if kind != FileType::Directory {
                visit(&path, kind);
            } else if enter(&path) {
                self.walk(&path, enter, visit)?;
            }
        }
        Ok(())
    }

    /// Something is in the way that kbuild-rs did not create.
    pub(crate) fn refused(&self, rel: &Path, why: &str) -> Error {
        refused(&self.shown(rel), why)
    }

    /// The error of a system call, with what to do.
    pub(super) fn failed(&self, doing: &str, rel: &Path, error: Errno) -> Error {
        let is_of_path = matches!(
            error,
            Errno::LOOP | Errno::NOTDIR | Errno::XDEV | Errno::INVAL
        );
        let in_the_way = is_of_path.then(|| self.in_the_way(rel)).flatten();
        if let Some(refused) = in_the_way {
            return refused;
        }
        match doing {
            "read" | "look at" => Error::reading(doing, &self.shown(rel), error.into()),
            _ => self.io_failed(doing, rel, error.into()),
        }
    }

    pub(super) fn io_failed(&self, doing: &str, rel: &Path, error: io::Error) -> Error {
        installing(doing, &self.shown(rel), error)
    }

    /// The link or the file that is on the way to `rel`.
    fn in_the_way(&self, rel: &Path) -> Option<Error> {
        let mut at = PathBuf::new();
        let mut parts = rel.components().peekable();
        while let Some(part) = parts.next() {
            at.push(part);
            let parent = at.parent().unwrap_or(Path::new(""));
            let folder = self.root.open_folder(parent, OFlags::PATH).ok()?;
            let stat = statat(&folder, part.as_os_str(), AtFlags::SYMLINK_NOFOLLOW).ok()?;
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => {}
                FileType::Symlink => return Some(self.refused(&at, "is a link")),
                _ if parts.peek().is_some() => {
                    return Some(self.refused(&at, "is not a folder"));
                }
                _ => {}
            }
        }
        None
    }
}

/// The error for something in the way that kbuild-rs did not create.
pub(crate) fn refused(path: &Path, why: &str) -> Error {
    let text =
        "kbuild-rs did not create it, follows no link there, and changed nothing. Move it away";
    Error::new(
        ErrorKind::NotOurs,
        format!("{} {why}. {text}", path.display()),
    )
    .advise(Advice::new("foreign-file", "move it away"))
}

/// The error of a system call that changes a root.
pub(crate) fn installing(doing: &str, path: &Path, error: io::Error) -> Error {
    let (code, advice) = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ("disk-full", "free some space there")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => (
            "not-writable",
            "run this as root on a system whose /lib is writable, or install into a folder:\n    \
             kbuild-rs install --root DIR\nor make a package:\n    kbuild-rs package --format deb",
        ),
        _ => {
            let limit = limit_behind(&error).unwrap_or_default();
            let message = format!("cannot {doing} {}: {error}{limit}", path.display());
            return Error::of_system(message, error);
        }
    };
    let message = format!("cannot {doing} {}: {error}; {advice}", path.display());
    Error::of_system(message, error).advise(Advice::new(code, advice))
}
