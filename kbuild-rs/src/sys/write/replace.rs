//! Replacing a file by another version of itself.

use std::fs::{File, Metadata, Permissions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use rustix::fs::{Mode, OFlags, fsync, openat};

use super::{PART, Writer, part_of};
use crate::sys::process_exists;
use crate::sys::root::names;
use crate::{Error, Result};

impl Writer {
    /// Writes a file whole or not at all, with mode and owner of `like`; it is on the disk when this
    /// returns. The name gets a new file: other names of the old one, and the target of a link, keep
    /// their contents.
    pub(crate) fn replace(&self, path: &Path, bytes: &[u8], like: &Metadata) -> Result<()> {
        let part = part_of(path).with_extension(format!("{}{}", std::process::id(), PART));
        let mut write = |file: &mut File| {
            file.write_all(bytes)?;
            keep(file, like)?;
            file.sync_all()
        };
        let root = self.root(path)?;
        let (parent, _) = root.parent("write", path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(&parent, ".", flags, Mode::empty())
            .map_err(|error| Error::writing("write", path, error.into()))?;
        self.remove_left_parts(path, &folder)?;
        self.write_over(path, &part, 0o600, &mut write)?;
        fsync(&folder).map_err(|error| Error::writing("write", path, error.into()))
    }

    /// Removes what killed processes left of this file.
    fn remove_left_parts(&self, path: &Path, folder: &OwnedFd) -> Result<()> {
        let names = names(folder).map_err(|error| Error::writing("write", path, error))?;
        let part = part_of(path);
        for name in names {
            if is_left(
                name.as_bytes(),
                part.file_name().unwrap_or_default().as_bytes(),
            ) {
                self.remove_file(&path.with_file_name(name))?;
            }
        }
        Ok(())
    }
}

/// Whether this is the part of an ended process: `.hello.ko.1234.part` beside `.hello.ko.part`.
fn is_left(name: &[u8], part: &[u8]) -> bool {
    let number = part
        .strip_suffix(PART.as_bytes())
        .and_then(|front| name.strip_prefix(front)?.strip_prefix(b"."))
        .and_then(|rest| std::str::from_utf8(rest.strip_suffix(PART.as_bytes())?).ok());
    let process = number.and_then(|number| number.parse().ok());
    process.is_some_and(|process| !process_exists(process))
}

/// Owner first: changing it clears bits of the mode.
fn keep(file: &File, like: &Metadata) -> io::Result<()> {
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
        fchown(file, Some(like.uid()), Some(like.gid())).map_err(|error| {
            let what = format!("its owner and group cannot be kept ({error})");
            io::Error::new(error.kind(), what)
        })?;
    }
    file.set_permissions(Permissions::from_mode(like.mode() & 0o7777))
}
