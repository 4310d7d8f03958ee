//! Runs external commands within limits, and ends all processes that they started.
//!
//! [`run()`] collects a command's output; the caller reads the output of a [`Running`] command.
//! Both kill a command that exceeds its [`Limits`], with all its descendants ([`tree`]).
//!
//! This module is part of this crate because a guest is a command within limits like any other. The
//! program needs both for `test`, and every crate that the program uses must be published. A crate for these few files would be one more.

mod limits;
mod run;
mod running;
mod sys;
pub mod tree;

pub use limits::{Limits, Patience};
pub use run::{Output, checked, run, tail};
pub(crate) use run::{attend, listen};
pub use running::{Running, describe};
