//! The lab: real kernels, real module sources, and guests to load what was built.
//!
//! [`lab`] gets what the tests need on demand and keeps it outside the checkout; [`corpus`] is the
//! table of real modules; [`plain`] is what others type, to compare with; [`run`] runs external
//! commands within the [`Limits`]; [`snapshot`] tells whether a tree is what it was; [`scope`] how
//! much of all this a run does; [`jobserver`] and [`processes`] are what tests of jobs stand on.
//! Guests and the end of process trees are [`kbuild_vm`]'s.

pub mod corpus;
pub mod jobserver;
pub mod lab;
pub mod plain;
pub mod processes;
pub mod program;
pub mod run;
pub mod scope;
pub mod snapshot;
mod sys;

pub use kbuild_vm::process::Limits;

/// What everything here returns: the error is a message for a person.
pub type Result<T> = std::result::Result<T, String>;
