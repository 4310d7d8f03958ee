//! What crates with kernel modules give each other.

use std::path::PathBuf;

/// What crates with kernel modules provide to those that depend on them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Provided {
    pub(crate) symvers: Vec<PathBuf>,
    pub(crate) includes: Vec<PathBuf>,
}
