//! The bytes, mode and time of a copy.

use std::fs::{self, File, FileTimes};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::SystemTime;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

/// How to make a copy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CopyOptions {
    /// Mode bits that are added to those of the source.
    pub(crate) add_mode: u32,
    pub(crate) mtime: Option<SystemTime>,
}

/// Copies bytes, mode and time of one file into another.
pub(super) fn fill(
    from: &File,
    meta: &fs::Metadata,
    to: &mut File,
    how: CopyOptions,
) -> io::Result<()> {
    // The file takes fewer blocks of 512 bytes than its size, so it has holes.
    match meta.blocks() * 512 < meta.len() {
        true => copy_sparse(from, meta.len(), to)?,
        // This reflinks if the file system can; see copy_file_range(2).
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

/// Copies the data and keeps the holes.
fn copy_sparse(from: &File, size: u64, to: &mut File) -> io::Result<()> {
    let mut at = 0;
    while at < size {
        let start = match seek(from, SeekFrom::Data(at)) {
            Ok(start) => start,
            // The rest of the file is a hole.
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
