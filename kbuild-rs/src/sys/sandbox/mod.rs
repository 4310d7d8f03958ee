//! The sandbox of a build: make and everything that it starts see a few folders, mostly read-only,
//! and neither the network nor other processes.
//!
//! # Decisions
//!
//! - Namespaces, and not Landlock: Landlock neither hides a file's existence, nor stops UDP, nor
//!   signals on older kernels.
//! - The root is a new tmpfs with the shown folders, so a forgotten folder is missing, not open.
//! - Root needs no user namespace, and then sees the owners of all files. It loses every capability
//!   for good. A user namespace of its own gives other users the capabilities to set this up, which
//!   they lose in the same way.
//! - Three processes: a *supervisor* outside of the new process namespace, which passes on signals
//!   and make's end; the namespace's *init*, which collects orphans; and make. make is neither
//!   process 1, which ignores signals, nor in the supervisor's process group, which `kill 0` in a
//!   recipe would reach.
//! - If anything fails, the build fails. It never runs without the sandbox.

mod child;
mod entry;
mod plan;
mod root;
mod view;

pub(crate) use entry::Entry;
pub(crate) use view::{Access, Sandbox};
