//! The names and folders of one build: its label, its stage, its private files.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::declared::check_name;
use super::git::RepositoryAbove;
use super::places::tree_folders;
use crate::kernel::Kernel;
use crate::settings::{Module, Settings};
use crate::stage::Stage;
use crate::{Error, Result};

#[derive(Debug)]
pub(super) struct Site {
    /// The folder where relative paths start.
    pub(super) base: PathBuf,
    /// The name of the build in messages, and of its symvers in the output directory.
    pub(super) label: String,
    /// The tree root.
    pub(super) root: PathBuf,
    /// The module folder of a module tree.
    pub(super) dir: Option<PathBuf>,
    /// The repository of the tree root, if it begins above it.
    pub(super) above: Option<RepositoryAbove>,
    pub(super) stage: Stage,
    /// The module folder in the stage.
    pub(super) module_dir: PathBuf,
    /// The private files of this module folder.
    pub(super) folder: PathBuf,
}

impl Site {
    /// `base` is the folder where relative paths start, `out` the output directory.
    pub(super) fn of(
        settings: &Settings,
        name: Option<&str>,
        (base, out): (PathBuf, &Path),
        kernel: &Kernel,
    ) -> Result<Site> {
        let (label, root, dir) = match &settings.module {
            Module::Declared(_) => {
                let name = name.ok_or_else(|| {
                    Error::input("a declared module needs a name: compile(\"name\")")
                })?;
                check_name(name)?;
                (name.to_owned(), base.clone(), None)
            }
            Module::Tree(tree) => {
                let (root, dir) = tree_folders(tree, &base, out)?;
                let label = dir.file_name().unwrap_or(OsStr::new("root"));
                (label.to_string_lossy().into_owned(), root, Some(dir))
            }
        };
        let (declared, above, of_stage) = match &dir {
            None => (Some(&*label), None, None),
            // All module folders of a root share a stage, so the stage has the root's name.
            Some(_) => (None, RepositoryAbove::of(&root), root.file_name()),
        };
        let of_stage = of_stage.map_or_else(|| label.clone(), |n| n.to_string_lossy().into_owned());
        let sources = (&*root, kernel.dir(), declared);
        let stage = Stage::new(out, sources, &of_stage, &settings.sink)?.below(
            above
                .as_ref()
                .map_or(Path::new(""), RepositoryAbove::prefix),
        );
        let rel = dir.as_deref().unwrap_or(&root);
        let rel = rel.strip_prefix(&root).unwrap_or(rel);
        Ok(Site {
            module_dir: stage.inside(rel)?,
            folder: stage.folder(rel),
            base,
            label: match settings.questions() {
                Some(_) => "the probes".to_owned(),
                None => label,
            },
            root,
            dir,
            above,
            stage,
        })
    }

    /// The folder of the flag files.
    pub(super) fn flags_dir(&self) -> PathBuf {
        self.folder.join("flags")
    }
}
