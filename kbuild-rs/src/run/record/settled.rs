//! Checks the inputs of a build after make has ended. An input that may have been another file
//! while make ran counts as changed.
//!
//! Folders are compared by device and inode. A new file in a folder changes both of its times, a
//! new name only the ctime. So a folder that was renamed while make ran counts as another one.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Class, Prerequisite, Record};
use crate::sys::Identity;

/// The folders above the inputs, in their state before make started. If two folders trade places,
/// their files go along and keep their old times.
#[derive(Debug)]
pub(crate) struct FoldersBefore {
    /// The marker's time.
    start: Duration,
    /// Device and inode of each folder that was known.
    before: HashMap<PathBuf, (u64, u64)>,
}

impl FoldersBefore {
    /// Records the folders above each of `inputs`. `start` is a time since the epoch, by the clock
    /// of their file system.
    pub(crate) fn to<'a>(inputs: impl Iterator<Item = &'a Path>, start: Duration) -> FoldersBefore {
        let mut before = HashMap::new();
        for input in inputs {
            for folder in input.ancestors().skip(1) {
                if before.contains_key(folder) {
                    break;
                }
                if let Ok(meta) = fs::symlink_metadata(folder) {
                    before.insert(folder.to_owned(), (meta.dev(), meta.ino()));
                }
            }
        }
        FoldersBefore { start, before }
    }

    /// Starts the check of inputs. The contents of those in `old` need not be read again.
    pub(crate) fn after<'a>(&'a self, old: &'a Record) -> InputsAfter<'a> {
        let known = old.prerequisites.iter();
        InputsAfter {
            folders: self,
            old: known.map(|p| (p.path.as_path(), p)).collect(),
            changed: HashMap::new(),
        }
    }

    /// Whether this entry may have changed since make started.
    fn has_changed(&self, folder: &Path) -> bool {
        let Ok(meta) = fs::symlink_metadata(folder) else {
            return true;
        };
        let id = Identity::from_metadata(&meta);
        let other = self.before.get(folder);
        if other.is_some_and(|&known| known != (meta.dev(), meta.ino())) {
            return true;
        }
        if id.is_settled(self.start) {
            return false;
        }
        // A new or removed entry sets both times of a folder. A new name only sets one.
        meta.is_symlink() || id.changed_after_written()
    }
}

/// Checks the inputs that make read.
pub(crate) struct InputsAfter<'a> {
    folders: &'a FoldersBefore,
    old: HashMap<&'a Path, &'a Prerequisite>,
    /// The answers for folders, with the folders above them.
    changed: HashMap<PathBuf, bool>,
}

impl InputsAfter<'_> {
    /// The current prerequisite. It counts as changed if it may have been another file while make
    /// ran, or if it does not exist any more.
    pub(crate) fn at(&mut self, class: Class, path: PathBuf) -> Prerequisite {
        let id = match path
            .parent()
            .is_some_and(|folder| self.leads_elsewhere(folder))
        {
            true => None,
            false => self.identity(&path),
        };
        Prerequisite { class, path, id }
    }

    fn identity(&self, path: &Path) -> Option<Identity> {
        let id = Identity::of_settled(path, self.folders.start).ok()??;
        let known = self.old.get(path).and_then(|p| p.id.as_ref());
        if let Some(known) = known.filter(|known| known.same_metadata(&id)) {
            return Some(known.clone());
        }
        let mut with_content = id.clone();
        if with_content.know_content(path).is_err() {
            return Some(id);
        }
        // The content must belong to the file that was checked.
        let now = Identity::of(path).ok()?;
        now.same_metadata(&id).then_some(with_content)
    }

    /// Whether the folder, or one above it, may have changed since make started.
    fn leads_elsewhere(&mut self, folder: &Path) -> bool {
        if let Some(&known) = self.changed.get(folder) {
            return known;
        }
        let changed = self.folders.has_changed(folder)
            || folder
                .parent()
                .is_some_and(|above| self.leads_elsewhere(above));
        self.changed.insert(folder.to_owned(), changed);
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;
    use crate::sys::file_clock;

    /// A folder with files in folders, and the time after their creation.
    fn scratch() -> (Root, Duration) {
        let dir = Root::new();
        for (file, text) in [
            ("inc/a.h", "one"),
            ("other/a.h", "two"),
            ("far/inc/a.h", "x"),
        ] {
            dir.write(file, text);
        }
        std::thread::sleep(Duration::from_millis(30));
        let start = file_clock();
        std::thread::sleep(Duration::from_millis(30));
        (dir, start)
    }

    fn is_known(folders: &FoldersBefore, file: &Path) -> bool {
        let old = Record::default();
        let seen = folders.after(&old).at(Class::Targets, file.to_owned());
        seen.id.is_some()
    }

    #[test]
    fn folders_that_traded_places_are_noticed_and_new_files_beside_an_input_are_not() {
        let (dir, start) = scratch();
        let file = dir.join("inc/a.h");
        let folders = FoldersBefore::to(std::iter::empty(), start);
        assert!(is_known(&folders, &file));
        dir.write("inc/new.h", "");
        dir.write("new", "");
        assert!(is_known(&folders, &file));
        fs::rename(dir.join("inc"), dir.join("gone")).unwrap();
        fs::rename(dir.join("other"), dir.join("inc")).unwrap();
        assert!(!is_known(&folders, &file));
        // The folder goes back to its old name.
        fs::rename(dir.join("inc"), dir.join("other")).unwrap();
        fs::rename(dir.join("gone"), dir.join("inc")).unwrap();
        assert!(!is_known(&folders, &file));
        let above = dir.join("far/inc/a.h");
        assert!(is_known(&folders, &above));
        fs::rename(dir.join("far"), dir.join("other/far")).unwrap();
        fs::rename(dir.join("other/far"), dir.join("far")).unwrap();
        assert!(!is_known(&folders, &above));
    }

    #[test]
    fn a_folder_that_is_known_may_not_be_another_one_that_got_new_files() {
        let (dir, start) = scratch();
        let file = dir.join("inc/a.h");
        let folders = FoldersBefore::to([file.as_path()].into_iter(), start);
        fs::rename(dir.join("inc"), dir.join("gone")).unwrap();
        fs::rename(dir.join("other"), dir.join("inc")).unwrap();
        dir.write("inc/new.h", "");
        assert!(!is_known(&folders, &file));
    }

    #[test]
    fn a_link_that_was_made_since_is_another_one() {
        let (dir, start) = scratch();
        let file = dir.join("link/a.h");
        dir.link("inc", "link");
        let folders = FoldersBefore::to(std::iter::empty(), start);
        assert!(!is_known(&folders, &file));
        assert!(is_known(&folders, &dir.join("inc/a.h")));
    }
}
