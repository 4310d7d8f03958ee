//! The lock of a root, and the end of a call that holds it.
//!
//! # Decisions
//! - The lock is a file that only the user who may change the root can open. Every user can open a
//!   folder such as `/`, and could hold a lock on it for ever.
//! - It stays as long as modules are installed. The last call removes it while it holds it, so a call
//!   that waited asks afterwards whether its file still has the name.
//! - A folder that becomes a package must not get such a file, not even after a kill. Its lock is on
//!   the folder itself, which belongs to whoever fills it.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::site::{FOLDERS, STATE, Site, open_state};
use crate::sys::tree::part_of;
use crate::sys::{Image, Lock, Tree};
use crate::{Error, Result};

/// The name of the lock in the folder of the journal.
const LOCK: &str = "lock";

/// More attempts than calls can remove the file at the same time.
const ATTEMPTS: usize = 1000;

/// What a call holds; closing the file ends the lock.
#[derive(Debug)]
pub(super) enum Hold {
    Nothing,
    /// The folder of a package.
    Folder {
        _lock: File,
    },
    /// The lock beside the journal. The folders are those that were created for it.
    Root {
        _lock: File,
        made: Vec<PathBuf>,
    },
}

impl Site {
    /// Opens a root to change it. Waits for the lock; `say` tells the user.
    pub(super) fn lock(root: &Path, say: &dyn Fn(&str)) -> Result<Site> {
        let image = Image::open(root)?;
        let mut made = Vec::new();
        let taken = take(&image, root, &mut made, say);
        let (lock, state) = taken.inspect_err(|_| {
            for folder in made.iter().rev() {
                image.remove_folder(folder);
            }
        })?;
        let site = Site {
            image,
            state: Some(state),
            hold: Hold::Root {
                _lock: lock,
                made: made.clone(),
            },
        };
        if !made.is_empty() {
            site.note(made)?;
        }
        Ok(site)
    }

    /// Opens a folder that becomes a package.
    pub(super) fn lock_folder(root: &Path, say: &dyn Fn(&str)) -> Result<Site> {
        let mut site = Site::open(root)?;
        let missing = || Error::reading("open", root, std::io::ErrorKind::NotFound.into());
        let folder = site.image.folder(Path::new(""))?.ok_or_else(missing)?;
        let lock = Tree::of(folder).handle()?;
        wait(&lock, root, say)?;
        site.hold = Hold::Folder { _lock: lock };
        Ok(site)
    }

    /// Removes the lock, and the folders that kbuild-rs created, if nothing is installed.
    pub(super) fn leave(&mut self) {
        let Hold::Root { made, .. } = &self.hold else {
            return;
        };
        let (Some(state), Ok((installed, pending))) = (&self.state, self.releases()) else {
            return;
        };
        if !installed.is_empty() || !pending.is_empty() {
            return;
        }
        let made = made.iter().filter_map(|path| path.to_str());
        let mut folders: BTreeSet<String> = made.map(str::to_owned).collect();
        folders.extend(self.made_folders().unwrap_or_default());
        for name in [part_of(Path::new(FOLDERS)), FOLDERS.into(), LOCK.into()] {
            let _ = state.remove(&name);
        }
        let is_gone = self.image.remove_folder(Path::new(STATE));
        let stays = |folder: &&String| !self.image.remove_folder(Path::new(*folder));
        let left: Vec<PathBuf> = folders
            .iter()
            .rev()
            .filter(stays)
            .map(PathBuf::from)
            .collect();
        if !is_gone && state.kind(Path::new(LOCK)).is_ok_and(|kind| kind.is_some()) {
            // Another call came in between. It does not know that these folders are ours.
            if let Ok(next) = Site::lock(self.image.path(), &|_| {}) {
                let _ = next.note(left);
            }
        }
    }
}

fn take(
    image: &Image,
    root: &Path,
    made: &mut Vec<PathBuf>,
    say: &dyn Fn(&str),
) -> Result<(File, Tree)> {
    let failed = |e| Error::reading("lock", root, e);
    for _ in 0..ATTEMPTS {
        if open_state(image)?.is_none() {
            made.extend(image.missing(Path::new(STATE))?);
            image.make_folder(Path::new(STATE))?;
        }
        let Some(state) = open_state(image)? else {
            continue;
        };
        let Some(file) = state.open_lock(Path::new(LOCK))? else {
            continue;
        };
        wait(&file, root, say)?;
        let own = file.metadata().map_err(failed)?;
        // The folder may be another one by now, too.
        let there = match open_state(image)? {
            Some(state) => state.stat(Path::new(LOCK))?,
            None => None,
        };
        if there.is_some_and(|there| (there.st_dev, there.st_ino) == (own.dev(), own.ino())) {
            return Ok((file, state));
        }
    }
    Err(failed(std::io::ErrorKind::NotFound.into()))
}

fn wait(file: &File, root: &Path, say: &dyn Fn(&str)) -> Result<()> {
    let failed = |e| Error::reading("lock", root, e);
    if crate::sys::try_lock(file).map_err(failed)? {
        return Ok(());
    }
    say(&format!(
        "waiting for another kbuild-rs that changes the modules of {}",
        root.display()
    ));
    Lock::wait(file, failed)
}
