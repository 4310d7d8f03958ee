//! The flags of `kbuild-rs install`, and those that its kin share.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::finish::FinishArgs;
use super::help;
use super::output::MessageFormat;
use super::sign::SigningArgs;

/// The root and the kernels, for all verbs about installed modules.
#[derive(Debug, Args)]
pub(crate) struct RootArgs {
    /// Root of the system or image, as INSTALL_MOD_PATH in the kernel's makefiles [default: /].
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/",
        hide_default_value = true
    )]
    pub(crate) root: PathBuf,
    /// Only the modules of this kernel: a release, or the path of a kernel tree. Repeat it for several.
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
    #[arg(value_name = "DIR|KO", conflicts_with = "cargo")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Build with Cargo, and install the modules of PACKAGE, or those of the workspace's default
    /// members. Arguments after `--` are for `cargo build`.
    #[arg(long, value_name = "PACKAGE", num_args = 0..=1)]
    pub(crate) cargo: Option<Option<String>>,
    /// Arguments of `cargo build`, as in `-- --release`.
    #[arg(last = true, value_name = "CARGO ARGUMENT", requires = "cargo")]
    pub(crate) cargo_args: Vec<OsString>,
    #[command(flatten)]
    pub(crate) root: RootArgs,
    /// Install for every kernel in the root for which a module was built.
    #[arg(long, conflicts_with = "kernels")]
    pub(crate) all_kernels: bool,
    /// Folder below updates/. With a slash in front, it starts at lib/modules/RELEASE: `/extra` is
    /// what INSTALL_MOD_DIR=extra is in the kernel's makefiles.
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
    /// Load the modules now, into the running kernel.
    #[arg(long)]
    pub(crate) modprobe: bool,
    /// Build the initramfs again if it contains an earlier version of a module.
    #[arg(long)]
    pub(crate) initramfs: bool,
    /// Do not run depmod.
    #[arg(long)]
    pub(crate) no_depmod: bool,
    /// Also install the kernel's own modules that these modules need, if the root lacks them. For
    /// images without the kernel's package. Lists the modules that no package of the root contains.
    #[arg(long)]
    pub(crate) closure: bool,
    /// Where --closure finds the kernel's modules: a folder with lib/modules/RELEASE, such as an
    /// extracted package of the kernel [default: /].
    #[arg(long, value_name = "DIR", requires = "closure")]
    pub(crate) kernel_modules: Option<PathBuf>,
    /// Keep no journal: the root is a folder that becomes a package or an image (DESTDIR). Files
    /// with the same names are replaced.
    #[arg(long, conflicts_with_all = ["replace", "hard_link", "load", "modprobe", "initramfs", "closure"])]
    pub(crate) no_journal: bool,
    /// Meson runs this call as an install script: its variables choose the root and the output.
    #[arg(long, hide = true)]
    pub(crate) outer_meson: bool,
    /// Number of modules to strip, sign and compress at once [default: number of processors].
    #[arg(short, long, value_name = "N")]
    pub(crate) jobs: Option<usize>,
    /// Print what would be installed, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) finish: FinishArgs,
    #[command(flatten)]
    pub(crate) signing: SigningArgs,
}

/// `kbuild-rs uninstall`.
#[derive(Debug, Args)]
#[command(override_usage = help::UNINSTALL_USAGE, after_help = help::UNINSTALL_EXAMPLES)]
pub(crate) struct UninstallArgs {
    /// Name of an installed module.
    #[arg(value_name = "MODULE", required_unless_present = "all")]
    pub(crate) modules: Vec<String>,
    /// Remove all modules that kbuild-rs installed.
    #[arg(long, conflicts_with = "modules")]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) root: RootArgs,
    /// Do not run depmod.
    #[arg(long)]
    pub(crate) no_depmod: bool,
    /// Print what would be removed, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// `kbuild-rs rollback`.
#[derive(Debug, Args)]
#[command(after_help = help::ROLLBACK_EXAMPLES)]
pub(crate) struct RollbackArgs {
    #[command(flatten)]
    pub(crate) root: RootArgs,
    /// Go back for every kernel for which modules are installed.
    #[arg(long, conflicts_with = "kernels")]
    pub(crate) all_kernels: bool,
    /// Do not run depmod.
    #[arg(long)]
    pub(crate) no_depmod: bool,
    /// Print what would change, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// `kbuild-rs status` and `kbuild-rs verify`.
#[derive(Debug, Args)]
#[command(after_help = help::STATUS_EXAMPLES)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) root: RootArgs,
    /// Change nothing. This verb never changes anything.
    #[arg(long, hide = true)]
    pub(crate) dry_run: bool,
    /// Output format.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = MessageFormat::Human)]
    pub(crate) message_format: MessageFormat,
}
