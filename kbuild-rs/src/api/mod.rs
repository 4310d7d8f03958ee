//! The public builders. They call the folders below and decide nothing.

mod build;
#[cfg(feature = "cache")]
mod cache;
mod kernels;
mod matrix;
mod probe;
mod requirements;
#[cfg(feature = "bindgen")]
mod uapi_bindings;

use std::path::{Path, PathBuf};

use crate::error::Sink;
use crate::{Result, cargo, run};

pub use build::Build;
#[cfg(feature = "cache")]
pub use cache::{Cache, CacheCheck, CacheSize};
pub use matrix::Matrix;
pub use probe::Probe;
pub use requirements::{Requirements, UnmetRequirement};
#[cfg(feature = "bindgen")]
pub use uapi_bindings::UapiBindings;

/// Removes the products in `out_dir` and everything private that belongs to them, and returns the
/// paths of the removed products. With `tree`, it only removes the outputs of that module tree (or
/// of the declared modules of that folder).
///
/// A file that replaced a product stays. The list is empty for a directory in which nothing was
/// built.
///
/// # Errors
/// [`ErrorKind::NotOurs`](crate::ErrorKind::NotOurs) if something in the private folder was not
/// created by kbuild-rs, or leads outside. Then nothing is removed.
/// [`ErrorKind::Io`](crate::ErrorKind::Io) when something cannot be removed.
pub fn clean(out_dir: &Path, tree: Option<&Path>) -> Result<Vec<PathBuf>> {
    run::clean(out_dir, tree, &Sink::printing(cargo::print))
}
