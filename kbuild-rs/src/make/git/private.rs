//! A private repository: it has the source's references and configuration, refers to its objects,
//! and has an index for the stage.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{GitPlaces, Repository, index, quoted};
use crate::make::run::ChildDescriptors;
use crate::sys::{CopyOptions, Writer, regular};
use crate::{Error, Result, sys};

/// A repository and its place in the stage.
#[derive(Debug, Clone)]
pub(crate) struct StagedRepository {
    pub(crate) repository: Repository,
    /// The private repository.
    pub(crate) place: PathBuf,
    /// The folder in the stage that stands for the repository's work tree.
    pub(crate) work_tree: PathBuf,
    /// Whether that folder is not the whole work tree, nor a part of it with the right name.
    pub(crate) is_part: bool,
    /// The folder below it that is staged, if the rest of the work tree is not.
    pub(crate) only: Option<PathBuf>,
}

/// The file in a private repository that names the work tree of the source's repository.
pub(super) const STANDS_FOR: &str = "stands-for";

/// Settings that make git write, or start processes that outlive the build.
const OVERRIDES: &str = "\tbare = false\n\tfsmonitor = false\n\tuntrackedCache = false\n\
    \tsplitIndex = false\n\tsparseCheckout = false\n[gc]\n\tauto = 0\n[maintenance]\n\
    \tauto = false\n";

impl GitPlaces {
    /// Writes the private repositories anew, and forgets which ones were asked. With `run`, git
    /// fits the index to the stage.
    pub(crate) fn write(
        &self,
        writer: &Writer,
        staged: &[StagedRepository],
        run: Option<&RunGit<'_>>,
    ) -> Result<()> {
        writer.remove_tree(&self.0)?;
        writer.create_dirs(&self.0)?;
        let nowhere = self.0.join("no-repository");
        let text = [b"gitdir: ", nowhere.as_os_str().as_bytes(), b"\n"].concat();
        writer.write_if_changed(&self.refusal(), &text)?;
        staged.iter().try_for_each(|one| one.write(writer))?;
        match run {
            Some(run) => staged
                .iter()
                .try_for_each(|one| index::fit(self, one, writer, run)),
            None => Ok(()),
        }
    }
}

/// The program, the environment and the locks to run git with.
pub(crate) struct RunGit<'a> {
    pub(crate) program: PathBuf,
    pub(crate) env: &'a [(OsString, OsString)],
    pub(crate) held: &'a ChildDescriptors,
}

impl StagedRepository {
    pub(super) fn write(&self, writer: &Writer) -> Result<()> {
        let (place, from) = (&self.place, &self.repository);
        writer.remove_tree(place)?;
        writer.create_dirs(&place.join("objects/info"))?;
        writer.create_dirs(&place.join("info"))?;
        writer.create_dirs(&place.join("refs"))?;
        let objects = from.common.join("objects");
        let mut alternate = quoted(&fs::canonicalize(&objects).unwrap_or(objects));
        alternate.push(b'\n');
        writer.write_whole(&place.join("objects/info/alternates"), &alternate)?;
        writer.write_private(&place.join("config"), &self.config()?)?;
        let work_tree = from.work_tree().as_os_str().as_bytes();
        writer.write_private(&place.join(STANDS_FOR), work_tree)?;
        copy(writer, &from.git_dir.join("HEAD"), &place.join("HEAD"))?;
        for name in ["packed-refs", "shallow", "info/exclude", "info/attributes"] {
            copy(writer, &from.common.join(name), &place.join(name))?;
        }
        for name in ["refs", "reftable"] {
            copy_folder(writer, &from.common.join(name), &place.join(name), 0)?;
        }
        copy(writer, &self.source_index(), &place.join("index"))?;
        // A split index keeps its other half in a second file.
        for name in names(&from.git_dir) {
            if name.as_bytes().starts_with(b"sharedindex.") {
                copy(writer, &from.git_dir.join(&name), &place.join(&name))?;
            }
        }
        Ok(())
    }

    pub(super) fn source_index(&self) -> PathBuf {
        self.repository.git_dir.join("index")
    }

    /// The source's configuration, followed by ours. The owner of the source's file is checked once
    /// more.
    fn config(&self) -> Result<Vec<u8>> {
        let path = self.repository.common.join("config");
        let failed = |e| Error::reading("read", &path, e);
        let mut text = Vec::new();
        let mut file = regular::open(&path).map_err(failed)?;
        if file.metadata().map_err(failed)?.uid() == sys::effective_uid() {
            file.read_to_end(&mut text).map_err(failed)?;
            // A path in the configuration is relative to its file.
            if text.windows(8).any(|w| w.eq_ignore_ascii_case(b"[include")) {
                text.extend(b"\n[include]\n\tpath = ");
                text.extend(quoted(&path));
            }
        }
        text.extend(b"\n[core]\n\tworktree = ");
        text.extend(quoted(&self.work_tree));
        text.push(b'\n');
        text.extend(OVERRIDES.as_bytes());
        Ok(text)
    }
}

/// Copies a file if it exists and can be read. If not, git itself reports the missing file.
fn copy(writer: &Writer, from: &Path, to: &Path) -> Result<()> {
    match regular::open(from) {
        Ok(file) => copy_dated(writer, &file, from, to),
        Err(_) => Ok(()),
    }
}

/// Copies a file and gives it the time of `dated`: a rule of the tree may depend on `.git/HEAD` or
/// on `.git/index`.
pub(super) fn copy_dated(writer: &Writer, from: &File, dated: &Path, to: &Path) -> Result<()> {
    let time = fs::metadata(dated).and_then(|meta| meta.modified());
    let how = CopyOptions {
        add_mode: 0o600,
        mtime: time.ok(),
    };
    writer.copy(from, to, how)
}

/// More levels than this are a loop.
const DEEP: usize = 64;

fn copy_folder(writer: &Writer, from: &Path, to: &Path, depth: usize) -> Result<()> {
    let names = names(from);
    if names.is_empty() || depth > DEEP {
        return Ok(());
    }
    writer.create_dirs(to)?;
    for name in names {
        let (from, to) = (from.join(&name), to.join(&name));
        match fs::metadata(&from) {
            Ok(meta) if meta.is_dir() => copy_folder(writer, &from, &to, depth + 1)?,
            Ok(meta) if meta.is_file() && !is_lock(&name) => copy(writer, &from, &to)?,
            _ => {}
        }
    }
    Ok(())
}

/// Whether git is about to put the file in the place of another one.
fn is_lock(name: &OsStr) -> bool {
    name.as_bytes().ends_with(b".lock")
}

fn names(folder: &Path) -> Vec<OsString> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).collect()
}
