//! The command line.

pub(crate) mod build;
mod help;
pub(crate) mod parsers;
pub(crate) mod response_file;
