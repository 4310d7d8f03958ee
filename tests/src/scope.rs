//! How much a run of the tests does.
//!
//! Most of what kbuild-rs promises has nothing to do with the kernel's version, and a build takes
//! seconds. A test of such a promise runs on one kernel, another for each test; the full run
//! takes them all. What does depend on the kernel (bytes, loading, messages of modpost's) is
//! tried on every kernel always.

use crate::Result;
use crate::lab::{self, LabKernel};

/// Set to anything but `0` or nothing, everything runs; `cargo xtask test --full` sets it.
pub const FULL: &str = "KBUILD_RS_FULL_TESTS";

/// Whether everything runs.
pub fn is_full() -> bool {
    std::env::var_os(FULL).is_some_and(|value| !value.is_empty() && value != "0")
}

/// The kernel in this place of the lab's list (counted round and round); all of them in the full
/// run.
///
/// # Errors
/// As [`lab::kernel`].
pub fn kernels(place: usize) -> Result<Vec<LabKernel>> {
    if is_full() {
        return lab::kernels();
    }
    let names = lab::names();
    lab::kernel(names[place % names.len()]).map(|kernel| vec![kernel])
}
