//! The verbs.

pub(crate) mod build;
pub(crate) mod clean;
pub(crate) mod compile_commands;
pub(crate) mod ide;
pub(crate) mod info;
pub(crate) mod kernels;
