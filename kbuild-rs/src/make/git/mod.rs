//! git in the stage: a Makefile that runs git gets the answers that it would get in the source
//! tree.
//!
//! A build in place finds the `.git` of each repository. The stage has a link instead, to a private
//! repository of kbuild-rs. The private repository has the same references, reads the same objects,
//! and has the stage as its work tree. So git finds the repository, and a Makefile can only change
//! the private one (`rm -rf .git`, `git clean`, `git reset`).
//!
//! # Decisions
//!
//! - Variables such as `GIT_DIR` do not help: they would apply to every repository that a Makefile
//!   asks about. With a work tree elsewhere, git reports that it is outside of it, and `git clean`
//!   would clean the source.
//! - git does not answer for a repository of another user, or for a bare one inside the tree: as
//!   root, it would run that repository's `core.fsmonitor`.

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod in_kernel;
mod index;
mod private;
mod trace;

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::syntax::is_carryable;
use crate::sys::{self, Hash, regular};

pub(crate) use in_kernel::{asked_in_kernel, before_path};
pub(crate) use private::{RunGit, StagedRepository};
pub(crate) use trace::asked;

/// A repository that belongs to the effective user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repository {
    /// The folder that holds `.git`.
    work_tree: PathBuf,
    git_dir: PathBuf,
    /// The folder of branches and tags. A worktree shares them and only has a HEAD of its own.
    common: PathBuf,
}

/// The kinds of `.git` that git may find in a folder.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DotGit {
    Ours(Repository),
    /// A repository of another user. Its settings can make git run that user's commands
    /// (`core.fsmonitor`). git checks the owner itself, but our copy would belong to us.
    Refused,
    /// Nothing: git looks further up.
    Nothing,
}

impl Repository {
    /// Classifies the `.git` of `top` (canonical).
    pub(crate) fn at(top: &Path) -> DotGit {
        let dot_git = top.join(".git");
        let Ok(meta) = fs::metadata(&dot_git) else {
            return DotGit::Nothing;
        };
        let git_dir = match meta.is_dir() {
            true => dot_git.clone(),
            // A worktree or a submodule has a file that names the repository.
            false => match linked(top, &dot_git) {
                Some(dir) => dir,
                None => return DotGit::Refused,
            },
        };
        if !git_dir.join("HEAD").is_file() {
            return match meta.is_dir() {
                true => DotGit::Nothing,
                false => DotGit::Refused,
            };
        }
        // A worktree has the configuration of its main repository.
        let common = regular::read_to_string(git_dir.join("commondir"))
            .map(|text| git_dir.join(text.trim_end_matches('\n')))
            .unwrap_or_else(|_| git_dir.clone());
        let mine = [top, &dot_git, &git_dir, &common].into_iter().all(is_mine)
            // A configuration file may still belong to another user.
            && is_mine(&common.join("config"));
        match mine {
            true => DotGit::Ours(Repository {
                work_tree: top.to_owned(),
                git_dir,
                common,
            }),
            false => DotGit::Refused,
        }
    }

    /// The repository of `dir` (canonical), if its `.git` is above `dir`.
    pub(crate) fn above(dir: &Path) -> Option<Repository> {
        match Repository::at(&Repository::top_above(dir)?) {
            DotGit::Ours(repository) => Some(repository),
            _ => None,
        }
    }

    /// The folder above `dir` whose `.git` applies to `dir`.
    pub(crate) fn top_above(dir: &Path) -> Option<PathBuf> {
        let mut above = dir.ancestors().skip(1);
        let top = above.find(|top| Repository::at(top) != DotGit::Nothing);
        top.map(Path::to_owned)
    }

    pub(crate) fn objects(&self) -> PathBuf {
        self.common.join("objects")
    }

    /// The folder that holds `.git`.
    pub(crate) fn work_tree(&self) -> &Path {
        &self.work_tree
    }

    /// The files and folders whose contents decide git's answers.
    #[cfg(feature = "cache")]
    pub(crate) fn state(&self) -> Vec<PathBuf> {
        let own = ["HEAD", "index", "shallow", "config.worktree"];
        let common = ["packed-refs", "reftable", "refs", "config", "shallow"];
        let own = own.map(|name| self.git_dir.join(name));
        let common = common.map(|name| self.common.join(name));
        own.into_iter().chain(common).collect()
    }

    /// The files and folders that decide git's answers: HEAD and the tags. The sources themselves
    /// show edits.
    pub(crate) fn head_files(&self) -> Vec<PathBuf> {
        let mut files = vec![self.git_dir.join("HEAD"), self.git_dir.join("logs/HEAD")];
        let head = regular::read_to_string(self.git_dir.join("HEAD")).unwrap_or_default();
        if let Some(name) = head.strip_prefix("ref: ") {
            let branch = self.common.join(name.trim());
            // The next commit puts a packed reference into its folder.
            let folder = branch.parent().map(Path::to_owned);
            files.extend(match branch.exists() {
                true => Some(branch),
                false => folder,
            });
        }
        files.push(self.common.join("packed-refs"));
        files.push(self.common.join("reftable/tables.list"));
        // git replaces a reference by renaming, which changes its folder.
        add_folders(&self.common.join("refs/tags"), &mut files);
        files.retain(|f| f.exists());
        files
    }
}

/// Adds the folder and all folders below it.
fn add_folders(folder: &Path, to: &mut Vec<PathBuf>) {
    to.push(folder.to_owned());
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.for_each(|entry| add_folders(&entry.path(), to));
}

fn linked(top: &Path, file: &Path) -> Option<PathBuf> {
    let text = regular::read(file).ok()?;
    let path = text.strip_prefix(b"gitdir:")?.trim_ascii();
    Some(top.join(std::ffi::OsStr::from_bytes(path)))
}

fn is_mine(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.uid() == sys::effective_uid())
}

/// Whether git takes a folder with these names for a bare repository, which has no `.git`.
pub(crate) fn is_bare<'a>(mut names: impl Iterator<Item = &'a OsString> + Clone) -> bool {
    const OTHERS: [&str; 3] = ["objects", "refs", "commondir"];
    names.clone().any(|name| name == "HEAD") && names.any(|n| OTHERS.iter().any(|other| n == other))
}

/// The folder of the private repositories of a stage.
#[derive(Debug, Clone)]
pub(crate) struct GitPlaces(PathBuf);

impl GitPlaces {
    /// The repositories of the stage with this private folder.
    pub(crate) fn of(private: &Path) -> GitPlaces {
        GitPlaces(private.join("git"))
    }

    /// The folder of all of them.
    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    /// The private repository for the `.git` at this path in the stage.
    pub(crate) fn of_link(&self, rel: &Path) -> PathBuf {
        let mut hash = Hash::new();
        hash.add(rel.as_os_str().as_bytes());
        self.0.join(format!("{:016x}", hash.value()))
    }

    /// Whether a link in the stage leads to a private repository.
    pub(crate) fn has(&self, target: &Path) -> bool {
        target.parent() == Some(&self.0) && target != self.refusal()
    }

    /// A `.git` without a repository behind it. It keeps git from looking further up.
    pub(crate) fn refusal(&self) -> PathBuf {
        self.0.join("refused")
    }

    fn trace(&self) -> PathBuf {
        self.0.join("asked")
    }

    /// The environment for a build in the stage. It keeps repositories above the stage from
    /// answering (the output directory may be in one), and it has git note the repositories that
    /// were asked.
    pub(crate) fn env(&self) -> Vec<(OsString, OsString)> {
        let private = self.0.parent().unwrap_or(&self.0);
        vec![
            ("GIT_CEILING_DIRECTORIES".into(), private.into()),
            ("GIT_OPTIONAL_LOCKS".into(), "0".into()),
            ("GIT_TRACE_SETUP".into(), self.trace().into()),
        ]
    }
}

/// A path in quotes, in the form of git's files.
fn quoted(path: &Path) -> Vec<u8> {
    let mut text = vec![b'"'];
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'"' | b'\\' => text.extend([b'\\', byte]),
            b'\n' => text.extend(b"\\n"),
            _ => text.push(byte),
        }
    }
    text.push(b'"');
    text
}

/// Whether kbuild could work in a folder at this path below the private folder.
pub(crate) fn prefix_in(repository: &Repository, root: &Path) -> Option<PathBuf> {
    let prefix = root.strip_prefix(&repository.work_tree).ok()?;
    is_carryable(prefix).then(|| prefix.to_owned())
}

#[cfg(test)]
mod tests;
