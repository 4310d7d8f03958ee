//! What git, asked by a Makefile inside the stage, may answer.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::regular;
use crate::sys::{Copied, Writer};
use crate::{Error, Result, sys};

/// The repository that a source tree lies in, if the effective user owns it.
///
/// In somebody else's repository git may be made to run that person's commands
/// (`core.fsmonitor`), and `GIT_DIR` switches git's own check of the owner off: there git finds
/// nothing at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Git {
    git_dir: PathBuf,
    /// Where branches and tags are; a worktree has only a HEAD of its own.
    common: PathBuf,
    work_tree: PathBuf,
}

impl Git {
    /// Looks for the repository that `source` (canonical) lies in.
    pub(crate) fn of(source: &Path) -> Option<Git> {
        let work_tree = source.ancestors().find(|dir| dir.join(".git").exists())?;
        let dot_git = work_tree.join(".git");
        let git_dir = if dot_git.is_dir() {
            dot_git.clone()
        } else {
            // A worktree or submodule: a file that says where the repository is.
            let text = regular::read_to_string(&dot_git).ok()?;
            work_tree.join(text.strip_prefix("gitdir:")?.trim())
        };
        // A worktree's configuration is that of the repository it was made from.
        let common = regular::read_to_string(git_dir.join("commondir"))
            .map(|text| git_dir.join(text.trim()))
            .unwrap_or_else(|_| git_dir.clone());
        let owned =
            |path: &Path| fs::metadata(path).is_ok_and(|meta| meta.uid() == sys::effective_uid());
        let mine = owned(work_tree) && owned(&dot_git) && owned(&git_dir) && owned(&common)
            // A configuration file may belong to somebody else all the same.
            && owned(&common.join("config"));
        mine.then(|| Git {
            git_dir,
            common,
            work_tree: work_tree.to_owned(),
        })
    }

    /// The environment for a build in `private`.
    ///
    /// Without a repository, git must find none: neither above the stage (the output directory
    /// may lie in one) nor in it. A source tree may hold what looks like a bare repository,
    /// `core.fsmonitor` included; git would not trust somebody else's, but the copy is ours.
    pub(crate) fn env(git: Option<&Git>, private: &Path) -> Vec<(OsString, OsString)> {
        let Some(git) = git else {
            return vec![
                ("GIT_CEILING_DIRECTORIES".into(), private.into()),
                ("GIT_DIR".into(), private.join("no-repository").into()),
            ];
        };
        vec![
            ("GIT_DIR".into(), git.git_dir.clone().into()),
            ("GIT_WORK_TREE".into(), git.work_tree.clone().into()),
            ("GIT_INDEX_FILE".into(), index_copy(private).into()),
            ("GIT_OPTIONAL_LOCKS".into(), "0".into()),
        ]
    }

    /// Copies the index: `git describe --dirty` refreshes the one it is given, and
    /// `GIT_OPTIONAL_LOCKS` does not stop it.
    pub(crate) fn copy_index(&self, writer: &Writer, private: &Path) -> Result<()> {
        let from = self.git_dir.join("index");
        let file = match regular::open(&from) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file.map_err(|e| Error::io("read", &from, e))?,
        };
        let how = Copied {
            add_mode: 0o600,
            mtime: None,
        };
        writer.copy(&file, &index_copy(private), how)
    }

    /// The files and folders whose change means that git may answer otherwise: where HEAD is,
    /// and the tags. What is dirty shows in the sources themselves.
    pub(crate) fn head_files(&self) -> Vec<PathBuf> {
        let mut files = vec![self.git_dir.join("HEAD"), self.git_dir.join("logs/HEAD")];
        let head = regular::read_to_string(self.git_dir.join("HEAD")).unwrap_or_default();
        if let Some(name) = head.strip_prefix("ref: ") {
            files.push(self.common.join(name.trim()));
        }
        files.push(self.common.join("packed-refs"));
        // git replaces a reference by renaming: that shows in its folder.
        files.push(self.common.join("refs/tags"));
        files.retain(|f| f.exists());
        files
    }
}

fn index_copy(private: &Path) -> PathBuf {
    private.join("git-index")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_repository_git_finds_none_above_the_stage_or_in_it() {
        let env = Git::env(None, Path::new("/out/.kbuild/k"));
        let wanted = [
            ("GIT_CEILING_DIRECTORIES", "/out/.kbuild/k"),
            ("GIT_DIR", "/out/.kbuild/k/no-repository"),
        ];
        assert_eq!(env, wanted.map(|(n, v)| (n.into(), v.into())));
    }

    #[test]
    fn the_callers_own_repository_answers_with_an_index_of_our_own() {
        let dir = std::env::temp_dir().join(format!("kbuild-git-{}", std::process::id()));
        fs::create_dir_all(dir.join(".git")).unwrap();
        fs::create_dir_all(dir.join("sub")).unwrap();
        fs::write(dir.join(".git/config"), "").unwrap();
        fs::write(dir.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        let git = Git::of(&dir.join("sub")).unwrap();
        let env = Git::env(Some(&git), Path::new("/p"));
        assert!(env.contains(&("GIT_WORK_TREE".into(), dir.clone().into())));
        assert!(env.contains(&("GIT_INDEX_FILE".into(), "/p/git-index".into())));
        assert_eq!(git.head_files(), [dir.join(".git/HEAD")]);
        fs::remove_dir_all(&dir).unwrap();
    }
}
