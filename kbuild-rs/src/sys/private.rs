//! Private folders: the one in an output directory, and those in a user's cache folder.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;

use super::root::{Root, not_ours};
use super::user;
use super::write::Writer;
use crate::{Error, ErrorKind, Result};

/// The kind of a private folder, and how to recognize it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Private<'a> {
    /// The name and the text of its tag file.
    pub(crate) tag: (&'a str, &'a [u8]),
    /// Whether a private folder without its tag may contain this name.
    pub(crate) is_own: fn(&OsStr) -> bool,
}

impl Private<'_> {
    /// Opens the private folder `path` in its parent; `None` if it does not exist.
    ///
    /// # Errors
    /// [`ErrorKind::NotOurs`] for a link, for a file or folder of another user, and for a folder
    /// without our tag.
    pub(crate) fn open(&self, path: &Path) -> Result<Option<Root>> {
        self.opened(path, false)
    }

    /// Like [`open`](Self::open), but creates a missing folder. A damaged or unfinished tag is
    /// written again if the folder contains no foreign file.
    pub(crate) fn make(&self, path: &Path) -> Result<Root> {
        if let Some(parent) = path.parent() {
            Root::make(parent)?;
        }
        let made = self.opened(path, true)?;
        made.ok_or_else(|| Error::writing("create", path, Errno::NOENT.into()))
    }

    fn opened(&self, path: &Path, make: bool) -> Result<Option<Root>> {
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(not_ours(path, "is not a folder"));
        };
        if !make && !above.is_dir() {
            return Ok(None);
        }
        let above = Root::open(above)?;
        if make {
            // A folder in the user's cache is private anyway. A folder in OUT gets the permissions
            // of OUT.
            match rustix::fs::mkdirat(above.folder(), name, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(e) => return Err(Error::writing("create", path, e.into())),
            }
        }
        let Some(root) = above.below(name)? else {
            return Ok(None);
        };
        root.check_owner()?;
        self.known(root, make).map(Some)
    }

    /// Returns the folder if it has our tag. With `make`, a folder without the tag may get it.
    pub(crate) fn known(&self, root: Root, make: bool) -> Result<Root> {
        match self.has_tag(&root)? {
            true => Ok(root),
            false if make => self.adopt(root),
            false => Err(self.foreign(root.path())),
        }
    }

    fn has_tag(&self, root: &Root) -> Result<bool> {
        use std::io::Read;
        let (name, text) = self.tag;
        let Some(mut file) = root.open_file(&root.path().join(name))? else {
            return Ok(false);
        };
        let mut there = vec![0; text.len()];
        Ok(file.read_exact(&mut there).is_ok() && there == text)
    }

    /// Writes the tag, and syncs it to the disk before anything else is put into the folder. A
    /// folder without its tag counts as someone else's.
    fn adopt(&self, root: Root) -> Result<Root> {
        let (name, text) = self.tag;
        let strange = |entry: &std::ffi::OsString| {
            let ours = entry == name || crate::sys::write::is_part(entry) || (self.is_own)(entry);
            !ours
        };
        if root.names()?.iter().any(strange) {
            return Err(self.foreign(root.path()));
        }
        let tag = root.path().join(name);
        let writer = Writer::new([root]);
        writer.write_synced(&tag, text)?;
        writer
            .into_roots()
            .pop()
            .ok_or_else(|| Error::writing("create", &tag, Errno::NOENT.into()))
    }

    fn foreign(&self, path: &Path) -> Error {
        let (name, _) = self.tag;
        Error::new(
            ErrorKind::NotOurs,
            format!(
                "{} exists and was not created by kbuild-rs (it has no {name} of kbuild-rs). \
                 Nothing was changed. Move it away, or choose another output directory",
                path.display()
            ),
        )
    }
}

/// The effective user's cache folder, and a message about each folder that is ignored.
///
/// A folder from the environment counts if it belongs to that user or to root: `sudo` keeps the
/// caller's `HOME`, and root's files there would be in the caller's way. Else the folder comes from
/// the password database.
pub(crate) fn cache_folder(fits: impl Fn(&Path) -> bool) -> (Option<PathBuf>, Vec<String>) {
    let mut ignored = Vec::new();
    let cache = |home: PathBuf| home.join(".cache");
    let of_env = [
        ("XDG_CACHE_HOME", user::path_in("XDG_CACHE_HOME")),
        ("HOME", user::path_in("HOME").map(cache)),
    ];
    let of_env = of_env.into_iter().find_map(|(variable, folder)| {
        let folder = folder.filter(|folder| fits(folder))?;
        Some((variable, folder))
    });
    let own = || {
        let entry = user::entry(user::effective_uid())?;
        let folder =
            Some(cache(entry.home)).filter(|folder| folder.is_absolute() && fits(folder))?;
        Some(("the home of this user", folder))
    };
    // If one variable belongs to another user, the others may too, because they came together.
    for (what, folder) in of_env
        .into_iter()
        .chain(std::iter::once_with(own).flatten())
    {
        match check_way(&folder) {
            Ok(()) => return (Some(folder), ignored),
            Err(why) => ignored.push(format!("{} ({what}) is not used: {why}", folder.display())),
        }
    }
    (None, ignored)
}

/// The folder for files of the effective user's processes (`XDG_RUNTIME_DIR`), if it belongs to
/// that user.
pub(crate) fn runtime_folder() -> Option<PathBuf> {
    let folder = user::path_in("XDG_RUNTIME_DIR")?;
    (folder.is_dir() && user::is_own(&folder) && check_way(&folder).is_ok()).then_some(folder)
}

/// Opens the private folder `path` in a user's cache folder. If `make` is set, creates it and its
/// missing parents, for that user only.
///
/// # Errors
/// [`ErrorKind::NotOurs`] if a folder on the way belongs to another user or others may write to it.
pub(crate) fn private_folder(path: &Path, make: bool) -> Result<Option<Root>> {
    // The path of a cache folder may contain links, but our own folder in it must not be a link.
    let base = path.parent().and_then(Path::parent).unwrap_or(path);
    let there = base.ancestors().find_map(|part| {
        let real = std::fs::canonicalize(part).ok()?;
        Some((real, path.strip_prefix(part).ok()?))
    });
    let Some((real, missing)) = there else {
        return Err(not_ours(path, "cannot be reached"));
    };
    let failed = |path: &Path, e: Errno| Error::writing("open", path, e.into());
    let whole = real.join(missing);
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::PATH;
    let mut at = PathBuf::from("/");
    let mut folder =
        rustix::fs::open("/", flags, Mode::empty()).map_err(|e| failed(Path::new("/"), e))?;
    for part in real.components().skip(1) {
        at.push(part);
        folder =
            openat(&folder, part.as_os_str(), flags, Mode::empty()).map_err(|e| failed(&at, e))?;
        let stat = rustix::fs::fstat(&folder).map_err(|e| failed(&at, e))?;
        if let Some(why) = distrust(stat.st_uid, stat.st_gid, stat.st_mode, at == whole) {
            return Err(not_private(&at, why));
        }
    }
    for part in missing.components() {
        at.push(part);
        if make {
            match rustix::fs::mkdirat(&folder, part.as_os_str(), Mode::from_raw_mode(0o700)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(e) => return Err(Error::writing("create", &at, e.into())),
            }
        }
        folder = match openat(&folder, part.as_os_str(), flags, Mode::empty()) {
            Ok(folder) => folder,
            Err(Errno::NOENT) if !make => return Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) => {
                return Err(not_ours(&at, "is not a folder, or is a link to one"));
            }
            Err(e) => return Err(failed(&at, e)),
        };
        let stat = rustix::fs::fstat(&folder).map_err(|e| failed(&at, e))?;
        if let Some(why) = distrust(stat.st_uid, stat.st_gid, stat.st_mode, at == whole) {
            return Err(not_private(&at, why));
        }
    }
    Ok(Some(Root::private(folder, path.to_owned())))
}

/// Fails unless only the effective user and root can change the contents of a folder, now or later.
pub(crate) fn check_folder(folder: &Path) -> Result<()> {
    is_private(folder).map_err(|why| {
        let text = format!("{why}, so kbuild-rs does not use it");
        Error::new(ErrorKind::NotOurs, text)
    })
}

/// The same with only the reason: `/shared can be written by everybody`.
pub(crate) fn is_private(folder: &Path) -> std::result::Result<(), String> {
    check_way(folder)?;
    let Ok(meta) = std::fs::metadata(folder) else {
        return Ok(());
    };
    match distrust(meta.uid(), meta.gid(), meta.mode(), true) {
        Some(why) => Err(format!("{} {why}", folder.display())),
        None => Ok(()),
    }
}

/// Whether all parents of a folder are safe from other users.
fn check_way(folder: &Path) -> std::result::Result<(), String> {
    let there = folder
        .ancestors()
        .find_map(|part| std::fs::canonicalize(part).ok());
    for part in there.iter().flat_map(|real| real.ancestors()) {
        let meta = std::fs::metadata(part).map_err(|e| format!("{}: {e}", part.display()))?;
        if let Some(why) = distrust(meta.uid(), meta.gid(), meta.mode(), false) {
            return Err(format!("{} {why}", part.display()));
        }
    }
    Ok(())
}

/// The reason why others could change the contents of a folder. In a sticky folder (`/tmp`) nobody
/// can rename other users' files. `last` marks the folder whose own entries matter.
fn distrust(owner: u32, group: u32, mode: u32, last: bool) -> Option<&'static str> {
    const STICKY: u32 = 0o1000;
    if !user::is_trusted(owner) {
        return Some("belongs to another user");
    }
    if mode & STICKY != 0 && !last {
        return None;
    }
    if mode & 0o002 != 0 {
        return Some("can be written by everybody");
    }
    // If each user has a group of their own, files are often open to that group. Root's group
    // belongs to root.
    let own_group =
        || group == 0 || user::entry(owner).is_some_and(|e| e.group == group && group == owner);
    (mode & 0o020 != 0 && !own_group()).then_some("can be written by its group")
}

fn not_private(path: &Path, why: &str) -> Error {
    Error::new(
        ErrorKind::NotOurs,
        format!(
            "{} {why}, so kbuild-rs keeps no private files there. Set XDG_CACHE_HOME to a folder \
             of your own",
            path.display()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_others_can_change_is_not_trusted() {
        let own = user::effective_uid();
        let why = |owner, mode| distrust(owner, 12_345, mode, false);
        assert_eq!(why(own, 0o755), None);
        assert_eq!(why(0, 0o700), None);
        assert_eq!(why(0, 0o1777), None);
        assert_eq!(
            distrust(0, 0, 0o1777, true),
            Some("can be written by everybody")
        );
        assert_eq!(why(own, 0o777), Some("can be written by everybody"));
        assert_eq!(why(own, 0o775), Some("can be written by its group"));
        assert_eq!(why(54_321, 0o700), Some("belongs to another user"));
    }

    #[test]
    fn several_may_make_one_private_folder_at_once() {
        const OURS: Private<'_> = Private {
            tag: ("TAG", b"made by a test\n"),
            is_own: |name| name == "own",
        };
        let out = tempfile::tempdir().unwrap();
        for round in 0..20 {
            let folder = out.path().join(format!("{round}/.private"));
            std::thread::scope(|scope| {
                let make = || drop(OURS.make(&folder).unwrap());
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
                threads
                    .into_iter()
                    .for_each(|thread| thread.join().unwrap());
            });
            let names: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
            assert_eq!(names.len(), 1, "{names:?}");
            assert!(OURS.open(&folder).unwrap().is_some());
        }
    }
}
