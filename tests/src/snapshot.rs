//! Tells whether a tree changed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::hash::Hasher;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use crate::Result;

/// All entries at and below a directory. Links are not followed.
#[derive(Clone, Debug)]
pub struct Snapshot {
    entries: BTreeMap<PathBuf, Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    kind: &'static str,
    size: u64,
    mtime: Time,
    ctime: Time,
    mode: u32,
    owner: (u32, u32),
    target: Option<OsString>,
    content: Option<u64>,
}

/// Seconds and nanoseconds.
type Time = (i64, i64);

impl Snapshot {
    /// Name, type, size, mtime, ctime, mode, owner and link target of every entry.
    ///
    /// # Errors
    /// If a directory or an entry in it cannot be read.
    pub fn take(directory: impl AsRef<Path>) -> Result<Snapshot> {
        Self::of(directory.as_ref(), false)
    }

    /// As [`Snapshot::take`], and a hash of every regular file's content.
    ///
    /// # Errors
    /// As [`Snapshot::take`], and if a file cannot be read.
    pub fn take_with_content(directory: impl AsRef<Path>) -> Result<Snapshot> {
        Self::of(directory.as_ref(), true)
    }

    fn of(root: &Path, content: bool) -> Result<Snapshot> {
        let mut entries = BTreeMap::new();
        let mut pending = vec![root.to_path_buf()];
        while let Some(path) = pending.pop() {
            let fail = |error| format!("cannot read {}: {error}", path.display());
            let metadata = fs::symlink_metadata(&path).map_err(fail)?;
            if metadata.is_dir() {
                for entry in fs::read_dir(&path).map_err(fail)? {
                    pending.push(entry.map_err(fail)?.path());
                }
            }
            let entry = Entry::new(&path, &metadata, content).map_err(fail)?;
            let name = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
            entries.insert(name, entry);
        }
        Ok(Snapshot { entries })
    }

    /// The differences in `later`, one readable line an entry; empty if there are none.
    ///
    /// Contents are compared if both snapshots have them.
    pub fn differences(&self, later: &Snapshot) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, entry) in &self.entries {
            match later.entries.get(name) {
                None => lines.push(format!("{}: is gone ({})", show(name), entry.kind)),
                Some(other) => {
                    let changes = entry.changes(other);
                    if !changes.is_empty() {
                        lines.push(format!("{}: {}", show(name), changes.join(", ")));
                    }
                }
            }
        }
        for (name, entry) in &later.entries {
            if !self.entries.contains_key(name) {
                lines.push(format!("{}: is new ({})", show(name), entry.kind));
            }
        }
        lines
    }
}

impl Entry {
    fn new(path: &Path, metadata: &Metadata, content: bool) -> std::io::Result<Entry> {
        let kind = match FileType::from_raw_mode(metadata.mode()) {
            FileType::RegularFile => "file",
            FileType::Directory => "directory",
            FileType::Symlink => "link",
            FileType::Fifo => "fifo",
            FileType::Socket => "socket",
            _ => "device",
        };
        let target = metadata
            .is_symlink()
            .then(|| fs::read_link(path))
            .transpose()?;
        let content = (content && metadata.is_file())
            .then(|| hash(path))
            .transpose()?;
        Ok(Entry {
            kind,
            size: metadata.size(),
            mtime: (metadata.mtime(), metadata.mtime_nsec()),
            ctime: (metadata.ctime(), metadata.ctime_nsec()),
            mode: metadata.mode() & 0o7777,
            owner: (metadata.uid(), metadata.gid()),
            target: target.map(PathBuf::into_os_string),
            content,
        })
    }

    fn changes(&self, other: &Entry) -> Vec<String> {
        let mut changes = Vec::new();
        let mut note = |what: &str, before: String, after: String| {
            if before != after {
                changes.push(format!("{what} {before} -> {after}"));
            }
        };
        let owner = |(user, group)| format!("{user}:{group}");
        note("owner", owner(self.owner), owner(other.owner));
        let time = |(seconds, nanos): Time| format!("{seconds}.{nanos:09}");
        note("type", self.kind.into(), other.kind.into());
        note("size", self.size.to_string(), other.size.to_string());
        note(
            "mode",
            format!("{:o}", self.mode),
            format!("{:o}", other.mode),
        );
        note("mtime", time(self.mtime), time(other.mtime));
        note("ctime", time(self.ctime), time(other.ctime));
        note(
            "target",
            format!("{:?}", self.target),
            format!("{:?}", other.target),
        );
        if let (Some(before), Some(after)) = (self.content, other.content) {
            note("content", format!("{before:016x}"), format!("{after:016x}"));
        }
        changes
    }
}

fn show(name: &Path) -> String {
    if name.as_os_str().is_empty() {
        "the directory itself".into()
    } else {
        format!("{name:?}")
    }
}

fn hash(path: &Path) -> std::io::Result<u64> {
    let mut file = fs::File::open(path)?;
    let mut hasher = std::hash::DefaultHasher::new();
    let mut chunk = vec![0; 1 << 16];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hasher.finish()),
            count => hasher.write(&chunk[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn an_untouched_tree_has_no_differences() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(OsString::from_vec(b"a\xff".to_vec())), "x").unwrap();
        symlink("nowhere", dir.path().join("dangling")).unwrap();
        let before = Snapshot::take_with_content(dir.path()).unwrap();
        let after = Snapshot::take_with_content(dir.path()).unwrap();
        assert_eq!(before.differences(&after), Vec::<String>::new());
    }

    #[test]
    fn each_kind_of_change_is_named() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["gone", "grown", "mode"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        // The umask must not matter.
        fs::set_permissions(dir.path().join("mode"), fs::Permissions::from_mode(0o644)).unwrap();
        symlink("one", dir.path().join("link")).unwrap();
        let before = Snapshot::take(dir.path()).unwrap();
        fs::remove_file(dir.path().join("gone")).unwrap();
        fs::write(dir.path().join("grown"), "xx").unwrap();
        fs::write(dir.path().join("new"), "").unwrap();
        fs::set_permissions(dir.path().join("mode"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::remove_file(dir.path().join("link")).unwrap();
        symlink("two", dir.path().join("link")).unwrap();
        let lines = before
            .differences(&Snapshot::take(dir.path()).unwrap())
            .join("\n");
        for expected in [
            "\"gone\": is gone",
            "\"grown\": size 1 -> 2",
            "\"new\": is new (file)",
            "\"mode\": mode 644 -> 600, ctime",
            "target Some(\"one\") -> Some(\"two\")",
            "the directory itself: ",
        ] {
            assert!(lines.contains(expected), "no `{expected}` in\n{lines}");
        }
    }

    #[test]
    fn content_that_keeps_its_size_and_mtime_is_still_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "one").unwrap();
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        let before = Snapshot::take_with_content(dir.path()).unwrap();
        fs::write(&path, "two").unwrap();
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(time)
            .unwrap();
        let lines = before.differences(&Snapshot::take_with_content(dir.path()).unwrap());
        assert!(
            lines[0].contains("content") && !lines[0].contains("mtime"),
            "{lines:?}"
        );
    }
}
