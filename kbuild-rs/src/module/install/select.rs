//! The built modules that a call names.
//!
//! The folder with them may be another user's, so no record in it is believed: a module is a regular
//! file that is reached without following a link, and it is what its own content says.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FileType;
use serde::{Deserialize, Serialize};

use super::memory::Memory;
use super::read_back::kernel_name;
use super::workers;
use crate::module::ModuleInfo;
use crate::module::sign::is_signed;
use crate::sys::tree::sha256;
use crate::sys::{Tree, effective_uid};
use crate::{Error, ErrorKind, Result};

/// The folder in an output directory that holds the records of its builds.
const PRIVATE: &str = ".kbuild";

/// A built module.
#[derive(Debug, Clone)]
pub(in crate::module) struct Source {
    folder: Arc<Tree>,
    rel: PathBuf,
    /// The path that people read.
    pub(in crate::module) path: PathBuf,
    /// The name of the file, without `.ko`.
    pub(super) name: String,
    pub(super) facts: Facts,
}

/// The properties of a built module that its content decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts {
    pub(super) sha256: String,
    pub(super) release: String,
    /// Whether the build signed it.
    pub(super) is_signed: bool,
    pub(super) depends: Vec<String>,
    pub(super) version: Option<String>,
}

impl Source {
    /// The bytes, which must be the same as at first.
    pub(in crate::module) fn read_again(&self) -> Result<Vec<u8>> {
        let bytes = self.folder.read(&self.rel)?.unwrap_or_default();
        match sha256(&bytes) == self.facts.sha256 {
            true => Ok(bytes),
            false => Err(self.changed()),
        }
    }

    pub(super) fn changed(&self) -> Error {
        super::conflict::changed_meanwhile(&self.path)
    }

    /// Gives the built file a second name; whether it worked. Another user's file gets none: that
    /// user could change the installed module.
    pub(super) fn link_to(&self, tree: &Tree, rel: &Path) -> bool {
        let is_linked = tree.remove(rel).is_ok() && tree.link_from(&self.folder, &self.rel, rel);
        let stat = || tree.stat(rel).ok().flatten();
        is_linked && stat().is_some_and(|stat| crate::sys::is_trusted(stat.st_uid))
    }
}

/// Reads the modules that `inputs` name: `.ko` files, and folders with such files.
pub(in crate::module) fn select(inputs: &[PathBuf], jobs: usize) -> Result<Vec<Source>> {
    select_known(inputs, jobs, &Memory::default())
}

/// Like [`select`], and only reads the files that changed since an earlier call read them.
pub(super) fn select_known(
    inputs: &[PathBuf],
    jobs: usize,
    memory: &Memory,
) -> Result<Vec<Source>> {
    let mut found = Vec::new();
    for input in inputs {
        match std::fs::metadata(input) {
            Ok(meta) if meta.is_dir() => below(input, &mut found)?,
            Ok(_) => found.push(one(input)?),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::new(
                    ErrorKind::SourceNotFound,
                    format!(
                        "{} does not exist: build the modules first, or name a .ko file or a folder \
                         with modules",
                        input.display()
                    ),
                ));
            }
            Err(e) => return Err(Error::reading("read", input, e)),
        }
    }
    let sources = workers::map(found, jobs, &|(folder, rel)| read(folder, rel, memory))?;
    unique(sources)
}

type Found = (Arc<Tree>, PathBuf);

/// A file that the caller named, wherever a link leads.
fn one(input: &Path) -> Result<Found> {
    let failed = |e| Error::reading("read", input, e);
    let path = std::fs::canonicalize(input).map_err(failed)?;
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(failed(std::io::ErrorKind::InvalidInput.into()));
    };
    if Path::new(name).extension().is_none_or(|e| e != "ko") {
        return Err(Error::input(format!(
            "{} is not a .ko file: name the module as it was built, not compressed",
            input.display()
        )));
    }
    let tree = Tree::open(folder)?;
    check_finished(&tree, Path::new(PRIVATE))?;
    Ok((Arc::new(tree), name.into()))
}

/// Every `.ko` file below a folder.
fn below(folder: &Path, found: &mut Vec<Found>) -> Result<()> {
    let tree = Arc::new(Tree::open(folder)?);
    let private = RefCell::new(vec![PathBuf::from(PRIVATE)]);
    let before = found.len();
    let enter = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        if name == PRIVATE {
            private.borrow_mut().push(path.to_owned());
        }
        !name.as_encoded_bytes().starts_with(b".")
    };
    let mut visit = |path: &Path, kind: FileType| {
        if kind == FileType::RegularFile && path.extension().is_some_and(|e| e == "ko") {
            found.push((tree.clone(), path.to_owned()));
        }
    };
    tree.walk(Path::new(""), &enter, &mut visit)?;
    for private in private.borrow().iter() {
        check_finished(&tree, private)?;
    }
    if found.len() == before {
        return Err(Error::new(
            ErrorKind::SourceNotFound,
            format!(
                "{} contains no module (.ko): build the modules first, for instance with:\n    \
                 kbuild-rs build --out-dir {}",
                folder.display(),
                crate::syntax::shell_quote(folder.as_os_str())
            ),
        ));
    }
    Ok(())
}

/// Fails if a build of this user was interrupted, or is running: its modules may be old or missing.
fn check_finished(tree: &Tree, private: &Path) -> Result<()> {
    let is_ours = tree.stat(private)?.is_some_and(|stat| {
        stat.st_uid == effective_uid()
            && FileType::from_raw_mode(stat.st_mode) == FileType::Directory
    });
    if !is_ours {
        return Ok(());
    }
    for key in tree.names(private)? {
        let marker = private.join(key).join("running");
        if tree.kind(&marker).is_ok_and(|kind| kind.is_some()) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "a build into {} is running, or was interrupted: its modules may be incomplete. \
                     Run the build again, then install",
                    tree.shown(private.parent().unwrap_or(Path::new("")))
                        .display()
                ),
            ));
        }
    }
    Ok(())
}

fn read(folder: Arc<Tree>, rel: PathBuf, memory: &Memory) -> Result<Source> {
    let path = folder.shown(&rel);
    let facts = memory.facts(&folder, &rel, &|| {
        let bytes = folder.read(&rel)?.unwrap_or_default();
        facts(&bytes, &path)
    })?;
    let name = rel.file_stem().and_then(|stem| stem.to_str());
    let name = name
        // depmod and modprobe cut a name off at its first dot.
        .filter(|name| super::is_module_name(name) && !name.contains('.'))
        .ok_or_else(|| {
            Error::input(format!(
                "{} has a name that no module can have: use letters, digits, - and _",
                path.display()
            ))
        })?;
    super::releases::check_name(&facts.release)
        .map_err(|e| e.about(&format!("{}", path.display())))?;
    Ok(Source {
        name: name.to_owned(),
        facts,
        folder,
        rel,
        path,
    })
}

fn facts(bytes: &[u8], path: &Path) -> Result<Facts> {
    let info = ModuleInfo::of_bytes(bytes, path)?;
    Ok(Facts {
        sha256: sha256(bytes),
        release: info.release,
        is_signed: is_signed(bytes),
        depends: info.depends,
        version: info.version,
    })
}

/// One module of each name and release.
fn unique(sources: Vec<Source>) -> Result<Vec<Source>> {
    let mut by_name: BTreeMap<(String, String), Source> = BTreeMap::new();
    for source in sources {
        let key = (source.facts.release.clone(), kernel_name(&source.name));
        match by_name.get(&key) {
            Some(other) if other.facts.sha256 != source.facts.sha256 => {
                return Err(Error::input(format!(
                    "{} and {} are different modules with the same name for {}: install one of them",
                    other.path.display(),
                    source.path.display(),
                    source.facts.release
                )));
            }
            Some(_) => {}
            None => drop(by_name.insert(key, source)),
        }
    }
    Ok(by_name.into_values().collect())
}
