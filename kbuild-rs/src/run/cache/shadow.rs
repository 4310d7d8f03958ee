//! Places where a new header would come before one that was used.
//!
//! A header `include/linux/a.h` was found there because `arch/x86/include/linux/a.h`, in a folder that
//! the compiler searches earlier, does not exist. No dependency file names it. The folders of the
//! module tree need no such check: all of their files are in the key.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::entry::{Absent, Entry};
use crate::kbuild::cmd_file;

/// The names in folders, each folder read once.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<PathBuf, Option<HashSet<OsString>>>);

impl Names {
    /// Whether anything has this path. A folder that does not exist has no names.
    fn has(&mut self, path: &Path) -> bool {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return true;
        };
        if !self.0.contains_key(folder) {
            let names = match fs::read_dir(folder) {
                Ok(entries) => Some(entries.flatten().map(|entry| entry.file_name()).collect()),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => Some(HashSet::new()),
                Err(_) => None,
            };
            self.0.insert(folder.to_owned(), names);
        }
        match self.0.get(folder) {
            Some(Some(names)) => names.contains(name),
            // What cannot be listed can be asked for.
            _ => fs::symlink_metadata(path).is_ok(),
        }
    }
}

/// Collects the places of a build.
#[derive(Debug, Default)]
pub(super) struct Shadows {
    lists: Vec<Vec<PathBuf>>,
    absent: HashSet<Absent>,
    names: Names,
}

impl Shadows {
    /// Adds the headers of a saved command. Relative paths start at `cwd`; folders below `ours` are
    /// left out.
    pub(super) fn add(&mut self, text: &str, cwd: &Path, ours: &Path) {
        let command = cmd_file::saved_command(text).unwrap_or_default();
        let named = searched(command);
        if named.len() < 2 {
            return;
        }
        let folders: Vec<PathBuf> = named.iter().map(|f| normal(&cwd.join(f))).collect();
        let list = match self.lists.iter().position(|known| *known == folders) {
            Some(list) => list,
            None => {
                self.lists.push(folders.clone());
                self.lists.len() - 1
            }
        };
        for header in cmd_file::parse(text) {
            for (last, folder) in named.iter().enumerate().skip(1) {
                let rel = header
                    .strip_prefix(folder)
                    .and_then(|r| r.strip_prefix('/'));
                if let Some(rel) = rel {
                    self.add_before(list, &folders[..last], rel, ours);
                }
            }
        }
    }

    /// Adds the folders that do not have the header, as ranges.
    fn add_before(&mut self, list: usize, folders: &[PathBuf], rel: &str, ours: &Path) {
        let mut from = 0;
        for at in 0..=folders.len() {
            let is_absent = folders.get(at).is_some_and(|folder| {
                !folder.starts_with(ours) && !self.names.has(&folder.join(rel))
            });
            if !is_absent {
                if from < at {
                    self.absent.insert(Absent {
                        list,
                        folders: (from, at),
                        rel: rel.as_bytes().to_vec(),
                    });
                }
                from = at + 1;
            }
        }
    }

    /// Puts what was collected into an entry.
    pub(super) fn give(self, entry: &mut Entry) {
        entry.lists = self.lists;
        entry.absent = self.absent.into_iter().collect();
        entry.absent.sort_by(|a, b| {
            let key = |absent: &Absent| (absent.list, absent.folders, absent.rel.clone());
            key(a).cmp(&key(b))
        });
    }
}

/// A place that now has a file which would come first.
pub(super) fn shadowed(entry: &Entry, names: &mut Names) -> Option<PathBuf> {
    for absent in &entry.absent {
        let list = entry.lists.get(absent.list)?;
        let rel = Path::new(std::ffi::OsStr::from_bytes(&absent.rel));
        let folders = list.get(absent.folders.0..absent.folders.1)?;
        for folder in folders {
            let place = folder.join(rel);
            if names.has(&place) {
                return Some(place);
            }
        }
    }
    None
}

/// The folders that a command has its compiler search for headers, as it names them.
fn searched(command: &str) -> Vec<&str> {
    const FLAGS: [&str; 4] = ["-I", "-iquote", "-isystem", "-idirafter"];
    let mut folders = Vec::new();
    let mut words = command.split_ascii_whitespace();
    while let Some(word) = words.next() {
        let Some(folder) = FLAGS.iter().find_map(|flag| word.strip_prefix(flag)) else {
            continue;
        };
        let folder = match folder.is_empty() {
            true => words.next().unwrap_or_default(),
            false => folder,
        };
        let folder = folder.trim_matches(['\'', '"']).trim_end_matches('/');
        if !folder.is_empty() && !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

/// The path without `.` only: where `..` leads behind a link, the file system decides.
fn normal(path: &Path) -> PathBuf {
    path.components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    #[test]
    fn a_header_that_would_come_before_a_used_one_is_noticed() {
        let root = Root::new();
        for file in [
            "k/include/linux/a.h",
            "k/arch/include/asm/b.h",
            "k/uapi/linux/c.h",
        ] {
            root.write(file, "");
        }
        let text = "savedcmd_a.o := gcc -nostdinc -I./arch/include -Inone -I ./include \
                    -I./uapi -I/stage/x -D'X' -c a.c\n\nsource_a.o := a.c\n\ndeps_a.o := \\\n  \
                    include/linux/a.h \\\n  ./include/linux/a.h \\\n  ./arch/include/asm/b.h \\\n  \
                    ./uapi/linux/c.h \\\n\na.o: $(deps_a.o)\n";
        let entry = || {
            let mut shadows = Shadows::default();
            shadows.add(text, &root.join("k"), Path::new("/stage"));
            let mut entry = Entry::default();
            shadows.give(&mut entry);
            entry
        };
        let stored = entry();
        assert_eq!(stored.lists.len(), 1);
        assert_eq!(shadowed(&stored, &mut Names::default()), None);
        for new in [
            "k/arch/include/linux/a.h",
            "k/none/linux/a.h",
            "k/include/linux/c.h",
            "k/none/linux/c.h",
        ] {
            let file = root.write(new, "");
            assert_eq!(shadowed(&stored, &mut Names::default()), Some(file.clone()));
            fs::remove_file(file).unwrap();
        }
        root.write("k/uapi/linux/a.h", "");
        root.write("k/include/asm/b.h", "");
        assert_eq!(shadowed(&stored, &mut Names::default()), None);
        // A place that already had such a file is no place for a new one.
        root.write("k/none/linux/c.h", "");
        let after = entry();
        assert_eq!(shadowed(&after, &mut Names::default()), None);
        root.write("k/arch/include/linux/c.h", "");
        assert!(shadowed(&after, &mut Names::default()).is_some());
    }
}
