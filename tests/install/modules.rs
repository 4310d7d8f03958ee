//! The modules that are installed. Their code is shared with other suites.

use std::path::{Path, PathBuf};

use kbuild_tests::lab::LabKernel;
use kbuild_tests::root::modules as shared;

/// The bytes of a module in a version from 1 to 9.
pub(crate) fn bytes(kernel: &LabKernel, name: &str, version: u32) -> Vec<u8> {
    shared::bytes(kernel, name, version).unwrap()
}

/// The bytes of a module under another name of the same length.
pub(crate) fn renamed(kernel: &LabKernel, name: &str, other: &str) -> Vec<u8> {
    shared::renamed(kernel, name, other).unwrap()
}

/// Writes a module into a folder.
pub(crate) fn write(folder: &Path, kernel: &LabKernel, name: &str, version: u32) -> PathBuf {
    shared::write(folder, kernel, name, version).unwrap()
}
