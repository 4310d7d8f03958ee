//! External commands within [limits](crate::Limits), with errors that are messages.
//!
//! [`kbuild_vm::process`] runs and ends them.

use std::cell::Cell;
use std::process::Command;

use kbuild_vm::Error;
pub use kbuild_vm::process::{Output, tail};

use crate::{Limits, Result};

thread_local! {
    /// How many limits were exceeded in this thread.
    static EXCEEDED: Cell<u32> = const { Cell::new(0) };
}

/// As [`kbuild_vm::process::run`].
///
/// # Errors
/// As there, as a message.
pub fn run(command: &mut Command, limits: impl Into<Limits>) -> Result<Output> {
    told(kbuild_vm::process::run(command, limits))
}

/// As [`kbuild_vm::process::checked`].
///
/// # Errors
/// As there, as a message.
pub fn checked(command: &mut Command, limits: impl Into<Limits>) -> Result<Output> {
    told(kbuild_vm::process::checked(command, limits))
}

/// A result of [`kbuild_vm`] with a message as its error, which counts for [`exceeded`].
///
/// # Errors
/// The error of the result.
pub fn told<T>(result: std::result::Result<T, Error>) -> Result<T> {
    if matches!(result, Err(Error::Killed { .. })) {
        note_exceeded();
    }
    Ok(result?)
}

/// Counts a limit that a command of this thread exceeded, and that its caller watched itself.
fn note_exceeded() {
    EXCEEDED.set(exceeded() + 1);
}

/// How many limits commands of this thread have exceeded so far. A limit ends a hung command, and
/// sometimes a slow one on a busy machine.
#[must_use]
pub fn exceeded() -> u32 {
    EXCEEDED.get()
}
