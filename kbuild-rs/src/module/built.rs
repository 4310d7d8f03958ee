//! The modules that a call names: files, and those below folders.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::modinfo::ModuleInfo;
use crate::sys::{Root, Writer, parent_writer};
use crate::{Error, ErrorKind, Result};

/// A module as a build left it.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
    pub(super) info: ModuleInfo,
    pub(super) modified: SystemTime,
}

/// Reads every `.ko` of `inputs`: files, and folders with all that is below them, without hidden
/// folders. No link is followed below a folder, since another user may own it.
///
/// # Errors
/// [`ErrorKind::SourceNotFound`] for an input that does not exist, or a folder without a module;
/// [`ErrorKind::InvalidFile`] for a file that is not a module, and for two with the same name and
/// release.
pub(super) fn find(inputs: &[PathBuf]) -> Result<Vec<Built>> {
    let mut found: Vec<Built> = Vec::new();
    for input in inputs {
        let meta = std::fs::metadata(input).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::new(
                ErrorKind::SourceNotFound,
                format!(
                    "{} does not exist. Build the modules first:\n    kbuild-rs build",
                    input.display()
                ),
            ),
            _ => Error::reading("read", input, e),
        })?;
        let below = match meta.is_dir() {
            true => in_folder(input)?,
            false => vec![read(&parent_writer(input)?, input)?],
        };
        found.extend(below);
    }
    found.sort_by(|a, b| key(a).cmp(&key(b)));
    found.dedup_by(|a, b| a.path == b.path);
    match found.windows(2).find(|pair| key(&pair[0]) == key(&pair[1])) {
        None => Ok(found),
        Some(pair) => Err(Error::new(
            ErrorKind::InvalidFile,
            format!(
                "{} and {} are both the module {} for {}; name only one of them",
                pair[0].path.display(),
                pair[1].path.display(),
                pair[0].info.name,
                pair[0].info.release
            ),
        )),
    }
}

fn key(built: &Built) -> (&str, &str) {
    (&built.info.release, &built.info.name)
}

fn in_folder(folder: &Path) -> Result<Vec<Built>> {
    let writer = Writer::new([Root::open(folder)?]);
    let mut paths = Vec::new();
    crate::sys::walk(folder, &mut |path, meta| {
        let rel = path.strip_prefix(folder).unwrap_or(path);
        let is_hidden = rel
            .components()
            .any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."));
        if meta.is_file() && !is_hidden && path.extension().is_some_and(|e| e == "ko") {
            paths.push(path.to_owned());
        }
        Ok(())
    })?;
    if paths.is_empty() {
        return Err(Error::new(
            ErrorKind::SourceNotFound,
            format!(
                "{} contains no module (.ko). Build the modules first:\n    kbuild-rs build",
                folder.display()
            ),
        ));
    }
    paths.sort();
    paths.iter().map(|path| read(&writer, path)).collect()
}

fn read(opener: &Writer, path: &Path) -> Result<Built> {
    let failed = |e| Error::reading("read", path, e);
    let file = opener.open_file(path)?;
    let mut file = file.ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(failed)?;
    let modified = file.metadata().and_then(|meta| meta.modified());
    Ok(Built {
        info: ModuleInfo::of_bytes(&bytes, path)?,
        path: path.to_owned(),
        bytes,
        modified: modified.map_err(failed)?,
    })
}
