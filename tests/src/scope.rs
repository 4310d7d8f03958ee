//! How much a run of the tests does.
//!
//! Most of what kbuild-rs promises has nothing to do with the kernel's version, and a build takes
//! seconds. A test of such a promise runs on one kernel, another for each test; the full run
//! takes them all. What does depend on the kernel (bytes, loading, messages of modpost's) is
//! tried on the oldest and the newest always, and on those between in the full run. With versions
//! of CMake, Meson and Ninja it is the same.

use crate::Result;
use crate::lab::{self, LabKernel};

/// Set to anything but `0` or nothing, everything runs; `cargo xtask test --full` sets it.
pub const FULL: &str = "KBUILD_RS_FULL_TESTS";

/// Whether everything runs.
pub fn is_full() -> bool {
    std::env::var_os(FULL).is_some_and(|value| !value.is_empty() && value != "0")
}

/// The first and the last of some, between which everything has changed that does; all of them in
/// the full run.
pub fn ends<T>(mut all: Vec<T>) -> Vec<T> {
    if !is_full() && all.len() > 2 {
        all.drain(1..all.len() - 1);
    }
    all
}

/// The one in this place (counted round and round), so that tests share them out; all of them in
/// the full run.
pub fn one_of<T>(place: usize, all: &[T]) -> &[T] {
    match all.len() {
        0 => all,
        _ if is_full() => all,
        len => &all[place % len..][..1],
    }
}

/// The kernel in this place of the lab's list (counted round and round); all of them in the full
/// run.
///
/// # Errors
/// As [`lab::kernel`].
pub fn kernels(place: usize) -> Result<Vec<LabKernel>> {
    one_of(place, lab::names())
        .iter()
        .map(|name| lab::kernel(name))
        .collect()
}

/// The oldest kernel of the lab's list and the newest; all of them in the full run.
///
/// # Errors
/// As [`lab::kernel`].
pub fn oldest_and_newest() -> Result<Vec<LabKernel>> {
    ends(lab::names().to_vec())
        .into_iter()
        .map(lab::kernel)
        .collect()
}
