//! The flags of `kbuild-rs kernels`.

use std::ffi::OsString;

use clap::Args;

use super::help;
use super::output::MessageFormat;

/// `kbuild-rs kernels`.
#[derive(Debug, Args)]
#[command(after_help = help::KERNELS_MARKS)]
pub(crate) struct KernelsArgs {
    /// Show only these kernels, given as for `build --kernel`. An unusable one is an error.
    #[arg(value_name = "PATH|RELEASE")]
    pub(crate) kernels: Vec<OsString>,
    /// Show only the kernel that `build` uses without --kernel. If there is none, that is an error.
    #[arg(long, conflicts_with = "kernels")]
    pub(crate) default: bool,
    /// Required architecture of the named kernels or of the default [default: the variable ARCH].
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<String>,
    /// Output format.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = MessageFormat::Human)]
    pub(crate) message_format: MessageFormat,
}
