//! Real modules of other authors, from Debian's `*-dkms` packages: the modules to build, how to
//! build them, and the expected result on each kernel. `tests/corpus/corpus.txt` is the table.
//!
//! Debian 12's sources are built up to 6.1, Debian 13's since 6.12. Eight of Debian 12's twelve do
//! not compile on 6.12 with plain make either. Seven of Debian 13's do not compile on 7.2, and the
//! table has the compiler's words about them.

mod table;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lab::{self, LabKernel};
use crate::plain::{self, PAHOLE};
use crate::{Result, sys};
pub use table::packages;

/// A package with module sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name in Debian.
    pub name: String,
    /// The value of `--tree-root`, if a place needs more than its own folder.
    pub root: Option<String>,
    /// The folders in which make runs, one after another; empty for the package's own.
    pub places: Vec<String>,
    /// The arguments of make in its `dkms.conf` besides the target, as `NAME=VALUE`.
    pub make_vars: Vec<String>,
    /// The file that a developer edits.
    pub edit: String,
    /// The expected results, kernel by kernel.
    pub cells: Vec<Cell>,
}

/// One package on one kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The kernel's name in the lab.
    pub kernel: String,
    /// The Debian release whose sources are built.
    pub release: String,
    /// The expected result.
    pub expected: Expected,
}

/// The result of plain make, which kbuild-rs must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Names of modules without `.ko`, sorted.
    Modules(Vec<String>),
    /// The sources do not support this kernel: the words of the compiler or make.
    Fails(String),
}

impl Package {
    /// The sources of `cell`, which all tests share: copy them, never build in them.
    ///
    /// # Errors
    /// As [`lab::source_of`].
    pub fn sources(&self, cell: &Cell) -> Result<PathBuf> {
        lab::source_of(&self.name, &cell.release)
    }

    /// The folders to build, below `tree`.
    pub fn folders(&self, tree: &Path) -> Vec<PathBuf> {
        let folder = |place: &String| plain::folder(tree, place);
        self.places.iter().map(folder).collect()
    }

    /// The arguments of `kbuild-rs` that build one of the [`folders`](Self::folders).
    pub fn ours(&self, kernel: &LabKernel, folder: &Path, out: &Path) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec!["build".into(), folder.into()];
        let mut add = |flag: &str, value: &OsStr| args.extend([flag.into(), value.into()]);
        add("--kernel", kernel.kdir.as_ref());
        add("--out-dir", out.as_ref());
        add("--jobs", "1".as_ref());
        add("--make-var", PAHOLE.as_ref());
        if let Some(cc) = &kernel.cc {
            add("--cc", cc.as_ref());
        }
        if let Some(root) = &self.root {
            add("--tree-root", root.as_ref());
        }
        for assignment in &self.make_vars {
            add("--make-var", assignment.as_ref());
        }
        args
    }

    /// Runs [`plain::make`] in one of the [`folders`](Self::folders) of a copy.
    pub fn make(&self, kernel: &LabKernel, folder: &Path, copy: &Path, shown: &Path) -> Command {
        let mut make = plain::make(kernel, folder, copy, shown);
        make.arg("-j1").args(&self.make_vars).arg("modules");
        make
    }
}

/// A folder of the lab for one package on one kernel. No other process uses it meanwhile.
///
/// Its path is the same at every run, because debug information contains it, and plain make may
/// have built at an earlier run.
pub struct Room {
    /// The folder.
    pub dir: PathBuf,
    _lock: sys::Lock,
}

impl Room {
    /// Waits for the room of `package` on `kernel`.
    ///
    /// # Errors
    /// If the folder cannot be created or locked.
    pub fn of(package: &Package, kernel: &LabKernel) -> Result<Room> {
        let dir = lab::cache_dir()
            .join(lab::CORPUS)
            .join(kernel.name)
            .join(&package.name);
        fs::create_dir_all(&dir)
            .map_err(|error| format!("cannot make {}: {error}", dir.display()))?;
        let lock = sys::Lock::take(&dir.join("lock"))?;
        Ok(Room { dir, _lock: lock })
    }
}

/// Compares the modules that `who` built with the names in the table.
///
/// # Errors
/// If a module is missing, or the table does not have it.
pub fn as_the_table_says(
    built: &BTreeMap<String, Vec<u8>>,
    names: &[String],
    who: &str,
) -> Result<()> {
    let built: Vec<&str> = built.keys().filter_map(|n| n.strip_suffix(".ko")).collect();
    if let Some(missing) = names.iter().find(|name| !built.contains(&&***name)) {
        return Err(format!("{who} does not build {missing}, only {built:?}"));
    }
    match built.iter().find(|name| names.iter().all(|n| n != **name)) {
        Some(new) => Err(format!(
            "{who} builds {new} too, which tests/corpus/corpus.txt does not name: update it"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_and_an_additional_module_are_reported() {
        let built: BTreeMap<_, _> = ["a.ko", "b.ko"].map(|n| (n.to_owned(), vec![])).into();
        let says = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
            as_the_table_says(&built, &names, "make")
        };
        assert_eq!(says(&["a", "b"]), Ok(()));
        assert!(
            says(&["a", "b", "c"])
                .unwrap_err()
                .contains("does not build c")
        );
        assert!(says(&["a"]).unwrap_err().contains("builds b too"));
    }
}
