//! The repositories of a module tree, and git's place before make.
//!
//! If a repository begins above the tree root, a folder in the stage stands for its work tree, and
//! the tree root is below that folder at the same path. git's paths start at the work tree
//! (`git log -- .`).

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::site::Site;
use super::{Context, Resolved, Sources};
use crate::make::{
    DotGit, GitPlaces, Repository, StagedRepository, asked_in_kernel, before_path, find_program,
    prefix_in,
};
use crate::stage::{Item, Kind, Stage};

/// The name of the folder that stands for a work tree above the tree root, if kbuild cannot carry
/// the root's path below that work tree.
const UNNAMED: &str = "root";

/// A module folder's private folder that comes first in `PATH`.
const BIN: &str = "bin";

/// The repository that begins above a tree root.
#[derive(Clone, Debug)]
pub(crate) struct RepositoryAbove {
    repository: Repository,
    /// The path of the root in its work tree; `None` if kbuild cannot work in a folder with that
    /// path.
    prefix: Option<PathBuf>,
}

impl RepositoryAbove {
    /// The repository above `root` (canonical), unless the root itself has one.
    pub(crate) fn of(root: &Path) -> Option<RepositoryAbove> {
        if Repository::at(root) != DotGit::Nothing {
            return None;
        }
        let repository = Repository::above(root)?;
        let prefix = prefix_in(&repository, root);
        Some(RepositoryAbove { repository, prefix })
    }

    pub(super) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The path of the tree root below the folder that stands for the work tree.
    pub(crate) fn prefix(&self) -> &Path {
        self.prefix.as_deref().unwrap_or(Path::new(UNNAMED))
    }

    /// (the folder in the stage, the work tree), for messages.
    pub(crate) fn pair(&self, stage: &Stage) -> Option<(PathBuf, PathBuf)> {
        let source = self.repository.work_tree().to_owned();
        self.prefix.as_ref().map(|_| (stage.top.clone(), source))
    }
}

/// The repositories of a module tree.
#[derive(Debug)]
pub(crate) struct Repositories {
    /// The places of the private repositories that git finds in the stage.
    pub(crate) places: GitPlaces,
    /// The repository of the tree root, if it begins above it.
    pub(crate) above: Option<RepositoryAbove>,
    /// The program before git in `PATH`.
    pub(crate) in_kernel: Option<BeforeGit>,
}

/// A program that comes before git in `PATH`.
#[derive(Debug)]
pub(crate) struct BeforeGit {
    pub(crate) file: PathBuf,
    pub(crate) text: Vec<u8>,
    /// The value of `PATH` in which the program's folder comes first.
    pub(crate) path: OsString,
}

impl Repositories {
    pub(super) fn of(site: &Site) -> Repositories {
        Repositories {
            places: GitPlaces::of(&site.stage.private),
            above: site.above.clone(),
            in_kernel: None,
        }
    }

    /// The program before git. It is needed if the tree root has a repository and kbuild reads the
    /// Makefile in the kernel's folder.
    pub(super) fn in_kernel(
        &self,
        context: &Context<'_>,
        sources: &Sources,
        env: &[(OsString, OsString)],
    ) -> Option<BeforeGit> {
        let Sources::Tree { root, .. } = sources else {
            return None;
        };
        let Context { kernel, site, .. } = context;
        let has_repository =
            self.above.is_some() || matches!(Repository::at(root), DotGit::Ours(_));
        if kernel.version() >= (6, 13) || !has_repository {
            return None;
        }
        let git = find_program("git", env)?;
        let (_, path) = env.iter().find(|(name, _)| name == "PATH")?;
        let bin = site.folder.join(BIN);
        Some(BeforeGit {
            file: bin.join("git"),
            text: asked_in_kernel(&git, [kernel.dir(), kernel.source_dir()], &site.module_dir),
            path: before_path(&bin, path),
        })
    }

    /// All repositories in the stage.
    pub(crate) fn staged(&self, resolved: &Resolved, items: &[Item]) -> Vec<StagedRepository> {
        let Sources::Tree { root, .. } = &resolved.sources else {
            return Vec::new();
        };
        let mut staged = Vec::new();
        if let Some(above) = &self.above {
            staged.push(StagedRepository {
                repository: above.repository.clone(),
                place: self.places.of_link(Path::new("..")),
                work_tree: resolved.stage.top.clone(),
                is_part: above.prefix.is_none(),
                only: above.prefix.as_ref().map(|_| resolved.stage.dir.clone()),
            });
        }
        for item in items {
            let Kind::Link(target) = &item.kind else {
                continue;
            };
            if !item.rel.ends_with(".git") || !self.places.has(target) {
                continue;
            }
            let folder = item.rel.parent().unwrap_or(Path::new(""));
            let Ok(real) = fs::canonicalize(root.join(folder)) else {
                continue;
            };
            let (repository, is_part) = match Repository::at(&real) {
                DotGit::Ours(repository) => (Some(repository), false),
                // The folder at the end of a link that leaves the tree.
                DotGit::Nothing => (Repository::above(&real), true),
                DotGit::Refused => (None, false),
            };
            staged.extend(repository.map(|repository| StagedRepository {
                repository,
                place: target.clone(),
                work_tree: resolved.stage.file(folder),
                is_part,
                only: None,
            }));
        }
        staged
    }
}
