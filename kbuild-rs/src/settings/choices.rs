//! Choices that have names.

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
