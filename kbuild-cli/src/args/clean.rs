//! The flags of `kbuild-rs clean`.

use std::path::PathBuf;

use clap::Args;

use super::help;

/// `kbuild-rs clean`.
#[derive(Debug, Args)]
#[command(after_help = help::CLEAN_EXAMPLES)]
pub(crate) struct CleanArgs {
    /// Remove only what came from this module tree. Default: all that was made.
    #[arg(value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Output directory to clean [default: kbuild-out].
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out_dir: Option<PathBuf>,
    /// Name each path that was removed.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Say nothing but errors.
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}
