//! Choices that have names.

use std::path::PathBuf;

/// The value of a `CONFIG_` symbol for a module's own sources, see
/// [`Build::config`](crate::Build::config).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Config {
    /// `=m`: `obj-$(CONFIG_FOO)` builds a module, `IS_ENABLED(CONFIG_FOO)` is true.
    Module,
    /// `=y`: `#ifdef CONFIG_FOO` is true.
    Builtin,
    /// Not set.
    Off,
}

/// The BTF of the kernel on which the BTF of modules builds, see
/// [`Build::btf_base`](crate::Build::btf_base).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BtfBase {
    /// The `vmlinux` in the kernel tree, else the running kernel's BTF if it is the same kernel, else
    /// that of the installed image of this release. Without any of them, modules get no BTF. A pahole
    /// that is missing or too old is an error.
    Auto,
    /// A `vmlinux`, a bootable image (`vmlinuz`), or a file of BTF.
    File(PathBuf),
    /// Modules get no BTF.
    None,
}

/// The policy for a kernel tree without a `Module.symvers`, see
/// [`Build::missing_symvers`](crate::Build::missing_symvers).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingSymvers {
    /// Refuse to build: modpost could not check symbols, and the module may not load.
    #[default]
    Error,
    /// Build, with a warning.
    Warn,
}

/// The cache of a build.
#[cfg(feature = "cache")]
#[derive(Clone, Debug)]
pub(crate) struct ChosenCache {
    /// Absolute.
    pub(crate) folder: PathBuf,
    /// Whether the user named it. A folder that nobody named is not worth an error.
    pub(crate) is_named: bool,
    /// The most bytes that it may take.
    pub(crate) limit: u64,
}

/// The choice of a cache of finished modules.
#[cfg(feature = "cache")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum CacheChoice {
    /// The environment decides.
    #[default]
    Default,
    Off,
    Folder(PathBuf),
    /// Takes products from this folder, and stores nothing.
    LookUp(PathBuf),
}
