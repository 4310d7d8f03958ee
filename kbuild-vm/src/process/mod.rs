//! External commands within limits, and the end of everything that they started.
//!
//! [`run()`] collects a command's output; [`Running`] is one whose output the caller reads. Both kill
//! a command that exceeds its [`Limits`], with all its descendants ([`tree`]).
//!
//! This module is part of this crate because a guest is a command within limits like any other.
//! The program needs both once guests are one of its verbs, and each crate that it uses is
//! published with it: a crate for these few files would be one more.

mod limits;
mod run;
mod running;
mod sys;
pub mod tree;

pub use limits::{Limits, Patience};
pub use run::{Output, checked, run, tail};
pub use running::{Running, describe};
