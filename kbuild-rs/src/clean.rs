//! Removes what was made.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::artifact;
use crate::compile_commands;
use crate::files::{remove_file, sort_paths, walk};
use crate::freshness::Record;
use crate::lock::Lock;
use crate::make::remove_pool;
use crate::message::Sink;
#[cfg(feature = "ide")]
use crate::rust_project;
use crate::stage::{CACHEDIR_TAG, PUBLISH_LOCK, folder, private_root};
use crate::{Error, Result};

/// Removes the products that lie in `out_dir` and everything private that belongs to them, and
/// gives the paths of the products that were removed. With `tree`, only what was made from that
/// module tree (or from the declared modules of that folder).
///
/// A file that somebody else has put in a product's place stays. A directory in which nothing
/// was built gives an empty list.
///
/// # Errors
/// [`ErrorKind::Io`](crate::ErrorKind::Io) when something cannot be removed.
pub fn clean(out_dir: &Path, tree: Option<&Path>) -> Result<Vec<PathBuf>> {
    let Ok(out) = fs::canonicalize(out_dir) else {
        return Ok(Vec::new());
    };
    let tree = tree
        .map(|t| fs::canonicalize(t).map_err(|e| Error::io("use the folder", t, e)))
        .transpose()?;
    let shared = private_root(&out)?;
    let mut removed = Vec::new();
    let mut left = false;
    for key in folders(&shared)? {
        let Some(wanted) = wanted(&key, tree.as_deref()) else {
            left = true;
            continue;
        };
        // A build that runs right now is waited for.
        let mut lock = Lock::take(&key.join("lock"), "clean", &Sink::printing(false))?;
        lock.sign()?;
        let mut records = Vec::new();
        walk(&wanted, &mut |path, _| {
            if path.file_name().is_some_and(|n| n == "record") {
                records.extend(Record::load(path)?);
            }
            Ok(())
        })?;
        for record in &records {
            remove_products(record, &out, &mut removed)?;
            for rel in &record.elsewhere {
                remove_file(&key.join("stage").join(rel))?;
            }
        }
        match fs::remove_dir_all(&wanted) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io("remove", &wanted, e));
            }
            _ => {}
        }
        if folders(&key.join("folders"))?.is_empty() {
            fs::remove_dir_all(&key).map_err(|e| Error::io("remove", &key, e))?;
        } else {
            left = true;
        }
    }
    compile_commands::publish(Path::new(""), &shared, &out)?;
    #[cfg(feature = "ide")]
    rust_project::publish(Path::new(""), &shared, &out)?;
    if !left {
        remove_pool(&shared);
        for file in [CACHEDIR_TAG, PUBLISH_LOCK] {
            remove_file(&shared.join(file))?;
        }
        // A build that has just begun has put something there again.
        let _ = fs::remove_dir(&shared);
    }
    sort_paths(&mut removed);
    Ok(removed)
}

/// What of a private folder belongs to `tree`: everything where it is the staged root, else what is
/// private to that module folder, which may share the stage with others.
fn wanted(key: &Path, tree: Option<&Path>) -> Option<PathBuf> {
    let all = key.join("folders");
    let Some(tree) = tree else {
        return Some(all);
    };
    let root = fs::read(key.join("root")).ok()?;
    let rel = tree.strip_prefix(OsStr::from_bytes(&root)).ok()?;
    if rel.as_os_str().is_empty() {
        return Some(all);
    }
    Some(folder(key, rel)).filter(|folder| folder.is_dir())
}

fn remove_products(record: &Record, out: &Path, removed: &mut Vec<PathBuf>) -> Result<()> {
    for product in record.products.iter().chain(&record.targets) {
        if artifact::remove(product)? {
            removed.push(product.path.clone());
            // The folder of a target such as dir/foo.o, if nothing else lies there.
            let folders = product.path.ancestors().skip(1);
            for folder in folders.take_while(|f| f.starts_with(out) && *f != out) {
                if fs::remove_dir(folder).is_err() {
                    break;
                }
            }
        }
    }
    Ok(())
}

fn folders(dir: &Path) -> Result<Vec<PathBuf>> {
    match fs::read_dir(dir) {
        Ok(entries) => Ok(entries
            .flatten()
            .map(|e| e.path())
            .filter(|p| p.is_dir())
            .collect()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(Error::io("read", dir, e)),
    }
}
