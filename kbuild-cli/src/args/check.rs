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
    /// Module (.ko, .ko.xz, .ko.zst, .ko.gz), or a folder with modules. They may use each other's
    /// symbols [default: kbuild-out].
    #[arg(value_name = "FILE|DIR")]
    pub(crate) paths: Vec<PathBuf>,
    /// Kernel to check for, given as for `build --kernel`. Repeat it to check for several. Default:
    /// with --symvers, only the symbols; else the kernel that `build` takes.
    #[arg(long = "kernel", value_name = "PATH|RELEASE")]
    pub(crate) kernels: Vec<OsString>,
    /// Check for every usable kernel that `kbuild-rs kernels` lists; a note names each other one.
    #[arg(long, conflicts_with = "kernels")]
    pub(crate) all_kernels: bool,
    /// Module.symvers of modules that will be loaded before. Without a kernel, the first is the
    /// kernel's own.
    #[arg(long, value_name = "FILE")]
    pub(crate) symvers: Vec<PathBuf>,
    /// Root with the kernel's own modules, in lib/modules/RELEASE. They say which modules are built
    /// in.
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) root: PathBuf,
    /// The kernel only loads signed modules: with Secure Boot, or with module.sig_enforce=1. kbuild-rs
    /// knows it of the running kernel, and of one that is configured so.
    #[arg(long)]
    pub(crate) enforce_signatures: bool,
    /// Certificate that the kernel knows (PEM or DER). If any are named, it knows no other one but that
    /// of its own build.
    #[arg(long, value_name = "FILE")]
    pub(crate) trusted_cert: Vec<PathBuf>,
    /// Also print remarks: modules that must be loaded before, and why the kernel will be tainted.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Output format.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = MessageFormat::Human)]
    pub(crate) message_format: MessageFormat,
}
