//! The flags of `kbuild-rs compile-commands`.

use std::path::PathBuf;

use clap::Args;

/// `kbuild-rs compile-commands`.
#[derive(Debug, Args)]
pub(crate) struct CompileCommandsArgs {
    /// The compile_commands.json of output directories; one that is not there yet has no entries.
    #[arg(value_name = "FILE")]
    pub(crate) from: Vec<PathBuf>,
    /// The project's, whose other entries stay.
    #[arg(long, value_name = "FILE")]
    pub(crate) into: PathBuf,
    /// Where to keep what was put there, which the next call replaces.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: PathBuf,
}
