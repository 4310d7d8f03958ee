//! The flags of `kbuild-rs info`.

use std::path::PathBuf;

use clap::Args;

use super::output::MessageFormat;

/// `kbuild-rs info`.
#[derive(Debug, Args)]
pub(crate) struct InfoArgs {
    /// Module (.ko, .ko.xz, .ko.zst, .ko.gz), or a folder with modules.
    #[arg(value_name = "FILE|DIR", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// List the symbols instead of counting them.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Output format.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = MessageFormat::Human)]
    pub(crate) message_format: MessageFormat,
}
