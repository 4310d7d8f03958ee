//! The command line: what clap parses, and the checks that clap cannot express.
//!
//! A file has the flags of one verb; [`cli`] joins them.

mod build;
mod checks;
mod clean;
mod cli;
mod compile_commands;
mod help;
mod ide;
mod info;
mod install;
mod kernels;
mod output;
mod parsers;
mod response_file;

pub(crate) use build::{BuildArgs, SymversPolicy};
pub(crate) use clean::CleanArgs;
pub(crate) use cli::{Cli, Verb};
pub(crate) use compile_commands::CompileCommandsArgs;
pub(crate) use ide::IdeArgs;
pub(crate) use info::InfoArgs;
pub(crate) use install::{InstallArgs, OutputArgs};
pub(crate) use kernels::KernelsArgs;
pub(crate) use output::{ColorWhen, MessageFormat};
pub(crate) use response_file::expand;
