//! A folder that is held open by a descriptor, and access to the files below it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags, Stat, fstat, openat, openat2, readlinkat};
use rustix::io::Errno;

use super::user;
use crate::error::Advice;
use crate::{Error, ErrorKind, Result};

/// A folder below which a [`Writer`](crate::sys::write::Writer) may write. It stays the same folder
/// even if its path changes.
#[derive(Debug)]
pub(crate) struct Root {
    folder: OwnedFd,
    path: PathBuf,
    /// Whether only the owner may write to files and folders made here, with any umask.
    is_private: bool,
}

const FOLDER: OFlags = OFlags::DIRECTORY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOFOLLOW);

impl Root {
    /// Opens the folder that the caller named, and follows links.
    pub(crate) fn open(path: &Path) -> Result<Root> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        // A file name without a folder is in the working directory.
        let named = match path.as_os_str().is_empty() {
            true => Path::new("."),
            false => path,
        };
        let folder = rustix::fs::open(named, flags | OFlags::PATH, Mode::empty())
            .map_err(|e| Error::reading("use the folder", path, e.into()))?;
        Ok(Root {
            folder,
            path: path.to_owned(),
            is_private: false,
        })
    }

    /// Like [`open`](Self::open), but creates missing folders.
    pub(crate) fn make(path: &Path) -> Result<Root> {
        fs::create_dir_all(path).map_err(|e| match e.kind() {
            // The path exists and is not a folder.
            io::ErrorKind::AlreadyExists => Error::writing("create", path, Errno::NOTDIR.into()),
            _ => Error::writing("create", path, e),
        })?;
        Root::open(path)
    }

    /// The folders that [`make`](Self::make) would create, innermost first.
    #[cfg(feature = "install")]
    pub(crate) fn missing(path: &Path) -> Vec<PathBuf> {
        let named = path.ancestors().filter(|path| !path.as_os_str().is_empty());
        let missing = named.take_while(|path| fs::symlink_metadata(path).is_err());
        missing.map(Path::to_owned).collect()
    }

    /// Removes these folders, except for those that are not empty.
    #[cfg(feature = "install")]
    pub(crate) fn unmake(folders: &[PathBuf]) {
        for folder in folders {
            let _ = fs::remove_dir(folder);
        }
    }

    /// An open folder; `path` is its name in messages, and the prefix of paths below it.
    #[cfg(feature = "install")]
    pub(super) fn of_descriptor(folder: OwnedFd, path: PathBuf) -> Result<Root> {
        let root = Root {
            folder,
            path,
            is_private: false,
        };
        let kind = rustix::fs::FileType::from_raw_mode(root.stat()?.st_mode);
        match kind {
            rustix::fs::FileType::Directory => Ok(root),
            _ => Err(super::tree::refused(&root.path, "is not a folder")),
        }
    }

    /// A folder of kbuild-rs.
    pub(super) fn private(folder: OwnedFd, path: PathBuf) -> Root {
        Root {
            folder,
            path,
            is_private: true,
        }
    }

    /// The mode of new files and folders here, before the umask.
    pub(super) fn mode(&self, bits: u32) -> Mode {
        let others = if self.is_private { 0o022 } else { 0 };
        Mode::from_raw_mode(bits & !others)
    }

    /// The folder `name` in this one; `None` if nothing has that name. A link, a file, or anything
    /// else in its place is an error.
    pub(super) fn below(&self, name: &OsStr) -> Result<Option<Root>> {
        let path = self.path.join(name);
        match openat(&self.folder, name, FOLDER | OFlags::PATH, Mode::empty()) {
            Ok(folder) => Ok(Some(Root::private(folder, path))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(self.refused("open", &path, error)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn folder(&self) -> &OwnedFd {
        &self.folder
    }

    pub(super) fn stat(&self) -> Result<Stat> {
        fstat(&self.folder).map_err(|e| Error::reading("look at", &self.path, e.into()))
    }

    /// The part of `path` that lies below this folder.
    pub(super) fn relative<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        let rel = path.strip_prefix(&self.path).ok()?;
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
        rel.components().all(plain).then_some(rel)
    }

    /// The folder that holds `path`, and the name of `path` in it.
    pub(super) fn parent<'a>(&self, doing: &str, path: &'a Path) -> Result<(OwnedFd, &'a OsStr)> {
        let inside = self
            .relative(path)
            .and_then(|rel| Some((rel.parent()?, rel.file_name()?)));
        let Some((parent, name)) = inside else {
            return Err(outside(path));
        };
        let folder = self
            .open_folder(parent, OFlags::PATH)
            .map_err(|error| self.refused(doing, path, error))?;
        Ok((folder, name))
    }

    /// Opens a folder below this one without following a link.
    pub(super) fn open_folder(&self, rel: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let here = if rel.as_os_str().is_empty() {
            Path::new(".")
        } else {
            rel
        };
        let flags = FOLDER | flags;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        loop {
            match openat2(&self.folder, here, flags, Mode::empty(), resolve) {
                // Another process is renaming folders.
                Err(Errno::AGAIN | Errno::INTR) => {}
                // The call is missing before Linux 5.6, and in containers whose filter does not
                // know it.
                Err(Errno::NOSYS | Errno::PERM) => return self.step_by_step(here, flags),
                done => return done,
            }
        }
    }

    fn step_by_step(&self, rel: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let mut folder: Option<OwnedFd> = None;
        let mut parts = rel.components().peekable();
        while let Some(part) = parts.next() {
            let flags = match parts.peek() {
                Some(_) => FOLDER | OFlags::PATH,
                None => flags,
            };
            let from = folder.as_ref().unwrap_or(&self.folder);
            folder = Some(openat(from, part.as_os_str(), flags, Mode::empty())?);
        }
        folder.ok_or(Errno::NOENT)
    }

    /// Opens a regular file for reading; `None` if it does not exist. It does not wait, and follows
    /// no link.
    pub(crate) fn open_file(&self, path: &Path) -> Result<Option<File>> {
        let failed = |error: Errno| {
            let on_the_way = self.in_the_way(path, error);
            on_the_way.unwrap_or_else(|| Error::reading("read", path, error.into()))
        };
        let Some(rel) = self.relative(path) else {
            return Err(outside(path));
        };
        let parent = rel.parent().unwrap_or(Path::new(""));
        let folder = match self.open_folder(parent, OFlags::PATH) {
            Err(Errno::NOENT) => return Ok(None),
            folder => folder.map_err(failed)?,
        };
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let name = rel.file_name().ok_or_else(|| outside(path))?;
        let file: File = match openat(&folder, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            opened => opened.map_err(failed)?.into(),
        };
        match file.metadata() {
            Ok(meta) if meta.is_file() => Ok(Some(file)),
            Ok(_) => Err(not_ours(path, "is not a regular file")),
            Err(e) => Err(Error::reading("read", path, e)),
        }
    }

    /// The names in this folder.
    pub(crate) fn names(&self) -> Result<Vec<std::ffi::OsString>> {
        let failed = |e: io::Error| Error::reading("read", &self.path, e);
        let folder = self
            .open_folder(Path::new(""), OFlags::RDONLY)
            .map_err(|e| failed(e.into()))?;
        names(&folder).map_err(failed)
    }

    /// The names in a folder below this one, sorted, and whether each is a folder. No link is
    /// followed, and none is a folder.
    #[cfg(feature = "install")]
    pub(crate) fn entries(&self, rel: &Path) -> Result<Vec<(std::ffi::OsString, bool)>> {
        use rustix::fs::{AtFlags, FileType, statat};
        let path = self.path.join(rel);
        let failed = |e: io::Error| Error::reading("read", &path, e);
        let folder = self
            .open_folder(rel, OFlags::RDONLY)
            .map_err(|e| failed(e.into()))?;
        let mut found = Vec::new();
        for name in names(&folder).map_err(failed)? {
            match statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => {
                    let kind = FileType::from_raw_mode(stat.st_mode);
                    found.push((name, kind == FileType::Directory));
                }
                // It went away meanwhile.
                Err(Errno::NOENT) => {}
                Err(e) => return Err(failed(e.into())),
            }
        }
        found.sort();
        Ok(found)
    }

    /// The error about `path`. It names a link or another user's file on the way.
    pub(super) fn refused(&self, doing: &str, path: &Path, error: Errno) -> Error {
        let on_the_way = self.in_the_way(path, error);
        on_the_way.unwrap_or_else(|| Error::writing(doing, path, error.into()))
    }

    /// The error about a link or a file on the way to `path`, if that caused the failure.
    fn in_the_way(&self, path: &Path, error: Errno) -> Option<Error> {
        if matches!(error, Errno::LOOP | Errno::NOTDIR | Errno::XDEV) {
            let rel = self.relative(path).unwrap_or(Path::new(""));
            let mut at = self.path.clone();
            for part in rel.components() {
                at.push(part);
                match fs::symlink_metadata(&at) {
                    Ok(meta) if meta.is_symlink() => return Some(not_ours(&at, "is a link")),
                    Ok(meta) if !meta.is_dir() && at != path => {
                        return Some(not_ours(&at, "is not a folder"));
                    }
                    _ => {}
                }
            }
        }
        None
    }

    /// Fails unless this folder belongs to the effective user or to root.
    pub(super) fn check_owner(&self) -> Result<()> {
        let owner = self.stat()?.st_uid;
        if user::is_trusted(owner) {
            return Ok(());
        }
        let own = user::name_of(user::effective_uid());
        let other = user::name_of(owner);
        let command = std::env::args_os().map(|word| crate::syntax::shell_quote(&word));
        let command: Vec<String> = command.collect();
        Err(Error::new(
            ErrorKind::NotOurs,
            format!(
                "{} belongs to the user {other}, but {own} runs this. {other} could redirect the \
                 writes of {own}. Choose another output directory (--out-dir), or run this as \
                 {other}:\n    {}",
                self.path.display(),
                user::run_as(owner, &command.join(" "))
            ),
        )
        .advise(Advice::new(
            "folder-of-another-user",
            format!("choose another output directory, or run this as {other}"),
        )))
    }
}

/// The names in an open folder.
pub(super) fn names(folder: &OwnedFd) -> io::Result<Vec<std::ffi::OsString>> {
    use std::os::unix::ffi::OsStrExt;
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsStr::from_bytes(name).to_owned());
        }
    }
    Ok(names)
}

/// The target of a link in an open folder.
pub(super) fn link_target(folder: &OwnedFd, name: &OsStr) -> Result<PathBuf, Errno> {
    use std::os::unix::ffi::OsStringExt;
    let target = readlinkat(folder, name, Vec::new())?;
    Ok(std::ffi::OsString::from_vec(target.into_bytes()).into())
}

/// An error about a file or folder that kbuild-rs would write to and did not create.
pub(crate) fn not_ours(path: &Path, why: &str) -> Error {
    Error::new(
        ErrorKind::NotOurs,
        format!(
            "{} {why}. kbuild-rs did not create it and did not change it. Move it away, or choose \
             another output directory",
            path.display()
        ),
    )
    .advise(Advice::new(
        "foreign-file",
        "move it away, or choose another output directory",
    ))
}

fn outside(path: &Path) -> Error {
    Error::new(
        ErrorKind::NotOurs,
        format!(
            "{} is outside the output directory. It was not changed",
            path.display()
        ),
    )
}
