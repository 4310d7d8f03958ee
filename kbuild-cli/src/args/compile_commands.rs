//! The flags of `kbuild-rs compile-commands`.

use std::path::PathBuf;

use clap::Args;

/// `kbuild-rs compile-commands`.
#[derive(Debug, Args)]
pub(crate) struct CompileCommandsArgs {
    /// compile_commands.json files of output directories. A missing file has no entries.
    #[arg(value_name = "FILE")]
    pub(crate) from: Vec<PathBuf>,
    /// The project's compile_commands.json. Its other entries stay.
    #[arg(long, value_name = "FILE")]
    pub(crate) into: PathBuf,
    /// File that records the added entries. The next call replaces them.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: PathBuf,
}
