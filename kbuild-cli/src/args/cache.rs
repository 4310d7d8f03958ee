//! The flags of `kbuild-rs cache`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::build::BuildArgs;
use super::help;
use super::output::MessageFormat;

/// `kbuild-rs cache`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct CacheArgs {
    #[command(subcommand)]
    pub(crate) verb: CacheVerb,
}

/// What to do with the cache.
#[derive(Debug, Subcommand)]
pub(crate) enum CacheVerb {
    /// Show the folder, the number of stored builds, their size and the limit.
    Status(CacheStatusArgs),
    /// Remove the builds that were not used for the longest time.
    #[command(after_help = help::CACHE_PRUNE_EXAMPLES)]
    Prune(CachePruneArgs),
    /// Check the stored builds. With a module tree or sources, build without the cache and compare.
    #[command(after_help = help::CACHE_VERIFY_EXAMPLES, override_usage = help::CACHE_VERIFY_USAGE)]
    Verify(Box<CacheVerifyArgs>),
}

/// `kbuild-rs cache status`.
#[derive(Debug, Args)]
pub(crate) struct CacheStatusArgs {
    /// Folder of the cache [default: $KBUILD_RS_CACHE].
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// Format of the result.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = MessageFormat::Human)]
    pub(crate) message_format: MessageFormat,
}

/// `kbuild-rs cache prune`.
#[derive(Debug, Args)]
pub(crate) struct CachePruneArgs {
    #[command(flatten)]
    pub(crate) of: CacheStatusArgs,
    /// Size that the other builds may take: bytes, or a number with a unit, as in 500M or 5G
    /// [default: $KBUILD_RS_CACHE_SIZE, else 5G]. 0 is no limit; --all removes everything.
    #[arg(long, value_name = "SIZE")]
    pub(crate) size: Option<String>,
    /// Remove everything.
    #[arg(long, conflicts_with = "size")]
    pub(crate) all: bool,
}

/// `kbuild-rs cache verify`.
#[derive(Debug, Args)]
pub(crate) struct CacheVerifyArgs {
    #[command(flatten)]
    pub(crate) build: BuildArgs,
}
