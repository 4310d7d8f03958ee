//! Reads a module tree and lists the items to stage.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::item::{Item, sort_items};
use super::place::{COMPILE_COMMANDS, RUST_PROJECT};
use super::stale;
use super::walk::{Folder, Walk};
use crate::error::names::EXCLUDE;
use crate::make::GitPlaces;
use crate::{Error, Result};

/// Folders of version control that a build does not read. git's folder is handled separately.
const VCS: &[&str] = &[".hg", ".svn", ".bzr", ".pijul", ".jj"];
/// Folders of version control with common names: (the folder, a file in it).
const OLD_VCS: &[(&str, &str)] = &[("CVS", "Entries"), ("_darcs", "format")];

fn is_version_control(folder: &Path, name: &OsStr) -> bool {
    let old = OLD_VCS.iter().filter(|(own, _)| name == *own);
    VCS.iter().any(|own| name == *own)
        || old
            .map(|(own, mark)| folder.join(own).join(mark))
            .any(|mark| mark.exists())
}

/// The items to stage from a module tree.
pub(crate) struct Scan<'a> {
    /// The tree root, canonical.
    pub(crate) root: &'a Path,
    /// The output directory, canonical if it exists. It is never staged.
    pub(crate) out: &'a Path,
    /// The kernel's folders: a link to one is kept as a link.
    pub(crate) kernel_dirs: &'a [&'a Path],
    /// The user's exclude patterns.
    pub(crate) excludes: &'a [glob::Pattern],
    /// Whether make works in the module folder at this path, or worked in its copy.
    pub(crate) is_built: &'a dyn Fn(&Path) -> bool,
    /// The private repositories that stand for the tree's repositories.
    pub(crate) git: &'a GitPlaces,
}

impl Scan<'_> {
    /// Everything below the root that belongs to the stage, sorted by path.
    pub(crate) fn items(&self) -> Result<Vec<Item>> {
        let meta = fs::metadata(self.root).map_err(|e| read_error(self.root, e))?;
        let mut items = Walk::through(self, &meta)?;
        sort_items(&mut items);
        Ok(items)
    }

    /// The relevant entries of a folder, sorted. The folder does not stay open, because a deep tree
    /// would then need a descriptor for each level.
    pub(super) fn entries(&self, folder: &Folder) -> io::Result<Vec<(OsString, Metadata)>> {
        let mut entries = fs::read_dir(&folder.path)?
            .map(|entry| entry.map(|entry| (entry.file_name(), entry)))
            .collect::<io::Result<Vec<(OsString, DirEntry)>>>()?;
        // Other names in the folder tell whether a file is a stale product.
        entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let (names, entries): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
        let stale = stale::Folder {
            path: &folder.path,
            names: &names,
            is_built: &|| (self.is_built)(&folder.rel),
        };
        let mut kept = Vec::with_capacity(names.len());
        for (entry, name) in entries.iter().zip(&names) {
            if is_version_control(&folder.path, name)
                || stale.is_stale(name)
                || (folder.path == self.out && is_product(name))
                || self.is_excluded(&folder.rel.join(name))
            {
                continue;
            }
            match entry.metadata() {
                Ok(meta) => kept.push((name.clone(), meta)),
                // The file was an editor's temporary file, for instance.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        Ok(kept)
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
/// commands, and a Kbuild with `$(wildcard *.c)` passes it all of them. Other files may have any
/// name.
pub(super) fn check_source_name(rel: &Path, path: impl Fn() -> PathBuf) -> Result<()> {
    const SOURCES: &[&[u8]] = &[b".c", b".S", b".s", b".o", b".rs", b"_shipped"];
    let bytes = rel.as_os_str().as_bytes();
    let runs = bytes.iter().any(|b| b"`$;&|<>\n".contains(b));
    if runs && SOURCES.iter().any(|end| bytes.ends_with(end)) {
        return Err(Error::input(format!(
            "the path of the source {:?} contains characters that a shell would run. Rename it, or \
             exclude it ({EXCLUDE})",
            path()
        )));
    }
    Ok(())
}

/// Whether an earlier build published the file, if the tree itself is the output directory.
fn is_product(name: &OsStr) -> bool {
    let extension = Path::new(name).extension();
    name == COMPILE_COMMANDS
        || name == RUST_PROJECT
        || extension.is_some_and(|e| e == "symvers" || e == "ko")
}

pub(super) fn read_error(path: &Path, e: io::Error) -> Error {
    Error::reading("read", path, e)
}

/// Compiles the user's patterns; an error quotes the bad one.
pub(crate) fn patterns(globs: &[String]) -> Result<Vec<glob::Pattern>> {
    globs
        .iter()
        .map(|text| {
            glob::Pattern::new(text.trim_start_matches("./").trim_end_matches('/')).map_err(|e| {
                Error::input(format!("{text:?} is not a valid pattern to exclude: {e}"))
            })
        })
        .collect()
}
