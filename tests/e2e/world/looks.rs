//! The visible state of a user's files. Another user may add or remove a hard link, which only
//! changes a ctime that the owner does not see.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// All entries at and below some folders. Links are not followed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Looks(BTreeMap<PathBuf, String>);

impl Looks {
    /// Records `root` and all below it, without the paths in `except`.
    pub(crate) fn of(root: &Path, except: &[PathBuf]) -> Looks {
        let mut all = BTreeMap::new();
        add(root, except, &mut all);
        Looks(all)
    }

    /// Records several folders and files.
    pub(crate) fn of_all(roots: &[PathBuf]) -> Looks {
        let mut all = BTreeMap::new();
        for root in roots {
            add(root, &[], &mut all);
        }
        Looks(all)
    }

    /// The changes since then, one line an entry.
    pub(crate) fn changes(&self, now: &Looks) -> Vec<String> {
        let mut lines = Vec::new();
        for (path, then) in &self.0 {
            match now.0.get(path) {
                None => lines.push(format!("{} is gone", path.display())),
                Some(now) if now != then => {
                    lines.push(format!("{}: {then} -> {now}", path.display()));
                }
                Some(_) => {}
            }
        }
        let new = now.0.keys().filter(|path| !self.0.contains_key(*path));
        lines.extend(new.map(|path| format!("{} is new", path.display())));
        lines
    }
}

fn add(path: &Path, except: &[PathBuf], all: &mut BTreeMap<PathBuf, String>) {
    if except.iter().any(|e| e == path) {
        return;
    }
    let Ok(meta) = fs::symlink_metadata(path) else {
        return;
    };
    let kind = meta.file_type();
    let content = match () {
        () if kind.is_file() => format!("holds {:?}", shown(&fs::read(path).unwrap_or_default())),
        () if kind.is_symlink() => format!("leads to {:?}", fs::read_link(path).unwrap()),
        () if kind.is_dir() => "is a folder".to_owned(),
        () => "is special".to_owned(),
    };
    let (seconds, nanos) = (meta.mtime(), meta.mtime_nsec());
    all.insert(
        path.to_owned(),
        format!(
            "mode {:o}, user {}, inode {}, mtime {seconds}.{nanos:09}, {content}",
            meta.mode(),
            meta.uid(),
            meta.ino(),
        ),
    );
    if kind.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            add(&entry.path(), except, all);
        }
    }
}

/// A short text as it is; the size and hash of a longer one.
fn shown(bytes: &[u8]) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    match std::str::from_utf8(bytes) {
        Ok(text) if text.len() < 60 => text.to_owned(),
        _ => {
            let mut hasher = DefaultHasher::new();
            bytes.hash(&mut hasher);
            format!("{} bytes {:x}", bytes.len(), hasher.finish())
        }
    }
}

/// The first changes. Changed folders come last, because they tell least.
pub(crate) fn shortened(changes: &[String]) -> Vec<String> {
    let (folders, mut told): (Vec<_>, Vec<_>) = changes
        .iter()
        .partition(|line| line.ends_with("is a folder"));
    told.extend(folders);
    let more = told.len().saturating_sub(3);
    told.truncate(3);
    let mut lines: Vec<_> = told.iter().map(|line| format!("TOUCHED {line}")).collect();
    if more > 0 {
        lines.push(format!("TOUCHED {more} more"));
    }
    lines
}
