//! The public builders. They call the rooms below and decide nothing.

mod build;
mod kernels;
mod matrix;
#[cfg(feature = "bindgen")]
mod uapi_bindings;

use std::path::{Path, PathBuf};

use crate::error::Sink;
use crate::{Result, cargo, run};

pub use build::Build;
pub use matrix::Matrix;
#[cfg(feature = "bindgen")]
pub use uapi_bindings::UapiBindings;

/// Removes the products that lie in `out_dir` and everything private that belongs to them, and
/// gives the paths of the products that were removed. With `tree`, only what was made from that
/// module tree (or from the declared modules of that folder).
///
/// A file that somebody else has put in a product's place stays. A directory in which nothing
/// was built gives an empty list.
///
/// # Errors
/// [`ErrorKind::NotOurs`](crate::ErrorKind::NotOurs) when something in the private folder was not
/// made by kbuild-rs, or leads outside: then nothing at all is removed.
/// [`ErrorKind::Io`](crate::ErrorKind::Io) when something cannot be removed.
pub fn clean(out_dir: &Path, tree: Option<&Path>) -> Result<Vec<PathBuf>> {
    run::clean(out_dir, tree, &Sink::printing(cargo::print))
}
