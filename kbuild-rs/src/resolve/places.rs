//! The folders of a build: the start of relative paths, the output directory, the folders to stage.

use std::path::{Path, PathBuf};

use crate::kbuild::{Dkms, folders_advice, makefile_in};
use crate::settings::{Settings, Tree};
use crate::sys::regular;
use crate::{Error, ErrorKind, Result};

/// The folder where relative paths start, canonical.
pub(crate) fn base(settings: &Settings) -> Result<PathBuf> {
    let dir = match &settings.base {
        Some(dir) => dir.clone(),
        None if settings.environment.is_build_script => settings
            .environment
            .cargo_dir("CARGO_MANIFEST_DIR", "base()")?,
        None => PathBuf::from("."),
    };
    std::fs::canonicalize(&dir).map_err(|e| Error::reading("use the folder", &dir, e))
}

/// The output directory.
pub(crate) fn output_directory(settings: &Settings) -> Result<PathBuf> {
    match &settings.out_dir {
        Some(dir) => absolute(dir),
        None => absolute(&settings.environment.cargo_dir("OUT_DIR", "out_dir()")?),
    }
}

/// An absolute path; the part of it that exists is canonical.
pub(crate) fn absolute(dir: &Path) -> Result<PathBuf> {
    let dir = std::path::absolute(dir).map_err(|e| Error::reading("use the folder", dir, e))?;
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

/// (tree root, module folder), both canonical.
pub(crate) fn tree_folders(tree: &Tree, base: &Path, out: &Path) -> Result<(PathBuf, PathBuf)> {
    let real = |path: &Path, what: &str| {
        let not_there = |why: String| {
            Error::new(
                ErrorKind::SourceNotFound,
                format!("the {what} {} {why}", path.display()),
            )
        };
        match std::fs::canonicalize(path) {
            Ok(real) if real.is_dir() => Ok(real),
            Ok(_) => Err(not_there("is not a folder".into())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                Err(not_there("does not exist".into()))
            }
            Err(e) => Err(not_there(format!("cannot be used: {e}"))),
        }
    };
    let dir = real(&base.join(&tree.dir), "module tree")?;
    let root = match &tree.tree_root {
        Some(root) => real(&dir.join(root), "tree root")?,
        None => dir.clone(),
    };
    if !dir.starts_with(&root) {
        return Err(Error::input(format!(
            "the tree root {} does not contain the module tree {}",
            root.display(),
            dir.display()
        )));
    }
    if dir.starts_with(out) && root != out {
        return Err(Error::input(format!(
            "the output directory {} contains the module tree {} and is inside the tree root {}. \
             Choose another output directory",
            out.display(),
            dir.display(),
            root.display()
        )));
    }
    if let Some(file) = makefile_in(&dir) {
        regular::look(&file).map_err(|e| Error::reading("read", &file, e))?;
    } else if tree.prepare.is_empty() {
        let empty = std::fs::read_dir(&dir).is_ok_and(|mut d| d.next().is_none());
        return Err(Error::new(
            ErrorKind::SourceNotFound,
            format!(
                "{} is not a module tree: {}. Name the folder that contains the Kbuild, or list \
                 the sources (Build::new().files(…), --name NAME SOURCE…; in CMake and Meson, \
                 after the name){}{}",
                dir.display(),
                if empty {
                    "it is empty"
                } else {
                    "Kbuild and Makefile are missing"
                },
                folders_advice(&dir, &|path| path.to_owned()).unwrap_or_default(),
                Dkms::advice(&dir, &|path| path.to_owned()),
            ),
        ));
    }
    Ok((root, dir))
}
