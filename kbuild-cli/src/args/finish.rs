//! Flags on the way from a built module to the installed file, which several verbs share.

use clap::{Args, ValueEnum};

/// `strip` and compression.
#[derive(Debug, Args)]
#[command(next_help_heading = "Modules")]
pub(crate) struct FinishArgs {
    /// Remove debugging information. OPTIONS replaces strip's --strip-debug, as INSTALL_MOD_STRIP
    /// does in `make modules_install`.
    #[arg(
        long,
        value_name = "OPTIONS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1"
    )]
    pub(crate) strip: Option<String>,
    /// Compression of the modules. kernel: as `make modules_install` of that kernel does.
    #[arg(long, value_enum, value_name = "KIND", default_value_t = Compress::Kernel)]
    pub(crate) compress: Compress,
}

/// How modules are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compress {
    Kernel,
    None,
    Gzip,
    Xz,
    Zstd,
}
