//! The two kinds of modules to build.

use std::ffi::OsString;
use std::path::PathBuf;

#[cfg(feature = "rust")]
use super::HeadersForRust;
use super::Question;

/// A module to build.
#[derive(Clone, Debug)]
pub(crate) enum Module {
    Declared(Declared),
    Tree(Tree),
}

/// Sources listed by the caller: kbuild-rs writes the Kbuild file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Declared {
    pub(crate) sources: Vec<PathBuf>,
    pub(crate) ldflags: Vec<OsString>,
    /// The questions that are asked instead of building a module.
    pub(crate) questions: Option<Vec<Question>>,
    #[cfg(feature = "rust")]
    pub(crate) rust: HeadersForRust,
}

/// A directory with a Kbuild or Makefile of its own.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) dir: PathBuf,
    pub(crate) tree_root: Option<PathBuf>,
    pub(crate) excludes: Vec<String>,
    pub(crate) prepare: Vec<OsString>,
    pub(crate) prepare_inputs: Vec<PathBuf>,
}

impl Tree {
    /// The tree in a folder, with no other folder staged and no settings.
    pub(crate) fn new(dir: PathBuf) -> Tree {
        Tree {
            dir,
            tree_root: None,
            excludes: Vec::new(),
            prepare: Vec::new(),
            prepare_inputs: Vec::new(),
        }
    }
}
