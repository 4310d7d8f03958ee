//! The extent of a test run.
//!
//! Most promises of kbuild-rs do not depend on the kernel's version, and a build takes seconds. A
//! test of such a promise runs on one kernel, a different one for each test; the full run takes
//! them all. Tests of properties that depend on the kernel (bytes, loading, messages of modpost)
//! run on the oldest and the newest, and in the full run also on those between. The same applies to
//! versions of CMake, Meson and Ninja.

use crate::Result;
use crate::lab::{self, LabKernel};

/// If this is set and not empty or `0`, everything runs; `cargo xtask test --full` sets it.
pub const FULL: &str = "KBUILD_RS_FULL_TESTS";

/// Whether everything runs.
pub fn is_full() -> bool {
    std::env::var_os(FULL).is_some_and(|value| !value.is_empty() && value != "0")
}

/// The first and the last element, with all differences between them; all elements in the full run.
pub fn ends<T>(mut all: Vec<T>) -> Vec<T> {
    if !is_full() && all.len() > 2 {
        all.drain(1..all.len() - 1);
    }
    all
}

/// The element at this place (modulo the length), so that tests share the elements; all of them in
/// the full run.
pub fn one_of<T>(place: usize, all: &[T]) -> &[T] {
    match all.len() {
        0 => all,
        _ if is_full() => all,
        len => &all[place % len..][..1],
    }
}

/// The kernel at this place of the lab's list (modulo the length); all of them in the full run.
///
/// # Errors
/// As [`lab::kernel`].
pub fn kernels(place: usize) -> Result<Vec<LabKernel>> {
    one_of(place, lab::names())
        .iter()
        .map(|name| lab::kernel(name))
        .collect()
}

/// The oldest and the newest kernel of the lab's list; all of them in the full run.
///
/// # Errors
/// As [`lab::kernel`].
pub fn oldest_and_newest() -> Result<Vec<LabKernel>> {
    ends(lab::names().to_vec())
        .into_iter()
        .map(lab::kernel)
        .collect()
}
