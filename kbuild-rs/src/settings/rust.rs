//! Settings for Rust sources.
//!
//! A `cfg` by kernel is a plain `fn(&Kernel) -> bool`: it is asked for each kernel that a script
//! builds for.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::Kernel;

/// A `cfg` of Rust sources, for the kernels that it is set for.
#[derive(Clone, Debug)]
pub(crate) struct Cfg {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
    pub(crate) fits: fn(&Kernel) -> bool,
}

/// Arguments for rustc, for declared modules and for module trees.
#[derive(Clone, Debug, Default)]
pub(crate) struct RustFlags {
    pub(crate) flags: Vec<OsString>,
    pub(crate) cfgs: Vec<Cfg>,
}

/// Settings for the Rust sources of a declared module.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeadersForRust {
    /// Headers to declare for Rust, and items of others.
    pub(crate) headers: Vec<PathBuf>,
    pub(crate) items: Vec<String>,
}

/// The tools for Rust.
#[derive(Clone, Debug, Default)]
pub(crate) struct RustTools {
    pub(crate) rustc: Option<String>,
    pub(crate) clippy: bool,
}
