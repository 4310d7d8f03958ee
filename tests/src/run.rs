//! External commands within [limits](crate::Limits), with errors that are messages.
//!
//! [`kbuild_vm::process`] runs and ends them.

use std::process::Command;

pub use kbuild_vm::process::{Output, tail};

use crate::{Limits, Result};

/// As [`kbuild_vm::process::run`].
///
/// # Errors
/// As there, as a message.
pub fn run(command: &mut Command, limits: impl Into<Limits>) -> Result<Output> {
    Ok(kbuild_vm::process::run(command, limits)?)
}

/// As [`kbuild_vm::process::checked`].
///
/// # Errors
/// As there, as a message.
pub fn checked(command: &mut Command, limits: impl Into<Limits>) -> Result<Output> {
    Ok(kbuild_vm::process::checked(command, limits)?)
}
