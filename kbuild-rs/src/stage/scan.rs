//! Reads a module tree: what of it is to be staged.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::io::Errno;

use super::place::{CACHEDIR_SIGNATURE, CACHEDIR_TAG, COMPILE_COMMANDS, PRIVATE, RUST_PROJECT};
use super::{Item, Kind, sort_items, stale};
use crate::identity::Identity;
use crate::{Error, ErrorKind, Result};

/// Version control keeps its own files out of sight of a build.
const VCS: &[&str] = &[
    ".git", ".hg", ".svn", ".bzr", "CVS", "_darcs", ".pijul", ".jj",
];

/// Places of the system that a link may point to for convenience; a copy would be useless and
/// huge.
const SYSTEM: &[&str] = &[
    "/usr", "/lib", "/lib64", "/boot", "/proc", "/sys", "/dev", "/run", "/etc",
];

/// What to stage from a module tree.
pub(crate) struct Scan<'a> {
    /// The staged root, canonical.
    pub(crate) root: &'a Path,
    /// The output directory, canonical when it exists: never staged.
    pub(crate) out: &'a Path,
    /// The kernel's folders: a link to one is kept as a link.
    pub(crate) kernel_dirs: &'a [&'a Path],
    /// Patterns of what the user excludes.
    pub(crate) excludes: &'a [glob::Pattern],
}

impl Scan<'_> {
    /// Everything below the root that belongs into the stage, sorted by path.
    pub(crate) fn items(&self) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        let mut trail = Vec::new();
        self.folder(self.root, Path::new(""), false, &mut trail, &mut items)?;
        sort_items(&mut items);
        Ok(items)
    }

    /// `outside`: `dir` was reached over a link that leaves the tree. `trail`: the folders that
    /// lead here, to notice a link that leads back into one of them.
    fn folder(
        &self,
        dir: &Path,
        rel: &Path,
        outside: bool,
        trail: &mut Vec<(u64, u64)>,
        items: &mut Vec<Item>,
    ) -> Result<()> {
        let here = std::fs::metadata(dir).map_err(|e| read_error(dir, e))?;
        let here = (here.dev(), here.ino());
        if trail.contains(&here) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "{} leads back into a folder that it lies in; remove that link or exclude it",
                    self.root.join(rel).display()
                ),
            ));
        }
        trail.push(here);
        let mut entries = std::fs::read_dir(dir)
            .and_then(Iterator::collect::<io::Result<Vec<_>>>)
            .map_err(|e| read_error(dir, e))?
            .into_iter()
            .map(|entry| (entry.file_name(), entry))
            .collect::<Vec<_>>();
        // A name's neighbours tell whether it is a stale product.
        entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let (names, entries): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
        for (entry, name) in entries.iter().zip(&names) {
            let rel = rel.join(name);
            if VCS.iter().any(|v| name == *v)
                || stale::is_stale(name, &names)
                || (dir == self.out && is_product(name))
                || self.is_excluded(&rel)
            {
                continue;
            }
            let path = entry.path();
            let meta = entry.metadata().map_err(|e| read_error(&path, e))?;
            self.entry(&path, rel, &meta, outside, trail, items)?;
        }
        trail.pop();
        Ok(())
    }

    fn entry(
        &self,
        path: &Path,
        rel: PathBuf,
        meta: &Metadata,
        outside: bool,
        trail: &mut Vec<(u64, u64)>,
        items: &mut Vec<Item>,
    ) -> Result<()> {
        if meta.is_symlink() {
            return self.link(path, rel, outside, trail, items);
        }
        if meta.is_dir() {
            if path == self.out || is_output(path) {
                return Ok(());
            }
            items.push(Item::new(rel.clone(), Kind::Dir));
            return self.folder(path, &rel, outside, trail, items);
        }
        // Sockets, fifos and devices are no sources.
        if meta.is_file() {
            check_source_name(&rel, path)?;
            let from = outside.then(|| path.to_owned());
            items.push(Item::file(rel, from, meta));
        }
        Ok(())
    }

    fn link(
        &self,
        path: &Path,
        rel: PathBuf,
        outside: bool,
        trail: &mut Vec<(u64, u64)>,
        items: &mut Vec<Item>,
    ) -> Result<()> {
        let target = std::fs::read_link(path).map_err(|e| read_error(path, e))?;
        let real = match std::fs::canonicalize(path) {
            Ok(real) => real,
            Err(e) if Errno::from_io_error(&e) == Some(Errno::LOOP) => {
                return Err(Error::input(format!(
                    "{} is a link that leads to itself; remove it or exclude it",
                    path.display()
                )));
            }
            // Dangling: the build may not care, and if it does it says so in its own words.
            Err(_) => {
                items.push(Item::new(rel, Kind::Link(target)));
                return Ok(());
            }
        };
        // A folder that was itself reached over a link has no place in the tree that its
        // relative links could point into: follow those.
        let inner = real.strip_prefix(self.root).ok().filter(|_| !outside);
        if let Some(inner) = inner {
            let folder = rel.parent().unwrap_or(Path::new(""));
            let target = if target.is_absolute() || leaves(folder, &target) {
                relative(folder, inner)
            } else {
                target
            };
            items.push(Item::new(rel, Kind::Link(target)));
            return Ok(());
        }
        let meta = std::fs::metadata(path).map_err(|e| read_error(path, e))?;
        if meta.is_dir() && self.is_system(&real) {
            let target = if target.is_absolute() { target } else { real };
            items.push(Item::new(rel, Kind::Link(target)));
            return Ok(());
        }
        if meta.is_dir() {
            if real == self.out || self.root.starts_with(&real) {
                return Err(Error::input(format!(
                    "{} is a link to {}, which holds this tree itself; remove it or exclude it",
                    path.display(),
                    real.display()
                )));
            }
            items.push(Item::new(rel.clone(), Kind::Dir));
            return self.folder(&real, &rel, true, trail, items);
        }
        if meta.is_file() {
            check_source_name(&rel, path)?;
            items.push(Item::file(rel, Some(real), &meta));
        }
        Ok(())
    }

    fn is_system(&self, real: &Path) -> bool {
        SYSTEM.iter().any(|s| real.starts_with(s))
            || self.kernel_dirs.iter().any(|k| real.starts_with(k))
            || real.join("include/config/auto.conf").exists()
            || (real.join("Kbuild").exists()
                && real.join("Kconfig").exists()
                && real.join("init").exists())
    }

    fn is_excluded(&self, rel: &Path) -> bool {
        const OPTIONS: glob::MatchOptions = glob::MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: false,
        };
        self.excludes.iter().any(|pattern| {
            let subject: &OsStr = if pattern.as_str().contains('/') {
                rel.as_os_str()
            } else {
                rel.file_name().unwrap_or_default()
            };
            pattern.matches_path_with(Path::new(subject), OPTIONS)
        })
    }
}

/// Refuses a source whose path a shell would run: kbuild puts the names of objects into shell
/// commands, and a Kbuild that says `$(wildcard *.c)` gives it any. Other files may be called
/// anything.
fn check_source_name(rel: &Path, path: &Path) -> Result<()> {
    const SOURCES: &[&[u8]] = &[b".c", b".S", b".s", b".o", b".rs", b"_shipped"];
    let bytes = rel.as_os_str().as_bytes();
    let runs = bytes.iter().any(|b| b"`$;&|<>\n".contains(b));
    if runs && SOURCES.iter().any(|end| bytes.ends_with(end)) {
        return Err(Error::input(format!(
            "the path of the source {path:?} holds characters that a shell would run; rename it, \
             or exclude it"
        )));
    }
    Ok(())
}

/// Another output directory of ours, a build folder of CMake's or Meson's, or a cache such as
/// Cargo's `target`: their contents come from builds, not from the author.
fn is_output(dir: &Path) -> bool {
    dir.file_name().is_some_and(|n| n == PRIVATE)
        || dir.join(PRIVATE).join(CACHEDIR_TAG).exists()
        || dir.join("CMakeCache.txt").exists()
        || dir.join("meson-private").exists()
        || std::fs::read(dir.join(CACHEDIR_TAG))
            .is_ok_and(|text| text.starts_with(CACHEDIR_SIGNATURE))
}

/// What an earlier build published, where the tree itself is the output directory. (A `.ko` is
/// stale anywhere.)
fn is_product(name: &OsStr) -> bool {
    name == COMPILE_COMMANDS
        || name == RUST_PROJECT
        || Path::new(name).extension().is_some_and(|e| e == "symvers")
}

/// Whether a relative link in `folder` goes above the root on its way.
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

/// The relative path that leads from folder `from` to `to`, both below one root.
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

fn read_error(path: &Path, e: io::Error) -> Error {
    Error::io("read", path, e)
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

/// Compiles the user's patterns; an error quotes the bad one.
pub(crate) fn patterns(globs: &[String]) -> Result<Vec<glob::Pattern>> {
    globs
        .iter()
        .map(|text| {
            glob::Pattern::new(text.trim_start_matches("./").trim_end_matches('/'))
                .map_err(|e| Error::input(format!("{text:?} is no pattern to exclude: {e}")))
        })
        .collect()
}

/// Whether a file is a makefile that kbuild or the module's own rules read.
pub(crate) fn is_makefile(rel: &Path) -> bool {
    rel.file_name().is_some_and(|name| {
        let name = name.as_bytes();
        name.starts_with(b"Makefile") || name.starts_with(b"Kbuild") || name.ends_with(b".mk")
    })
}
