//! Replacing a file by another version of itself.

use std::fs::{File, Metadata, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use rustix::fs::{OFlags, fsync};

use super::{Writer, part_of};
use crate::{Error, Result};

impl Writer {
    /// Writes a file whole or not at all, with mode and owner of `like`; it is on the disk when this
    /// returns. The name gets a new file: other names of the old one, and the target of a link, keep
    /// their contents.
    pub(crate) fn replace(&self, path: &Path, bytes: &[u8], like: &Metadata) -> Result<()> {
        let part = part_of(path).with_extension(format!("{}{}", std::process::id(), super::PART));
        let mut write = |file: &mut File| {
            file.write_all(bytes)?;
            keep(file, like)?;
            file.sync_all()
        };
        self.write_over(path, &part, 0o600, &mut write)?;
        let root = self.root(path)?;
        let (parent, _) = root.parent("write", path)?;
        let folder = rustix::fs::openat(
            &parent,
            ".",
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        );
        let synced = folder.and_then(fsync);
        synced.map_err(|error| Error::writing("write", path, error.into()))
    }
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
