//! The repositories of a module tree, in the stage.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::request::{Request, Sources};
use super::run::Run;
use crate::make::{
    Found, Held, Repository, RunGit, Staged, asked, asked_in_kernel, before_path, find_program,
    prefix_in,
};
use crate::stage::{Item, Kind, Stage, is_makefile};
use crate::{Error, Kernel, Result, regular};

/// The name of the folder that stands for a work tree above the staged root, if the stage cannot
/// have the root's path below that work tree.
const UNNAMED: &str = "root";

/// The private folder of a module folder that comes first in `PATH`.
const BIN: &str = "bin";

/// The file and the text of the program that comes before git in `PATH`. It is needed if `root` has a
/// repository and kbuild reads the Makefile in the kernel's folder.
pub(super) fn in_kernel(
    (root, above): (&Path, Option<&Above>),
    kernel: &Kernel,
    make_dir: (&Path, &Path),
    env: &mut [(OsString, OsString)],
) -> Option<(PathBuf, Vec<u8>)> {
    let has_repository = above.is_some() || matches!(Repository::at(root), Found::Ours(_));
    if kernel.version() >= (6, 13) || !has_repository {
        return None;
    }
    let git = find_program("git", env)?;
    let (folder, module_dir) = make_dir;
    let bin = folder.join(BIN);
    let text = asked_in_kernel(&git, [kernel.dir(), kernel.source_dir()], module_dir);
    let (_, path) = env.iter_mut().find(|(name, _)| name == "PATH")?;
    *path = before_path(&bin, path);
    Some((bin.join("git"), text))
}

/// The repository that begins above a staged root.
#[derive(Debug)]
pub(crate) struct Above {
    repository: Repository,
    /// The path of the root in its work tree; `None` if kbuild cannot work in a folder of that path.
    prefix: Option<PathBuf>,
}

impl Above {
    /// The repository above `root` (canonical), unless the root itself has one.
    pub(super) fn of(root: &Path) -> Option<Above> {
        if Repository::at(root) != Found::Nothing {
            return None;
        }
        let repository = Repository::above(root)?;
        let prefix = prefix_in(&repository, root);
        Some(Above { repository, prefix })
    }

    /// The path of the staged root below the folder that stands for the work tree.
    pub(super) fn prefix(&self) -> &Path {
        self.prefix.as_deref().unwrap_or(Path::new(UNNAMED))
    }

    /// (the folder in the stage, the work tree), for messages.
    pub(super) fn pair(&self, stage: &Stage) -> Option<(PathBuf, PathBuf)> {
        let source = self.repository.work_tree().to_owned();
        self.prefix.as_ref().map(|_| (stage.top.clone(), source))
    }
}

impl Request {
    /// Every repository in the stage.
    fn repositories(&self, items: &[Item]) -> Vec<Staged> {
        let Sources::Tree { root, .. } = &self.sources else {
            return Vec::new();
        };
        let mut staged = Vec::new();
        if let Some(above) = &self.above {
            staged.push(Staged {
                repository: above.repository.clone(),
                place: self.git.of_link(Path::new("..")),
                work_tree: self.stage.top.clone(),
                is_part: above.prefix.is_none(),
                only: above.prefix.as_ref().map(|_| self.stage.dir.clone()),
            });
        }
        for item in items {
            let Kind::Link(target) = &item.kind else {
                continue;
            };
            if !item.rel.ends_with(".git") || !self.git.has(target) {
                continue;
            }
            let folder = item.rel.parent().unwrap_or(Path::new(""));
            let Ok(real) = fs::canonicalize(root.join(folder)) else {
                continue;
            };
            let (repository, is_part) = match Repository::at(&real) {
                Found::Ours(repository) => (Some(repository), false),
                // The folder that a link out of the tree leads to.
                Found::Nothing => (Repository::above(&real), true),
                Found::Refused => (None, false),
            };
            staged.extend(repository.map(|repository| Staged {
                repository,
                place: target.clone(),
                work_tree: self.stage.file(folder),
                is_part,
                only: None,
            }));
        }
        staged
    }
}

impl Run<'_> {
    /// Writes the private repositories that git finds in the stage.
    pub(super) fn write_repositories(&self, items: &[Item], held: &Held) -> Result<()> {
        let r = self.request;
        let staged = r.repositories(items);
        if r.above.is_some() {
            let link = r.stage.top.join(".git");
            self.writer.create_dirs(&r.stage.top)?;
            self.writer
                .symlink(&r.git.of_link(Path::new("..")), &link)?;
        }
        if let Some((file, text)) = &r.in_kernel {
            let bin = file.parent().unwrap_or(file);
            self.writer.create_dirs(bin)?;
            let failed = |e| Error::io("write", file, e);
            let mut program = self.writer.create(file, 0o777)?;
            program.write_all(text).map_err(failed)?;
        }
        let program = find_program("git", &r.make.env);
        let program = program.filter(|_| !staged.is_empty() && self.asks_git(items));
        let run = program.map(|program| RunGit {
            program,
            env: &r.make.env,
            held,
        });
        r.git.write(self.writer, &staged, run.as_ref())
    }

    /// The files that decide git's answers to the questions of the last build.
    pub(super) fn git_heads(&self, items: &[Item]) -> Vec<PathBuf> {
        match asked(&self.request.git) {
            Some(asked) => asked.iter().flat_map(Repository::head_files).collect(),
            None => self.heads_if_asked(items),
        }
    }

    /// The same for all repositories in the stage, if git may be asked.
    pub(super) fn heads_if_asked(&self, items: &[Item]) -> Vec<PathBuf> {
        let staged = self.request.repositories(items);
        let heads = staged.iter().map(|one| one.repository.head_files());
        match staged.is_empty() || !self.asks_git(items) {
            true => Vec::new(),
            false => heads.flatten().collect(),
        }
    }

    /// Whether the build may ask git: a makefile, a script or a `prepare` command has the word.
    pub(super) fn asks_git(&self, items: &[Item]) -> bool {
        let r = self.request;
        let speaks = |text: &[u8]| {
            let mut words = text.windows(3).enumerate().filter(|(_, w)| *w == b"git");
            words.any(|(at, _)| {
                let next = text.get(at + 3);
                next.is_none_or(|byte| !byte.is_ascii_alphanumeric())
            })
        };
        if let Sources::Tree { tree, .. } = &r.sources {
            let mut commands = tree.prepare.iter();
            if commands.any(|command| speaks(command.as_encoded_bytes())) {
                return true;
            }
        }
        items
            .iter()
            .filter(|i| may_run_git(i))
            .any(|item| speaks(&beginning(&r.stage.source_of(item))))
    }
}

/// A makefile or a script of any name.
fn may_run_git(item: &Item) -> bool {
    const OTHERS: &[&str] = &[
        "c", "h", "S", "s", "o", "a", "rs", "ko", "md", "txt", "rst", "html", "json", "xml", "csv",
        "bin", "fw", "dat", "png", "jpg", "svg", "pdf", "gz", "xz", "zip", "patch", "dts", "dtsi",
        "lds", "cc", "cpp", "hpp",
    ];
    let extension = item.rel.extension().and_then(|e| e.to_str());
    matches!(item.kind, Kind::File { .. })
        && (is_makefile(&item.rel) || extension.is_none_or(|e| !OTHERS.contains(&e)))
}

/// The first part of a file, enough for all of a makefile or a script.
fn beginning(path: &Path) -> Vec<u8> {
    const PART: u64 = 1 << 20;
    let mut text = Vec::new();
    if let Ok(file) = regular::open(path) {
        // A file that cannot be read cannot ask.
        let _ = file.take(PART).read_to_end(&mut text);
    }
    text
}
