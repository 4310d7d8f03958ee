//! Puts modules into a root, takes them away again, and knows at any time what is there.
//!
//! | file | job |
//! | --- | --- |
//! | `request` | `Install`: what is asked for, and the order of the work |
//! | `removal`, `rollback` | `Uninstall`, `Rollback` |
//! | `scope` | what these three have in common |
//! | `inspect` | what is installed, and whether it still is |
//! | `select`, `releases` | which modules, for which kernels |
//! | `plan`, `reconcile` | from these to the state that a release shall have |
//! | `transaction`, `parts`, `recover` | from one state to another, or not at all |
//! | `staged` | into a folder that becomes a package, without a journal |
//! | `index`, `read_back`, `overrides` | depmod, and the file that modprobe loads in the end |
//! | `afterwards` | the initramfs, and loading |
//! | `memory` | files that earlier calls read and that have not changed since |
//! | `opening`, `lock`, `site`, `places`, `journal`, `store` | the root, its folders, and our records in it |
//!
//! # Decisions
//! - Everything below the root is reached by descriptors and without following links that leave it.
//! - A file that is not ours is an error or is kept and restored; it is never written to.
//! - A file that is replaced gives way to a finished one that lies beside it, in one step.
//! - The journal is below the root, so that an image carries its own; it is believed for a few paths
//!   only.

mod afterwards;
mod closure;
mod conflict;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod index;
mod inspect;
mod journal;
mod lock;
mod memory;
mod opening;
mod overrides;
mod parts;
mod places;
mod plan;
mod read_back;
mod reconcile;
mod recover;
mod releases;
mod removal;
mod report;
mod request;
mod rollback;
mod scope;
mod select;
mod site;
mod staged;
mod step;
mod store;
#[cfg(test)]
mod tests;
mod transaction;
mod workers;

pub use inspect::{InstallProblem, InstallState, Installation, InstalledModule};
pub use removal::Uninstall;
pub use report::{InstallAction, InstallChange, InstallReport};
pub use request::Install;
pub use rollback::Rollback;
pub(super) use select::select;

/// What modprobe loads.
const SUFFIXES: &[&str] = &[".ko", ".ko.gz", ".ko.xz", ".ko.zst"];

/// The longest name, in bytes, that leaves room for suffixes and for those of a file beside it. The
/// kernel knows names of 55 bytes.
const LONGEST_NAME: usize = 200;

/// The name of a module's file, without `.ko`.
fn is_module_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    (1..=LONGEST_NAME).contains(&name.len())
        && !name.starts_with(['.', '-'])
        && name.chars().all(is_plain)
}
