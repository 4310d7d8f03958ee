//! The default output directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::whole_file;
use crate::ui::failure::Failure;

/// The output directory without `--out-dir`, below the working directory.
const DEFAULT: &str = "kbuild-out";
const IGNORE_FILE: &str = ".gitignore";
const IGNORE_ALL: &[u8] = b"*\n";

/// A default output directory that this run has created. The program does not put a `.gitignore`
/// into a directory that the caller named, and does not remove it.
#[derive(Debug, Default)]
pub(crate) struct OutDir {
    made: Option<PathBuf>,
}

impl OutDir {
    /// The directory that products go to.
    pub(crate) fn path(named: Option<&Path>) -> &Path {
        named.unwrap_or(Path::new(DEFAULT))
    }

    /// Creates the default directory if it is missing, and hides it from git.
    pub(crate) fn make(named: Option<&Path>) -> Result<Self, Failure> {
        if named.is_some() {
            return Ok(OutDir::default());
        }
        let dir = Path::new(DEFAULT);
        match fs::create_dir(dir) {
            Ok(()) => {
                whole_file::write(&dir.join(IGNORE_FILE), IGNORE_ALL)?;
                Ok(OutDir {
                    made: Some(dir.to_owned()),
                })
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                check_no_link(dir)?;
                Ok(OutDir::default())
            }
            Err(e) => Err(Failure::file("create", dir, &e)),
        }
    }

    /// Removes the folder of a call that failed before it created any file.
    pub(crate) fn remove_if_unused(&self) {
        if let Some(dir) = &self.made {
            remove_if_bare(dir);
        }
    }
}

/// Refuses a link in the place of the default directory, because it may have come with the sources
/// and may lead anywhere.
pub(crate) fn check_no_link(dir: &Path) -> Result<(), Failure> {
    match dir.is_symlink() {
        true => Err(Failure::not_ours(format!(
            "{0} is a link and may lead anywhere, so nothing was built. Name the output \
             directory:\n    --out-dir {0}",
            dir.display()
        ))),
        false => Ok(()),
    }
}

/// Removes a directory that is empty, or only contains the ignore file of this program. Returns
/// whether it did.
pub(crate) fn remove_if_bare(dir: &Path) -> bool {
    if dir.is_symlink() {
        return false;
    }
    let ignore = dir.join(IGNORE_FILE);
    let Ok(entries) = fs::read_dir(dir) else {
        return false;
    };
    let others = entries
        .filter(|e| !e.as_ref().is_ok_and(|e| e.file_name() == IGNORE_FILE))
        .count();
    if others > 0 {
        return false;
    }
    // Our ignore file is a regular file. Anything else is not opened.
    let is_file = |meta: fs::Metadata| meta.is_file();
    let read = match fs::symlink_metadata(&ignore).map(is_file) {
        Ok(true) => fs::read(&ignore),
        Ok(false) => return false,
        Err(error) => Err(error),
    };
    match read {
        Ok(text) if text == IGNORE_ALL => {
            // Removal fails if the directory is not empty.
            let _ = fs::remove_file(&ignore);
        }
        Ok(_) => return false,
        Err(_) => {}
    }
    fs::remove_dir(dir).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    #[test]
    fn only_a_directory_without_anything_of_the_users_is_removed() {
        let scratch = TempDir::new().unwrap();
        let dir = scratch.path().join("out");

        fs::create_dir(&dir).unwrap();
        assert!(remove_if_bare(&dir));

        fs::create_dir(&dir).unwrap();
        fs::write(dir.join(IGNORE_FILE), IGNORE_ALL).unwrap();
        assert!(remove_if_bare(&dir));

        fs::create_dir(&dir).unwrap();
        fs::write(dir.join(IGNORE_FILE), "mine\n").unwrap();
        assert!(!remove_if_bare(&dir));
        fs::write(dir.join(IGNORE_FILE), IGNORE_ALL).unwrap();
        let link = scratch.path().join("link");
        std::os::unix::fs::symlink(&dir, &link).unwrap();
        assert!(!remove_if_bare(&link));
        assert!(check_no_link(&link).is_err() && check_no_link(&dir).is_ok());
        fs::write(dir.join("notes"), "").unwrap();
        assert!(!remove_if_bare(&dir));
        assert!(dir.join(IGNORE_FILE).exists());
    }
}
