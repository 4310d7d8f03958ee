//! The data that crates with kernel modules pass to each other.

use std::path::PathBuf;

/// The data that a crate with kernel modules passes to the crates that depend on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Provided {
    pub(crate) symvers: Vec<PathBuf>,
    pub(crate) includes: Vec<PathBuf>,
}
