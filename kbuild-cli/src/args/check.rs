//! The flags of `kbuild-rs check`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::help;
use super::output::MessageFormat;

/// `kbuild-rs check`.
#[derive(Debug, Args)]
#[command(after_help = help::CHECK_EXAMPLES)]
pub(crate) struct CheckArgs {
    /// Module (.ko, .ko.xz, .ko.zst, .ko.gz), or a folder with modules. The modules may use each
    /// other's symbols [default: kbuild-out].
    #[arg(value_name = "FILE|DIR")]
    pub(crate) paths: Vec<PathBuf>,
    /// Kernel to check for: the path of its tree, or a release. Repeat it to check for several.
    /// Default: the kernel that `build` takes. With --symvers and without a kernel, only symbols are
    /// compared.
    #[arg(long = "kernel", value_name = "PATH|RELEASE")]
    pub(crate) kernels: Vec<OsString>,
    /// Check for every usable kernel that `kbuild-rs kernels` lists. A note names each unusable one.
    #[arg(long, conflicts_with = "kernels")]
    pub(crate) all_kernels: bool,
    /// Module.symvers of modules that will be loaded before. Without a kernel, the first one is that
    /// of the kernel.
    #[arg(long, value_name = "FILE")]
    pub(crate) symvers: Vec<PathBuf>,
    /// Root with the kernel's own modules, in lib/modules/RELEASE. This folder lists the built-in
    /// modules, too.
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) root: PathBuf,
    /// Assume that the kernel only loads signed modules: with Secure Boot, or with
    /// module.sig_enforce=1. Not needed for the running kernel, and for kernels whose configuration
    /// requires signatures.
    #[arg(long)]
    pub(crate) enforce_signatures: bool,
    /// Certificate that the kernel knows (PEM or DER). Repeat it for several. kbuild-rs then assumes
    /// that the kernel only knows these and the certificate of its own build.
    #[arg(long, value_name = "FILE")]
    pub(crate) trusted_cert: Vec<PathBuf>,
    /// Also print remarks, such as modules that must be loaded before, or the reason for a taint.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Output format.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = MessageFormat::Human)]
    pub(crate) message_format: MessageFormat,
}
