//! The folder in which the builds of one Ninja find each other.
//!
//! A Ninja that does not use a jobserver starts any number of kbuild-rs processes, and its number
//! of jobs applies to all of them together. They share a private folder that belongs to that Ninja
//! process. The folder holds their pool, or names the folder of their pool, or passes on the one
//! token that an outer jobserver gave to this Ninja. The first build decides which folder holds the
//! pool: if some builds have a `--pool-dir`, the others must not run as many compilers again.
//!
//! The outermost Ninja counts. Two Ninjas still share a pool if all their builds name one folder.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::ninja;
use super::ninja::Ninja;
use super::pool::remove_pool;
use crate::sys::Writer;
use crate::{Error, Result, sys};

/// The name of a link in the folder of a Ninja. It leads to the folder of the pool.
const POOL: &str = "pool";

/// A private folder of this user.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) writer: Writer,
}

/// The folder of this Ninja; `None` if the user has no place for it.
pub(crate) fn of_ninja(ninja: &Ninja) -> Option<Folder> {
    let base = base()?;
    let is_new = !base.join(ninja.key()).exists();
    let folder = of_user(ninja.key())?;
    if is_new {
        sweep(&base);
    }
    Some(folder)
}

/// The folder of the pool for the builds of the Ninja with the folder `meeting`: the folder that
/// the first of them named, else `meeting`.
pub(crate) fn pool(meeting: &Folder, named: Option<&Path>) -> PathBuf {
    let own = named.unwrap_or(&meeting.path);
    let link = meeting.path.join(POOL);
    match meeting.writer.symlink_new(own, &link) {
        Ok(()) => own.to_owned(),
        Err(_) => fs::read_link(&link).unwrap_or_else(|_| own.to_owned()),
    }
}

/// Removes the folders of ended Ninjas, unless programs that the Ninjas started still run.
fn sweep(base: &Path) {
    let Ok(Some(root)) = sys::private_folder(base, false) else {
        return;
    };
    let writer = Writer::new([root]);
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(ninja::has_ended) {
            remove_pool(&writer, &entry.path());
            let _ = writer.remove_file(&entry.path().join(POOL));
            // A folder with a pool in it stays.
            writer.remove_empty(&entry.path());
        }
    }
}

/// Our folder among this user's runtime files, else in the user's cache.
fn base() -> Option<PathBuf> {
    let base = sys::runtime_folder().or_else(|| sys::cache_folder(|_| true).0)?;
    Some(base.join("kbuild-rs"))
}

/// A private folder of this user; `None` if the user has no place for it, or the folder belongs to
/// someone else.
pub(crate) fn of_user(name: impl AsRef<OsStr>) -> Option<Folder> {
    let path = base()?.join(name.as_ref());
    let writer = open(&path).ok()?;
    Some(Folder { path, writer })
}

/// Opens a private folder of this user.
pub(crate) fn open(path: &Path) -> Result<Writer> {
    let root = sys::private_folder(path, true)?;
    let missing = || Error::writing("create", path, std::io::ErrorKind::NotFound.into());
    Ok(Writer::new([root.ok_or_else(missing)?]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    fn folder(path: &Path) -> Folder {
        let writer = open(path).unwrap();
        Folder {
            path: path.to_owned(),
            writer,
        }
    }

    #[test]
    fn the_first_build_of_a_ninja_says_where_the_pool_of_all_of_them_lies() {
        let dir = Root::new();
        let named = Path::new("/somewhere/.kbuild");
        for (name, first, then) in [
            ("none", None, dir.join("none")),
            ("named", Some(named), named.to_owned()),
        ] {
            let meeting = folder(&dir.join(name));
            assert_eq!(pool(&meeting, first), then);
            for later in [None, Some(named), Some(Path::new("/elsewhere/.kbuild"))] {
                assert_eq!(pool(&meeting, later), then);
            }
        }
    }

    #[test]
    fn the_folder_of_an_ended_ninja_is_removed_unless_it_is_in_use() {
        use crate::jobs::pool::Pool;
        let sink = crate::error::Sink::silent();
        let dir = Root::new();
        let ninja = |started| ninja::key(std::process::id(), started);
        let folders = [1, 2, 3].map(|started| dir.join(&ninja(started)));
        for path in &folders {
            pool(&folder(path), None);
        }
        let [in_use, left, _bare] = &folders;
        let mut user = Pool::open(in_use, open, 1, &sink).unwrap();
        assert!(user.draw().unwrap().is_some());
        drop(Pool::open(left, open, 1, &sink).unwrap());
        dir.create_dir("pool-1");
        sweep(dir.path());
        assert!(in_use.join("jobs").exists());
        let left = fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(left, 2);
    }
}
