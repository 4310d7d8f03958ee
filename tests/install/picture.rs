//! The contents of a root, to compare two times.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Every entry below a root: its type and rights, its owner, its bytes or its target, and the time of a
/// module. Times of folders and of depmod's files change with each depmod.
#[derive(PartialEq, Eq)]
pub(crate) struct Picture(BTreeMap<PathBuf, Entry>);

#[derive(PartialEq, Eq)]
struct Entry {
    mode: u32,
    owner: (u32, u32),
    links: u64,
    modified: Option<(i64, i64)>,
    content: Vec<u8>,
}

impl Picture {
    pub(crate) fn take(root: &Path) -> Picture {
        let mut entries = BTreeMap::new();
        let mut pending = vec![root.to_owned()];
        while let Some(path) = pending.pop() {
            let metadata = fs::symlink_metadata(&path).unwrap();
            if metadata.is_dir() {
                pending.extend(
                    fs::read_dir(&path)
                        .unwrap()
                        .map(|entry| entry.unwrap().path()),
                );
            }
            let name = path.strip_prefix(root).unwrap().to_owned();
            entries.insert(name, Entry::of(&path, &metadata));
        }
        Picture(entries)
    }

    /// The differences of `later`, a line an entry.
    pub(crate) fn differences(&self, later: &Picture) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, entry) in &self.0 {
            match later.0.get(name) {
                None => lines.push(format!("{} is gone", name.display())),
                Some(other) if other != entry => {
                    lines.push(format!("{}: {}", name.display(), entry.change(other)));
                }
                Some(_) => {}
            }
        }
        let is_new = |name: &&PathBuf| !self.0.contains_key(*name);
        let new = later.0.keys().filter(is_new);
        lines.extend(new.map(|name| format!("{} is new", name.display())));
        lines
    }
}

impl Entry {
    fn of(path: &Path, metadata: &fs::Metadata) -> Entry {
        let content = match metadata.file_type() {
            kind if kind.is_file() => fs::read(path).unwrap(),
            kind if kind.is_symlink() => fs::read_link(path)
                .unwrap()
                .into_os_string()
                .into_encoded_bytes(),
            _ => Vec::new(),
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_module = metadata.is_file() && name.contains(".ko");
        Entry {
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            // A folder's number grows with the folders in it, which have entries of their own.
            links: if metadata.is_dir() {
                0
            } else {
                metadata.nlink()
            },
            modified: is_module.then(|| (metadata.mtime(), metadata.mtime_nsec())),
            content,
        }
    }

    fn change(&self, other: &Entry) -> String {
        format!(
            "mode {:o} -> {:o}, owner {:?} -> {:?}, links {} -> {}, time {:?} -> {:?}, content {}",
            self.mode,
            other.mode,
            self.owner,
            other.owner,
            self.links,
            other.links,
            self.modified,
            other.modified,
            if self.content == other.content {
                "the same"
            } else {
                "another"
            }
        )
    }
}
