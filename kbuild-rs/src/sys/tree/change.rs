//! Changes below a [`Tree`]. Each is one step of a transaction, or prepares one.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RenameFlags, fchmod, fsync, linkat, mkdirat, openat, renameat,
    renameat_with, symlinkat, syncfs, unlinkat,
};
use rustix::io::Errno;

use super::{Looks, Tree};
use crate::Result;

/// The mode of new folders and files of the system, whatever the umask is.
const FOLDER_MODE: u32 = 0o755;
pub(crate) const FILE_MODE: u32 = 0o644;

impl Tree {
    /// Creates a folder and those above it that are missing; the new ones, outermost first.
    pub(crate) fn make_folders(&self, rel: &Path) -> Result<Vec<PathBuf>> {
        let mut made = Vec::new();
        let mut at = PathBuf::new();
        for part in rel.components() {
            at.push(part);
            let (parent, name) = self.existing_parent("create", &at)?;
            let mode = Mode::from_raw_mode(FOLDER_MODE);
            match mkdirat(&parent, name, mode) {
                Ok(()) => {
                    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                    openat(&parent, name, flags, Mode::empty())
                        .and_then(|folder| fchmod(&folder, mode))
                        .map_err(|e| self.failed("create", &at, e))?;
                    made.push(at.clone());
                }
                Err(Errno::EXIST) if self.kind(&at)? == Some(FileType::Directory) => {}
                Err(Errno::EXIST) => {
                    let refused = self.in_the_way(&at.join("x"));
                    return Err(refused.unwrap_or_else(|| self.refused(&at, "is not a folder")));
                }
                Err(e) => return Err(self.failed("create", &at, e)),
            }
        }
        Ok(made)
    }

    /// Removes a folder if it is empty; whether it is gone.
    pub(crate) fn remove_folder(&self, rel: &Path) -> bool {
        match self.parent(rel) {
            Ok(Some((parent, name))) => matches!(
                unlinkat(&parent, name, AtFlags::REMOVEDIR),
                Ok(()) | Err(Errno::NOENT)
            ),
            Ok(None) => true,
            Err(_) => false,
        }
    }

    /// Makes a new file; a file or link of this name goes.
    fn create(&self, rel: &Path) -> Result<File> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        for _ in 0..16 {
            let (parent, name) = self.existing_parent("write", rel)?;
            match openat(&parent, name, flags, Mode::from_raw_mode(0o600)) {
                Ok(file) => return Ok(file.into()),
                Err(Errno::EXIST) => drop(self.remove(rel)?),
                Err(e) => return Err(self.failed("write", rel, e)),
            }
        }
        Err(self.failed("write", rel, Errno::EXIST))
    }

    /// Opens a file to be locked, which only this user can open, and creates it. `None` if its folder
    /// is gone.
    pub(crate) fn open_lock(&self, rel: &Path) -> Result<Option<File>> {
        match self.kind(rel)? {
            None | Some(FileType::RegularFile) => {}
            Some(_) => return Err(self.refused(rel, "is not a regular file")),
        }
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let open = || {
            let (parent, name) = self.parent(rel)?.ok_or(Errno::NOENT)?;
            openat(
                &parent,
                name,
                flags | OFlags::NONBLOCK,
                Mode::RUSR | Mode::WUSR,
            )
        };
        match open() {
            Ok(file) => Ok(Some(file.into())),
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(self.failed("lock", rel, e)),
        }
    }

    /// Writes a new file, with the mode of a system's files.
    pub(crate) fn write_new(&self, rel: &Path, bytes: &[u8]) -> Result<File> {
        self.filled(rel, bytes, &|file| {
            Ok(fchmod(file, Mode::from_raw_mode(FILE_MODE))?)
        })
    }

    /// Writes a new file with the owner, mode and attributes of another one.
    pub(crate) fn write_like(&self, rel: &Path, bytes: &[u8], looks: &Looks) -> Result<File> {
        self.filled(rel, bytes, &|file| looks.give(file))
    }

    fn filled(
        &self,
        rel: &Path,
        bytes: &[u8],
        finish: &dyn Fn(&File) -> io::Result<()>,
    ) -> Result<File> {
        let mut file = self.create(rel)?;
        let written = file.write_all(bytes).and_then(|()| finish(&file));
        match written {
            Ok(()) => Ok(file),
            Err(e) => {
                // The space that it takes is needed.
                let _ = self.remove(rel);
                Err(self.io_failed("write", rel, e))
            }
        }
    }

    /// Writes a file whole or not at all; it is on the disk when this returns.
    pub(crate) fn replace_synced(&self, rel: &Path, bytes: &[u8]) -> Result<()> {
        let part = part_of(rel);
        let file = self.write_new(&part, bytes)?;
        let synced = file.sync_all();
        let placed = synced
            .map_err(|e| self.io_failed("write", rel, e))
            .and_then(|()| self.rename(&part, rel));
        if placed.is_err() {
            let _ = self.remove(&part);
        }
        placed?;
        self.sync_folder(rel.parent().unwrap_or(Path::new("")))
    }

    /// Removes a file or a link; whether it was there.
    pub(crate) fn remove(&self, rel: &Path) -> Result<bool> {
        let remove = || {
            let Some((parent, name)) = self.parent(rel)? else {
                return Ok(false);
            };
            match unlinkat(&parent, name, AtFlags::empty()) {
                Ok(()) => Ok(true),
                Err(Errno::NOENT) => Ok(false),
                Err(e) => Err(e),
            }
        };
        remove().map_err(|e| self.failed("remove", rel, e))
    }

    /// Removes a file or a link of ours. Nothing happens where none can be: below a link or a file, at
    /// a folder, at a name that is too long.
    pub(crate) fn remove_file(&self, rel: &Path) -> Result<()> {
        match self.is_possible(rel) && self.kind(rel)? != Some(FileType::Directory) {
            true => self.remove(rel).map(drop),
            false => Ok(()),
        }
    }

    /// Gives a file another name in its folder; a file there goes.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let (source, name) = self.existing_parent("write", to)?;
        let (target, wanted) = self.existing_parent("write", to)?;
        let from = from.file_name().unwrap_or(name);
        renameat(&source, from, &target, wanted).map_err(|e| self.failed("write", to, e))
    }

    /// Puts the file `part` into the place of `target` in the same folder, and the other way round,
    /// in one step; `false` if the file system cannot.
    pub(crate) fn exchange(&self, part: &Path, target: &Path) -> Result<bool> {
        let (folder, wanted) = self.existing_parent("write", target)?;
        let part = part.file_name().unwrap_or_default();
        match renameat_with(&folder, part, &folder, wanted, RenameFlags::EXCHANGE) {
            Ok(()) => Ok(true),
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
            Err(e) => Err(self.failed("write", target, e)),
        }
    }

    /// Gives a file of `other` a second name here; whether it worked.
    pub(crate) fn link_from(&self, other: &Tree, from: &Path, to: &Path) -> bool {
        let (Ok(Some((source, name))), Ok(Some((target, wanted)))) =
            (other.parent(from), self.parent(to))
        else {
            return false;
        };
        linkat(&source, name, &target, wanted, AtFlags::empty()).is_ok()
    }

    /// Makes a link; a file or link of this name goes.
    pub(crate) fn symlink(&self, target: &str, rel: &Path) -> Result<()> {
        self.remove(rel)?;
        let (parent, name) = self.existing_parent("create", rel)?;
        symlinkat(target, &parent, name).map_err(|e| self.failed("create", rel, e))
    }

    /// Whether the effective user may create files in the folder.
    pub(crate) fn check_writable(&self) -> Result<()> {
        // Some chroots have no /proc with a path of the descriptor.
        let access = rustix::fs::Access::WRITE_OK;
        rustix::fs::accessat(self.descriptor(), ".", access, AtFlags::EACCESS)
            .map_err(|e| self.failed("write to", Path::new(""), e))
    }

    /// Puts a file that another program wrote on the disk, readable for everybody.
    pub(crate) fn settle(&self, rel: &Path) -> Result<()> {
        let Some(file) = self.open_file(rel)? else {
            return Ok(());
        };
        // Another user's file stays as it is, and so does one with a second name: that may be any
        // file of the file system.
        let is_new = rustix::fs::fstat(&file)
            .is_ok_and(|stat| stat.st_nlink == 1 && stat.st_uid == crate::sys::effective_uid());
        if is_new {
            let _ = fchmod(&file, Mode::from_raw_mode(FILE_MODE));
        }
        file.sync_all().map_err(|e| self.io_failed("write", rel, e))
    }

    /// The names in a folder are on the disk when this returns.
    pub(crate) fn sync_folder(&self, rel: &Path) -> Result<()> {
        let folder = self.root.open_folder(rel, OFlags::RDONLY);
        let synced = folder.and_then(fsync);
        synced.map_err(|e| self.failed("write", rel, e))
    }

    /// All of the file system is on the disk when this returns.
    pub(crate) fn sync_all(&self) -> Result<()> {
        let synced = syncfs(self.handle()?);
        synced.map_err(|e| self.failed("write", Path::new(""), e))
    }
}

/// `updates/hello.ko` -> `updates/.hello.ko.part`
pub(crate) fn part_of(rel: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(rel.file_name().unwrap_or_default());
    name.push(".part");
    rel.with_file_name(name)
}
