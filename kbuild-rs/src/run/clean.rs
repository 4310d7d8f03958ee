//! Removes the outputs of builds.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::publish::artifact;
use super::record::Record;
use crate::editor::compile_commands;
#[cfg(feature = "ide")]
use crate::editor::rust_project;
use crate::error::Sink;
use crate::jobs::remove_pool;
#[cfg(feature = "ide")]
use crate::stage::RUST_PROJECT;
use crate::stage::{
    BINDINGS, CACHEDIR_TAG, COMPILE_COMMANDS, PUBLISH_LOCK, folder, folders, is_folder_name,
    is_own_name, keys, open_private_root, private_root,
};
use crate::sys::{Lock, Root, Writer, effective_uid, is_part, not_ours, parent_writer, sort_paths};
use crate::{Error, Result};

/// See [`crate::clean`].
pub(crate) fn clean(out_dir: &Path, tree: Option<&Path>, sink: &Sink) -> Result<Vec<PathBuf>> {
    let Ok(out) = fs::canonicalize(out_dir) else {
        return Ok(Vec::new());
    };
    let tree = tree
        .map(|t| fs::canonicalize(t).map_err(|e| Error::reading("use the folder", t, e)))
        .transpose()?;
    let shared = private_root(&out, None)?;
    let Some(private) = open_private_root(&shared)? else {
        return Ok(Vec::new());
    };
    let clean = Clean {
        writer: Writer::new([Root::open(&out)?, private]),
        out,
        shared,
    };
    clean.check()?;
    clean.go(tree.as_deref(), sink)
}

struct Clean {
    writer: Writer,
    out: PathBuf,
    shared: PathBuf,
}

impl Clean {
    /// Checks everything before anything is removed.
    fn check(&self) -> Result<()> {
        let failed = |e| Error::reading("read", &self.shared, e);
        for entry in fs::read_dir(&self.shared).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let (name, kind) = (entry.file_name(), entry.file_type().map_err(failed)?);
            if is_part(&name) {
                continue;
            }
            if !is_own_name(&name) {
                return Err(not_ours(&entry.path(), "is in the private folder"));
            }
            match kind {
                kind if kind.is_symlink() => return Err(not_ours(&entry.path(), "is a link")),
                kind if kind.is_dir() != is_folder_name(&name) => {
                    let why = match kind.is_dir() {
                        true => "is a folder, but kbuild-rs expects a file",
                        false => "is a file, but kbuild-rs expects a folder",
                    };
                    return Err(not_ours(&entry.path(), why));
                }
                _ => {}
            }
        }
        self.check_owner(&self.shared)?;
        for key in keys(&self.shared)? {
            self.records(&key.join("folders"))?;
        }
        Ok(())
    }

    /// Fails if there is another user's folder below: `clean` would stop there with half of the
    /// work done.
    fn check_owner(&self, dir: &Path) -> Result<()> {
        let failed = |e| Error::reading("read", dir, e);
        let owner = fs::symlink_metadata(dir).map_err(failed)?.uid();
        if owner != effective_uid() && owner != 0 {
            return Err(not_ours(dir, "belongs to another user"));
        }
        let entries = fs::read_dir(dir).map_err(failed)?.flatten();
        let folders: Vec<PathBuf> = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .collect();
        folders
            .iter()
            .try_for_each(|folder| self.check_owner(folder))
    }

    /// The records of the module folders in or at `dir`.
    fn records(&self, dir: &Path) -> Result<Vec<Record>> {
        let mut all = match dir.file_name() == Some(OsStr::new("folders")) {
            true => dir.parent().map_or_else(|| Ok(Vec::new()), folders)?,
            false => vec![dir.to_owned()],
        };
        sort_paths(&mut all);
        let load = |folder: &PathBuf| {
            let record = Record::load(&self.writer, &folder.join("record"), &self.out);
            record.transpose()
        };
        all.iter().filter_map(load).collect()
    }

    fn go(&self, tree: Option<&Path>, sink: &Sink) -> Result<Vec<PathBuf>> {
        let (writer, shared) = (&self.writer, &self.shared);
        let mut removed = Vec::new();
        let mut left = false;
        for key in keys(shared)? {
            let Some(wanted) = self.wanted(&key, tree)? else {
                left = true;
                continue;
            };
            // Waits for a running build.
            let mut lock = Lock::take(writer, &key.join("lock"), "clean", sink)?;
            lock.sign()?;
            for record in self.records(&wanted)? {
                self.remove_products(&record, &mut removed)?;
                for rel in &record.elsewhere {
                    // A build cannot use an object that cannot be reached.
                    let _ = writer.remove_file(&key.join("stage").join(rel));
                }
            }
            writer.remove_tree(&wanted)?;
            if folders(&key)?.is_empty() {
                writer.remove_tree(&key)?;
            } else {
                left = true;
            }
        }
        // A folder at the path of such a file is not ours.
        if !self.out.join(COMPILE_COMMANDS).is_dir() {
            compile_commands::publish(writer, Path::new(""), shared, &self.out)?;
        }
        #[cfg(feature = "ide")]
        if !self.out.join(RUST_PROJECT).is_dir() {
            rust_project::publish(writer, Path::new(""), shared, &self.out)?;
        }
        if !left {
            remove_pool(writer, shared);
            writer.remove_tree(&shared.join(BINDINGS))?;
            let parts = fs::read_dir(shared).into_iter().flatten().flatten();
            let parts = parts
                .map(|entry| entry.file_name())
                .filter(|name| is_part(name));
            for file in parts.chain([CACHEDIR_TAG, PUBLISH_LOCK].map(Into::into)) {
                writer.remove_file(&shared.join(file))?;
            }
            // A build that has just begun may have put something there again. The folder stays
            // then.
            parent_writer(shared)?.remove_empty(shared);
        }
        sort_paths(&mut removed);
        Ok(removed)
    }

    /// The part of a private folder that belongs to `tree`: all of it if `tree` is the tree root,
    /// else the private files of that module folder, which may share the stage with others.
    fn wanted(&self, key: &Path, tree: Option<&Path>) -> Result<Option<PathBuf>> {
        let all = key.join("folders");
        let Some(tree) = tree else {
            return Ok(Some(all));
        };
        let root = self.writer.read(&key.join("root"))?.unwrap_or_default();
        let Ok(rel) = tree.strip_prefix(OsStr::from_bytes(&root)) else {
            return Ok(None);
        };
        if rel.as_os_str().is_empty() {
            return Ok(Some(all));
        }
        Ok(Some(folder(key, rel)).filter(|folder| folder.is_dir()))
    }

    fn remove_products(&self, record: &Record, removed: &mut Vec<PathBuf>) -> Result<()> {
        for product in record.published() {
            if artifact::remove_with_folders(&self.writer, &self.out, product)? {
                removed.push(product.path.clone());
            }
        }
        Ok(())
    }
}
