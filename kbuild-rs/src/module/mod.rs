//! A finished module: its properties, and the way from the file that a build made to a system that
//! loads it.
//!
//! `finish` turns the built file into the installed one: it strips, signs and compresses. `install`
//! puts it into a root, and keeps the journal.

#[cfg(feature = "install")]
mod built;
#[cfg(feature = "check")]
mod check;
#[cfg(feature = "install")]
mod closure;
#[cfg(feature = "install")]
mod finish;
#[cfg(feature = "install")]
mod finisher;
#[cfg(feature = "rust")]
mod frame_sizes;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
#[cfg(feature = "install")]
mod initramfs;
#[cfg(feature = "install")]
mod install;
#[cfg(feature = "modinfo")]
mod modinfo;
#[cfg(feature = "install")]
mod sign;
#[cfg(feature = "install")]
mod target;

#[cfg(feature = "check")]
pub use check::{Check, CheckFault, CheckFaultKind, CheckOutcome, CheckReport, Verdict};
#[cfg(feature = "install")]
pub use closure::InTree;
#[cfg(feature = "install")]
pub use finish::{Compression, Strip};
#[cfg(feature = "install")]
pub use finisher::{Finished, Finisher};
#[cfg(feature = "rust")]
pub(crate) use frame_sizes::larger_than;
#[cfg(feature = "install")]
pub use install::{
    Install, InstallAction, InstallChange, InstallProblem, InstallReport, InstallState,
    Installation, InstalledModule, Rollback, Uninstall,
};
#[cfg(feature = "modinfo")]
pub use modinfo::{Export, Import, ModuleInfo, Parameter};
#[cfg(feature = "install")]
pub use sign::{SignFile, Signed, Signer};
