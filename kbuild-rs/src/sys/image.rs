//! The system or image that modules are installed into.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, fchmod, fstat, mkdirat, open, openat, unlinkat};
use rustix::io::Errno;

use super::root::{Root, link_target};
use super::temporary::temporary_folder;
use crate::{Error, Result};

/// A root directory. Every path below it is resolved as if it were `/`: absolute links and `..`
/// stay inside, so an image of another party cannot lead a reader or a writer out of itself.
#[derive(Debug)]
pub(crate) struct Image {
    folder: OwnedFd,
    path: PathBuf,
}

/// The number of links on the way to a file after which the kernel gives up, too.
const MOST_LINKS: usize = 40;

const STEP: OFlags = OFlags::PATH.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

impl Image {
    /// Opens the root at `path`.
    pub(crate) fn open(path: &Path) -> Result<Image> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = open(path, flags, Mode::empty())
            .map_err(|e| Error::reading("use the root", path, e.into()))?;
        Ok(Image {
            folder,
            path: path.to_owned(),
        })
    }

    /// A root that does not exist yet: it is empty.
    pub(crate) fn missing_at(path: &Path) -> Result<Image> {
        let empty = temporary_folder()?;
        Ok(Image {
            path: path.to_owned(),
            ..Image::open(empty.path())?
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path that people read: that of the root, and `rel` below it.
    pub(crate) fn shown(&self, rel: &Path) -> PathBuf {
        self.path.join(rel.strip_prefix("/").unwrap_or(rel))
    }

    /// The folder `rel`; `None` if nothing is there.
    pub(crate) fn folder(&self, rel: &Path) -> Result<Option<Root>> {
        match self.resolve(rel, false) {
            Ok(folder) => self.as_root(folder, rel).map(Some),
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(Error::reading("open", &self.shown(rel), e.into())),
        }
    }

    /// Like [`folder`](Self::folder), and creates missing folders with mode 0755.
    pub(crate) fn make_folder(&self, rel: &Path) -> Result<Root> {
        let mut attempts = 0..16;
        let folder = loop {
            match self.resolve(rel, true) {
                // Another call removed an empty folder between two steps.
                Err(Errno::NOENT) if attempts.next().is_some() => {}
                made => break made,
            }
        };
        let folder =
            folder.map_err(|e| super::tree::installing("create", &self.shown(rel), e.into()))?;
        self.as_root(folder, rel)
    }

    /// The folders that [`make_folder`](Self::make_folder) would create, outermost first. Their paths
    /// contain no link: below a link to a missing folder, they are where the link leads.
    pub(crate) fn missing(&self, rel: &Path) -> Result<Vec<PathBuf>> {
        let mut missing = Vec::new();
        for (path, is_there) in self.trail(rel)? {
            // A link may lead into a folder and out of it again.
            if !is_there && !missing.contains(&path) {
                missing.push(path);
            }
        }
        Ok(missing)
    }

    /// The folders on the way to `rel`, and itself, by their paths without links; and whether they
    /// exist.
    pub(crate) fn trail(&self, rel: &Path) -> Result<Vec<(PathBuf, bool)>> {
        let failed = |e: Errno| Error::reading("open", &self.shown(rel), e.into());
        let mut trail = Vec::new();
        let mut at = PathBuf::new();
        let mut ahead = steps(rel);
        let mut links = 0;
        while let Some(name) = ahead.pop_front() {
            if name == ".." {
                at.pop();
                continue;
            }
            let target = self.link_target(&at, &name).map_err(failed)?;
            let Some(target) = target else {
                at.push(&name);
                let is_there = self.folder(&at)?.is_some();
                trail.push((at.clone(), is_there));
                continue;
            };
            links += 1;
            if links > MOST_LINKS {
                return Err(failed(Errno::LOOP));
            }
            if target.is_absolute() {
                at.clear();
            }
            for step in steps(&target).into_iter().rev() {
                ahead.push_front(step);
            }
        }
        Ok(trail)
    }

    /// The target of a link; `None` if there is no link.
    fn link_target(&self, folder: &Path, name: &OsStr) -> Result<Option<PathBuf>, Errno> {
        let found = self.resolve(folder, false);
        match found.and_then(|folder| link_target(&folder, name)) {
            Ok(target) => Ok(Some(target)),
            Err(Errno::INVAL | Errno::NOENT) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Removes a folder if it is empty; whether it is gone.
    pub(crate) fn remove_folder(&self, rel: &Path) -> bool {
        let Some(name) = rel.file_name() else {
            return false;
        };
        match self.resolve(rel.parent().unwrap_or(Path::new("")), false) {
            Ok(parent) => matches!(
                unlinkat(&parent, name, AtFlags::REMOVEDIR),
                Ok(()) | Err(Errno::NOENT)
            ),
            Err(e) => e == Errno::NOENT,
        }
    }

    /// The bytes of a regular file; `None` if nothing is there.
    pub(crate) fn read(&self, rel: &Path) -> Result<Option<Vec<u8>>> {
        let Some(mut file) = self.open_file(rel)? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(|e| Error::reading("read", &self.shown(rel), e))?;
        Ok(Some(bytes))
    }

    /// Opens a regular file for reading; `None` if nothing is there.
    pub(crate) fn open_file(&self, rel: &Path) -> Result<Option<File>> {
        let failed = |e: Errno| Error::reading("read", &self.shown(rel), e.into());
        let found = match self.resolve(rel, false) {
            Ok(found) => found,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(e) => return Err(failed(e)),
        };
        let kind = FileType::from_raw_mode(fstat(&found).map_err(failed)?.st_mode);
        if kind != FileType::RegularFile {
            return Err(super::tree::refused(
                &self.shown(rel),
                "is not a regular file",
            ));
        }
        // Opens the very file that was looked at, whatever its path leads to by now.
        let number = std::os::fd::AsRawFd::as_raw_fd(&found);
        let path = format!("/proc/self/fd/{number}");
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        match open(path, flags, Mode::empty()) {
            Ok(file) => Ok(Some(file.into())),
            // The file is there, so /proc is not.
            Err(Errno::NOENT) => {
                let missing = std::io::Error::other(
                    "/proc is not mounted. To mount it:\n    mount -t proc proc /proc",
                );
                Err(Error::reading("read", &self.shown(rel), missing))
            }
            Err(e) => Err(failed(e)),
        }
    }

    fn as_root(&self, folder: OwnedFd, rel: &Path) -> Result<Root> {
        Root::of_descriptor(folder, self.shown(rel))
    }

    /// Walks to `rel` step by step. No step follows a link: a link's target is put in its place.
    fn resolve(&self, rel: &Path, make: bool) -> Result<OwnedFd, Errno> {
        let mut above: Vec<OwnedFd> = Vec::new();
        let mut at = self.folder.as_fd().try_clone_to_owned().map_err(as_errno)?;
        let mut ahead: VecDeque<OsString> = steps(rel);
        let mut links = 0;
        while let Some(name) = ahead.pop_front() {
            if name == ".." {
                at = above.pop().unwrap_or(at);
                continue;
            }
            let next = match openat(&at, &name, STEP, Mode::empty()) {
                Err(Errno::NOENT) if make => make_step(&at, &name)?,
                next => next?,
            };
            if FileType::from_raw_mode(fstat(&next)?.st_mode) != FileType::Symlink {
                above.push(std::mem::replace(&mut at, next));
                continue;
            }
            links += 1;
            if links > MOST_LINKS {
                return Err(Errno::LOOP);
            }
            let target = link_target(&at, &name)?;
            if target.is_absolute() {
                above.clear();
                at = self.folder.as_fd().try_clone_to_owned().map_err(as_errno)?;
            }
            for step in steps(&target).into_iter().rev() {
                ahead.push_front(step);
            }
        }
        Ok(at)
    }
}

fn make_step(at: &OwnedFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    match mkdirat(at, name, Mode::from_raw_mode(0o755)) {
        Ok(()) => {
            // Whatever the umask is.
            let folder = openat(
                at,
                name,
                OFlags::DIRECTORY | OFlags::NOFOLLOW,
                Mode::empty(),
            )?;
            fchmod(&folder, Mode::from_raw_mode(0o755))?;
            openat(at, name, STEP, Mode::empty())
        }
        Err(Errno::EXIST) => openat(at, name, STEP, Mode::empty()),
        Err(e) => Err(e),
    }
}

/// The names in a path. A root is no name: the caller starts there.
fn steps(path: &Path) -> VecDeque<OsString> {
    let names = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        _ => None,
    });
    names.collect()
}

fn as_errno(error: std::io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::IO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_of_an_image_stay_inside_of_it() {
        let root = fixture::Root::new();
        root.write("outside/secret", "precious");
        root.write("image/usr/lib/modules/6.1/modules.dep", "inside");
        root.write("image/outside/secret", "inside");
        let image = root.join("image");
        symlink("/usr/lib", image.join("lib")).unwrap();
        symlink("../../../outside", image.join("up")).unwrap();
        symlink("loop", image.join("loop")).unwrap();
        let opened = Image::open(&image).unwrap();
        for name in [
            "lib/modules/6.1/modules.dep",
            "up/secret",
            "../outside/secret",
        ] {
            let text = opened.read(Path::new(name)).unwrap();
            assert_eq!(text.as_deref(), Some(&b"inside"[..]), "{name}");
        }
        assert!(opened.read(Path::new("loop/x")).is_err());
        assert!(opened.read(Path::new("usr")).is_err());
        assert!(opened.read(Path::new("usr/none")).unwrap().is_none());
        assert!(opened.folder(Path::new("usr/none")).unwrap().is_none());
        opened
            .make_folder(Path::new("/lib/modules/6.2/updates"))
            .unwrap();
        assert!(image.join("usr/lib/modules/6.2/updates").is_dir());
        opened.make_folder(Path::new("up/new")).unwrap();
        assert!(image.join("outside/new").is_dir());
        assert_eq!(fs::read_dir(root.join("outside")).unwrap().count(), 1);
    }

    #[test]
    fn the_missing_folders_are_those_that_are_made_also_behind_a_link_to_nowhere() {
        let root = fixture::Root::new();
        let image = root.create_dir("image");
        root.write("image/etc/x", "");
        symlink("/usr/../usr/lib", image.join("lib")).unwrap();
        symlink("../../../srv/state", image.join("var")).unwrap();
        let opened = Image::open(&image).unwrap();
        let cases = [
            ("lib/modules", "usr usr/lib usr/lib/modules"),
            ("var/lib", "srv srv/state srv/state/lib"),
            ("etc/depmod.d", "etc/depmod.d"),
            ("etc", ""),
        ];
        for (rel, wanted) in cases {
            let rel = Path::new(rel);
            let missing = opened.missing(rel).unwrap();
            let wanted: Vec<&Path> = wanted.split_whitespace().map(Path::new).collect();
            assert_eq!(missing, wanted);
            assert!(missing.iter().all(|path| !image.join(path).exists()));
            opened.make_folder(rel).unwrap();
            assert!(missing.iter().all(|path| image.join(path).is_dir()));
            for path in missing.iter().rev() {
                assert!(opened.remove_folder(path));
            }
            let mut left: Vec<_> = fs::read_dir(&image).unwrap().collect();
            left.retain(|entry| entry.as_ref().unwrap().file_type().unwrap().is_dir());
            assert_eq!(left.len(), 1, "{left:?}");
        }
        symlink("a", image.join("b")).unwrap();
        symlink("b", image.join("a")).unwrap();
        assert!(opened.missing(Path::new("a/x")).is_err());
        assert!(opened.missing(Path::new("etc/x/y")).is_err());
    }
}
