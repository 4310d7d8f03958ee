//! Finished modules and objects, read.

#[cfg(feature = "rust")]
mod frame_sizes;
#[cfg(feature = "modinfo")]
mod modinfo;

#[cfg(feature = "rust")]
pub(crate) use frame_sizes::larger_than;
#[cfg(feature = "modinfo")]
pub use modinfo::{Export, Import, ModuleInfo, Parameter};
