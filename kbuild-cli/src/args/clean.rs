//! The flags of `kbuild-rs clean`.

use std::path::PathBuf;

use clap::Args;

use super::help;

/// `kbuild-rs clean`.
#[derive(Debug, Args)]
#[command(after_help = help::CLEAN_EXAMPLES)]
pub(crate) struct CleanArgs {
    /// Remove only the outputs of this module tree. Default: all outputs.
    #[arg(value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Output directory to clean [default: kbuild-out].
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out_dir: Option<PathBuf>,
    /// List each removed path.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Print only errors.
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}
