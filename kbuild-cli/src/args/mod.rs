//! The command line: the flags that clap parses, and the checks that clap cannot express.
//!
//! A file has the flags of one verb; [`cli`] joins them.

mod build;
mod cache;
mod check;
mod checks;
mod clean;
mod cli;
mod compile_commands;
mod finish;
mod help;
mod ide;
mod info;
mod install;
mod kernels;
mod output;
mod package;
mod parsers;
mod probe;
mod requires;
mod response_file;
mod sign;
#[cfg(feature = "test")]
mod test;
mod utf8;

pub(crate) use build::{BuildArgs, SymversPolicy};
pub(crate) use cache::{CacheArgs, CachePruneArgs, CacheStatusArgs, CacheVerb, CacheVerifyArgs};
pub(crate) use check::CheckArgs;
pub(crate) use clean::CleanArgs;
pub(crate) use cli::{Cli, Verb};
pub(crate) use compile_commands::CompileCommandsArgs;
pub(crate) use finish::{Compress, FinishArgs};
pub(crate) use ide::IdeArgs;
pub(crate) use info::InfoArgs;
pub(crate) use install::{InstallArgs, OutputArgs, RollbackArgs, StatusArgs, UninstallArgs};
pub(crate) use kernels::KernelsArgs;
pub(crate) use output::{ColorWhen, MessageFormat};
pub(crate) use package::{AboutArgs, Format, PackageArgs};
pub(crate) use probe::{ProbeArgs, ProbeKernelArgs, ProbeRunArgs, QuestionArgs};
pub(crate) use response_file::expand;
pub(crate) use sign::{KeyArgs, SignArgs, SigningArgs};
#[cfg(feature = "test")]
pub(crate) use test::{ResultArgs, TestArgs};
pub(crate) use utf8::with_value;
