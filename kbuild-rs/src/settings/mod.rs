//! What a [`Build`](super::Build) is about: sources or a tree, and the choices that have names.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::kbuild_file::Declared;

/// The two forms in which a module comes.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    Declared(Declared),
    Tree(Tree),
}

/// A directory with a Kbuild or Makefile of its own.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) dir: PathBuf,
    pub(crate) root: Option<PathBuf>,
    pub(crate) excludes: Vec<String>,
    pub(crate) prepare: Vec<OsString>,
    pub(crate) prepare_inputs: Vec<PathBuf>,
}

/// The value of a `CONFIG_` symbol that a module's own sources ask for, see [`Build::config`](crate::Build::config).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Config {
    /// `=m`: `obj-$(CONFIG_FOO)` builds a module, `IS_ENABLED(CONFIG_FOO)` is true.
    Module,
    /// `=y`: code that asks `#ifdef CONFIG_FOO` sees it.
    Builtin,
    /// Not set.
    Off,
}

/// What to do about a kernel tree without a `Module.symvers`, see [`Build::missing_symvers`](crate::Build::missing_symvers).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingSymvers {
    /// Refuse to build: modpost could check no symbol, and the module may not load.
    #[default]
    Error,
    /// Build all the same, and say so.
    Warn,
}
