//! The flags of `kbuild-rs install`, and those that its kin share.

use std::path::PathBuf;

use clap::Args;

use super::help;
use super::output::MessageFormat;
use super::sign::SigningArgs;

/// The root and the kernels, for all verbs about installed modules.
#[derive(Debug, Args)]
pub(crate) struct RootArgs {
    /// Root of the system or image, INSTALL_MOD_PATH of the kernel's makefiles [default: /].
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/",
        hide_default_value = true
    )]
    pub(crate) root: PathBuf,
    /// Kernel release, or the path of a kernel tree with it; may be repeated.
    #[arg(long = "kernel", value_name = "RELEASE|PATH")]
    pub(crate) kernels: Vec<String>,
}

/// The output of these verbs.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Also list modules that did not change.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Print only errors.
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Output format.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = MessageFormat::Human)]
    pub(crate) message_format: MessageFormat,
}

/// `kbuild-rs install`.
#[derive(Debug, Args)]
#[command(after_help = help::INSTALL_EXAMPLES)]
pub(crate) struct InstallArgs {
    /// Module (.ko), or a folder with modules [default: kbuild-out].
    #[arg(value_name = "DIR|KO")]
    pub(crate) inputs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) root: RootArgs,
    /// Install for every kernel in the root for which a module was built.
    #[arg(long, conflicts_with = "kernels")]
    pub(crate) all_kernels: bool,
    /// Folder below updates/, INSTALL_MOD_DIR of the kernel's makefiles.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Replace a file that kbuild-rs did not install. It is kept, and `uninstall` restores it.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Install hard links to the built files where possible (for images).
    #[arg(long)]
    pub(crate) hard_link: bool,
    /// Load the modules at boot: write etc/modules-load.d/kbuild-rs-MODULE.conf.
    #[arg(long)]
    pub(crate) load: bool,
    #[command(flatten)]
    pub(crate) signing: SigningArgs,
    /// Do not run depmod.
    #[arg(long)]
    pub(crate) no_depmod: bool,
    /// Number of modules that are finished at once [default: number of processors].
    #[arg(short, long, value_name = "N")]
    pub(crate) jobs: Option<usize>,
    /// Print what would be installed, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
