//! A finished module's properties, read from its file. Signing and installing will be here, too.

#[cfg(feature = "rust")]
mod frame_sizes;
#[cfg(feature = "modinfo")]
mod modinfo;

#[cfg(feature = "rust")]
pub(crate) use frame_sizes::larger_than;
#[cfg(feature = "modinfo")]
pub use modinfo::{Export, Import, ModuleInfo, Parameter};
