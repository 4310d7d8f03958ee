//! The flags of `kbuild-rs ide`.

use std::path::PathBuf;

use clap::Args;

use super::build::BuildArgs;
use super::help;

/// `kbuild-rs ide`.
#[derive(Debug, Args)]
#[command(
    after_help = help::IDE_EXAMPLES,
    override_usage = help::IDE_USAGE,
)]
pub(crate) struct IdeArgs {
    /// Folder that the editor opens; links to the files go there [default: .].
    #[arg(long, value_name = "DIR")]
    pub(crate) into: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) build: BuildArgs,
}
