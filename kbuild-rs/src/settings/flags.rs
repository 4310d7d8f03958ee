//! Flags for compilers.

use std::ffi::OsString;

#[cfg(feature = "rust")]
use super::RustFlags;

/// Flags for compilers, of declared modules and of module trees.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    pub(crate) defines: Vec<(String, Option<String>)>,
    pub(crate) cflags: Vec<OsString>,
    pub(crate) asflags: Vec<OsString>,
    #[cfg(feature = "rust")]
    pub(crate) rust: RustFlags,
}
