//! The folders of a build: where relative paths start, where products go, what is staged.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::nothing_built::{Dkms, leads_below};
use super::{Build, Tree};
use crate::cargo::Door;
use crate::regular;
use crate::sys::walk;
use crate::{Error, ErrorKind, Result};

/// The folder that relative paths start at, canonical.
pub(super) fn base(build: &Build, door: Door) -> Result<PathBuf> {
    let dir = match &build.base {
        Some(dir) => dir.clone(),
        None if door.metadata => door.cargo_dir("CARGO_MANIFEST_DIR", "base()")?,
        None => PathBuf::from("."),
    };
    std::fs::canonicalize(&dir).map_err(|e| Error::io("use the folder", &dir, e))
}

/// The output directory.
pub(super) fn output_directory(build: &Build, door: Door) -> Result<PathBuf> {
    match &build.out_dir {
        Some(dir) => absolute(dir),
        None => absolute(&door.cargo_dir("OUT_DIR", "out_dir()")?),
    }
}

/// An absolute path; the part of it that exists is canonical.
pub(super) fn absolute(dir: &Path) -> Result<PathBuf> {
    let dir = std::path::absolute(dir).map_err(|e| Error::io("use the folder", dir, e))?;
    for ancestor in dir.ancestors() {
        if let Ok(real) = std::fs::canonicalize(ancestor) {
            let rest = dir.strip_prefix(ancestor).unwrap_or(Path::new(""));
            if rest.as_os_str().is_empty() {
                return Ok(real);
            }
            return Ok(real.join(rest));
        }
    }
    Ok(dir)
}

/// The names of what lies in a folder that is searched for headers, and below it where that is
/// wanted. A new one may stand before another of its name on the search path, or answer a
/// `__has_include`: no prerequisite tells of what was not there.
pub(super) fn header_names(folder: &Path, below: bool) -> Result<Vec<u8>> {
    let mut names = BTreeSet::new();
    if below {
        walk(folder, &mut |path, _| {
            names.insert(path.as_os_str().to_owned());
            Ok(())
        })?;
    } else {
        let entries = std::fs::read_dir(folder).map_err(|e| Error::io("read", folder, e))?;
        let entries = entries.flatten().map(|entry| entry.file_name());
        names.extend(entries.filter(|n| Path::new(n).extension().is_some_and(|e| e == "h")));
    }
    let mut text = format!("the headers in {}=", folder.display()).into_bytes();
    for name in names {
        text.extend_from_slice(name.as_bytes());
        text.push(b'\n');
    }
    Ok(text)
}

/// (staged root, module folder), both canonical.
pub(super) fn tree_folders(tree: &Tree, base: &Path, out: &Path) -> Result<(PathBuf, PathBuf)> {
    let real = |path: &Path, what: &str| {
        let not_there = |why: String| {
            Error::new(
                ErrorKind::SourceNotFound,
                format!("the {what} {} {why}", path.display()),
            )
        };
        match std::fs::canonicalize(path) {
            Ok(real) if real.is_dir() => Ok(real),
            Ok(_) => Err(not_there("is no folder".into())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                Err(not_there("does not exist".into()))
            }
            Err(e) => Err(not_there(format!("cannot be used: {e}"))),
        }
    };
    let dir = real(&base.join(&tree.dir), "module tree")?;
    let root = match &tree.root {
        Some(root) => real(&dir.join(root), "root")?,
        None => dir.clone(),
    };
    if !dir.starts_with(&root) {
        return Err(Error::input(format!(
            "the root {} does not hold the module folder {}",
            root.display(),
            dir.display()
        )));
    }
    if dir.starts_with(out) && root != out {
        return Err(Error::input(format!(
            "the output directory {} holds the module folder {} and lies in the staged root {}: \
             choose another output directory",
            out.display(),
            dir.display(),
            root.display()
        )));
    }
    let files = ["Kbuild", "Makefile"].map(|name| dir.join(name));
    if let Some(file) = files.iter().find(|file| file.exists()) {
        regular::look(file).map_err(|e| Error::io("read", file, e))?;
    } else if tree.prepare.is_empty() {
        let empty = std::fs::read_dir(&dir).is_ok_and(|mut d| d.next().is_none());
        return Err(Error::new(
            ErrorKind::SourceNotFound,
            format!(
                "{} is not a module tree: {}, and kbuild reads a Kbuild or a Makefile. List \
                 the sources instead (Build::new().files(…), --name NAME SOURCE…), or name the \
                 folder that holds the Kbuild{}{}",
                dir.display(),
                if empty {
                    "it is empty"
                } else {
                    "it has neither Kbuild nor Makefile"
                },
                leads_below(&dir, &|path| path.to_owned()).unwrap_or_default(),
                Dkms::advice(&dir, &|path| path.to_owned()),
            ),
        ));
    }
    Ok((root, dir))
}
