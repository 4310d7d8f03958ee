//! Walks through a module tree and the targets of its links.
//!
//! A file that cannot be read does not stop a build. It is not known before make runs whether
//! anything needs the file; it may be an editor's lock file.

mod linked;

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use rustix::io::Errno;

use linked::FolderLink;

use super::builds::is_output;
use super::item::{Item, Kind};
use super::outside::{FolderContents, is_virtual};
use super::scan::{Scan, check_source_name, read_error};
use crate::error::names::EXCLUDE;
use crate::make::{DotGit, Repository, is_bare};
use crate::sys::{Identity, regular};
use crate::{Error, Result, sys};

/// One walk through folders: through the tree, or through the target of a link in it.
pub(super) struct Walk<'a> {
    scan: &'a Scan<'a>,
    /// The files seen, if the path begins with a link that leaves the tree.
    outside: Option<FolderContents>,
    /// The contents that are copied from elsewhere.
    copied: FolderContents,
    pending: Vec<Folder>,
    items: Vec<Item>,
}

/// A folder to read. (There is no recursion, because a tree may be as deep as paths are long.)
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) rel: PathBuf,
    step: Rc<Step>,
}

/// A folder above another one.
struct Step {
    id: (u64, u64),
    rel: PathBuf,
    above: Option<Rc<Step>>,
}

impl<'a> Walk<'a> {
    /// The items in the tree, whose root has this metadata.
    pub(super) fn through(scan: &'a Scan<'a>, meta: &Metadata) -> Result<Vec<Item>> {
        let mut walk = Walk::new(scan, None, FolderContents::default());
        walk.push(scan.root.to_owned(), PathBuf::new(), meta, None)?;
        walk.run()?;
        Ok(walk.items)
    }

    fn new(scan: &'a Scan<'a>, outside: Option<FolderContents>, copied: FolderContents) -> Self {
        Walk {
            scan,
            outside,
            copied,
            pending: Vec::new(),
            items: Vec::new(),
        }
    }

    fn run(&mut self) -> Result<()> {
        while let Some(folder) = self.pending.pop() {
            self.folder(&folder)?;
            let seen = self.outside.as_ref();
            if seen.is_some_and(|seen| seen.is_too_much(&self.copied)) {
                break;
            }
        }
        Ok(())
    }

    /// Adds a folder to read later, unless it is one of its own parents.
    fn push(
        &mut self,
        path: PathBuf,
        rel: PathBuf,
        meta: &Metadata,
        above: Option<&Rc<Step>>,
    ) -> Result<()> {
        let id = (meta.dev(), meta.ino());
        let mut step = above;
        while let Some(known) = step {
            if known.id == id && self.outside.is_some() {
                // The copy has the same link. (Following it would not end.)
                let folder = rel.parent().unwrap_or(Path::new(""));
                let target = relative(folder, &known.rel);
                self.items.push(Item::new(rel, Kind::Link(target)));
                return Ok(());
            }
            if known.id == id {
                return Err(Error::input(format!(
                    "{} is a link to a folder that contains it. Remove that link or exclude it \
                     ({EXCLUDE})",
                    self.scan.root.join(rel).display()
                )));
            }
            step = known.above.as_ref();
        }
        if above.is_some_and(|above| above.id.0 != id.0) && is_virtual(id.0) {
            self.items.push(Item::new(rel, Kind::Link(path)));
            return Ok(());
        }
        let step = Rc::new(Step {
            id,
            rel: rel.clone(),
            above: above.cloned(),
        });
        self.pending.push(Folder { path, rel, step });
        Ok(())
    }

    fn folder(&mut self, folder: &Folder) -> Result<()> {
        let is_root = folder.rel.as_os_str().is_empty();
        let entries = match self.scan.entries(folder) {
            Ok(entries) => entries,
            Err(e) if !is_root && e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) if !is_root && e.kind() == io::ErrorKind::PermissionDenied => {
                self.unreadable(&folder.path, folder.rel.clone());
                return Ok(());
            }
            Err(e) => return Err(read_error(&folder.path, e)),
        };
        if !is_root {
            self.items.push(Item::new(folder.rel.clone(), Kind::Dir));
        }
        self.repository(folder, &entries);
        for (name, meta) in entries {
            if name == ".git" {
                continue;
            }
            if let Some(seen) = &mut self.outside {
                seen.add(&name, &meta);
            }
            let rel = folder.rel.join(&name);
            if meta.is_symlink() {
                self.link(&folder.path.join(&name), rel, &folder.step)?;
            } else if meta.is_dir() {
                let path = folder.path.join(&name);
                if path != self.scan.out && !is_output(&path) {
                    self.push(path, rel, &meta, Some(&folder.step))?;
                }
            } else if meta.is_file() {
                // Sockets, fifos and devices are not sources.
                let from = self.outside.is_some().then(|| folder.path.join(&name));
                let path = || from.clone().unwrap_or_else(|| folder.path.join(&name));
                check_source_name(&rel, path)?;
                if is_readable(&meta, path) {
                    self.items.push(Item::file(rel, from, &meta));
                } else {
                    self.unreadable(&path(), rel);
                }
            }
        }
        Ok(())
    }

    /// Turns `.git` into a link to a private repository, or to a place without one, and does the
    /// same with a folder that git would take for a bare repository.
    fn repository(&mut self, folder: &Folder, entries: &[(OsString, Metadata)]) {
        let has_own = entries.iter().any(|(name, _)| name == ".git");
        if !has_own && !is_bare(entries.iter().map(|(name, _)| name)) {
            return;
        }
        let rel = folder.rel.join(".git");
        let kind = match Repository::at(&folder.path) {
            DotGit::Ours(_) => Kind::Link(self.scan.git.of_link(&rel)),
            DotGit::Nothing if has_own => Kind::Dir,
            _ => Kind::Link(self.scan.git.refusal()),
        };
        self.items.push(Item::new(rel, kind));
    }

    /// Stages an unreadable file as a link to itself: nothing may need it, and a program that does
    /// reports the error. The item is left out if the link would allow writes to the file.
    fn unreadable(&mut self, path: &Path, rel: PathBuf) {
        let Ok(meta) = fs::symlink_metadata(path) else {
            return;
        };
        let writers = match meta.uid() == sys::effective_uid() {
            true => 0o200,
            false => 0o022,
        };
        if meta.mode() & writers == 0 {
            self.items.push(Item::new(rel, Kind::Link(path.to_owned())));
        }
    }

    /// Stages a link to nothing. A build may create the link's target: in the stage if the target
    /// is in the tree. A build must not create a target elsewhere through this link.
    fn dangling(&mut self, path: &Path, rel: PathBuf, target: PathBuf) {
        let there = path.parent().unwrap_or(path).join(&target);
        let folder = there.parent().and_then(|dir| fs::canonicalize(dir).ok());
        let kept = match (folder, there.file_name()) {
            (Some(folder), Some(name)) => match folder.strip_prefix(self.scan.root) {
                Ok(inner) if self.outside.is_none() => {
                    Some(self.inside(&rel, target, &inner.join(name)))
                }
                _ => None,
            },
            _ => Some(target),
        };
        let kept = kept.map(|target| Item::new(rel, Kind::Link(target)));
        self.items.extend(kept);
    }

    /// The text of the link `rel` that leads to `inner` in the stage.
    fn inside(&self, rel: &Path, target: PathBuf, inner: &Path) -> PathBuf {
        let folder = rel.parent().unwrap_or(Path::new(""));
        match target.is_absolute() || leaves(folder, &target) {
            true => relative(folder, inner),
            false => target,
        }
    }

    fn link(&mut self, path: &Path, rel: PathBuf, step: &Rc<Step>) -> Result<()> {
        let target = match fs::read_link(path) {
            Ok(target) => target,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(read_error(path, e)),
        };
        let real = match fs::canonicalize(path) {
            Ok(real) => real,
            Err(e) if Errno::from_io_error(&e) == Some(Errno::LOOP) && self.outside.is_none() => {
                return Err(Error::input(format!(
                    "{} is a link that leads to itself. Remove it or exclude it ({EXCLUDE})",
                    path.display()
                )));
            }
            // The build may not need it. If it does, it reports the error in its own words.
            Err(_) => {
                self.dangling(path, rel, target);
                return Ok(());
            }
        };
        // A folder that was itself reached through a link has no place in the tree for its relative
        // links, so these are followed.
        let inner = real.strip_prefix(self.scan.root).ok();
        if let Some(inner) = inner.filter(|_| self.outside.is_none()) {
            let target = self.inside(&rel, target, inner);
            self.items.push(Item::new(rel, Kind::Link(target)));
            return Ok(());
        }
        let Ok(meta) = fs::metadata(&real) else {
            self.dangling(path, rel, target);
            return Ok(());
        };
        if meta.is_dir() {
            let link = FolderLink {
                path,
                rel,
                target,
                real,
            };
            return self.linked_folder(link, &meta, step);
        }
        if meta.is_file() {
            check_source_name(&rel, || path.to_owned())?;
            if is_readable(&meta, || real.clone()) {
                self.items.push(Item::file(rel, Some(real), &meta));
            } else {
                self.unreadable(&real, rel);
            }
        }
        Ok(())
    }
}

/// Whether this process may read a file. If the mode does not decide that, it tries.
fn is_readable(meta: &Metadata, path: impl Fn() -> PathBuf) -> bool {
    let mode = meta.mode();
    let own = mode & 0o400 != 0 && meta.uid() == sys::effective_uid();
    mode & 0o444 == 0o444 || own || {
        !regular::open(&path()).is_err_and(|e| e.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// Whether a relative link in `folder` passes above the root.
fn leaves(folder: &Path, target: &Path) -> bool {
    let mut depth = folder.components().count();
    for component in target.components() {
        match component {
            Component::ParentDir if depth == 0 => return true,
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            _ => {}
        }
    }
    false
}

/// The relative path from folder `from` to `to`, both below one root.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let shared = from
        .components()
        .zip(to.components())
        .take_while(|(a, b)| a == b)
        .count();
    let mut path = PathBuf::new();
    for _ in from.components().skip(shared) {
        path.push(Component::ParentDir);
    }
    path.extend(to.components().skip(shared));
    if path.as_os_str().is_empty() {
        path.push(Component::CurDir);
    }
    path
}

impl Item {
    fn file(rel: PathBuf, from: Option<PathBuf>, meta: &Metadata) -> Self {
        Item::new(
            rel,
            Kind::File {
                from,
                id: Identity::from_metadata(meta),
            },
        )
    }
}

#[cfg(test)]
mod tests;
