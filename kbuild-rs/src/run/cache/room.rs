//! The size of a cache: entries that were not used for the longest time go first.

use std::path::PathBuf;

use super::entry::Entry;
use super::folder::{Folder, Stored};
use crate::Result;

/// The state of a cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) entries: usize,
    pub(crate) bytes: u64,
}

/// Removes entries until the others take at most `limit` bytes, and what killed processes left. A
/// builder that reads an entry meanwhile keeps its open file.
pub(crate) fn make_room(folder: &Folder, limit: u64) -> Result<Sizes> {
    let all = folder.all();
    let mut total: u64 = all.iter().map(|stored| stored.size).sum();
    let mut removed = Sizes::default();
    if total > limit {
        // The next builds then do not search again.
        let wanted = limit - limit / 10;
        for stored in &all {
            if total <= wanted {
                break;
            }
            total -= stored.size;
            removed.entries += folder.remove(std::slice::from_ref(stored))?;
            removed.bytes += stored.size;
        }
    }
    for path in folder.left_parts() {
        // Another builder may remove the same file.
        let _ = folder.writer.remove_file(&path);
    }
    Ok(removed)
}

/// Removes everything.
pub(crate) fn remove_all(folder: &Folder) -> Result<Sizes> {
    let mut removed = make_room(folder, 0)?;
    for stored in folder.all_hashes() {
        if folder.writer.remove_file(&stored.path)? {
            removed.bytes += stored.size;
        }
    }
    Ok(removed)
}

/// The number of entries, and the bytes of all files.
pub(crate) fn sizes(folder: &Folder) -> Sizes {
    let entries = folder.all();
    let hashes = folder.all_hashes();
    let bytes = entries.iter().chain(&hashes).map(|stored| stored.size);
    Sizes {
        entries: entries.len(),
        bytes: bytes.sum(),
    }
}

/// Reads all entries, and removes the damaged ones. Returns the number of entries, and the damaged
/// ones.
pub(crate) fn verify(folder: &Folder) -> Result<(usize, Vec<PathBuf>)> {
    let all = folder.all();
    let mut damaged = Vec::new();
    for Stored { path, .. } in &all {
        let is_whole = match folder.writer.read(path) {
            Ok(Some(file)) => Entry::parse(&Folder::key_of(path), &file)
                .is_some_and(|(entry, start)| entry.bytes(&file, start).is_some()),
            Ok(None) => continue,
            // A disk's error, or no permission: no build can use it.
            Err(_) => false,
        };
        if !is_whole {
            folder.writer.remove_file(path)?;
            damaged.push(path.clone());
        }
    }
    Ok((all.len(), damaged))
}
