//! The bytes, mode and time of a copy.

use std::fs::{self, File, FileTimes};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::SystemTime;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

/// The way to make a copy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CopyOptions {
    /// Bits that the copy has besides those of its source.
    pub(crate) add_mode: u32,
    pub(crate) mtime: Option<SystemTime>,
}

/// Puts bytes, mode and time of one file into another.
pub(super) fn fill(
    from: &File,
    meta: &fs::Metadata,
    to: &mut File,
    how: CopyOptions,
) -> io::Result<()> {
    // In blocks of 512 bytes: fewer than its size takes, so there are holes.
    match meta.blocks() * 512 < meta.len() {
        true => copy_sparse(from, meta.len(), to)?,
        // Reflinks where the file system can; see copy_file_range(2).
        false => drop(io::copy(&mut &*from, to)?),
    }
    to.set_permissions(fs::Permissions::from_mode(
        meta.permissions().mode() & 0o777 | how.add_mode,
    ))?;
    match how.mtime {
        Some(time) => to.set_times(FileTimes::new().set_modified(time)),
        None => Ok(()),
    }
}

/// Copies what holds data, and leaves the holes.
fn copy_sparse(from: &File, size: u64, to: &mut File) -> io::Result<()> {
    let mut at = 0;
    while at < size {
        let start = match seek(from, SeekFrom::Data(at)) {
            Ok(start) => start,
            // Nothing but a hole up to the end.
            Err(Errno::NXIO) => break,
            Err(e) => return Err(e.into()),
        };
        let end = seek(from, SeekFrom::Hole(start))?.min(size);
        seek(from, SeekFrom::Start(start))?;
        seek(&*to, SeekFrom::Start(start))?;
        io::copy(&mut from.take(end - start), to)?;
        at = end;
    }
    to.set_len(size)
}
