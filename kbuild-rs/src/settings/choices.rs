//! Choices that have names.

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
