//! The flags of `kbuild-rs test`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, StringValueParser, TypedValueParser};
use clap::{Args, value_parser};

use super::help;
use super::output::MessageFormat;
use super::parsers::{guest_file, module_parameter};

/// `kbuild-rs test`.
#[derive(Debug, Args)]
#[command(after_help = help::TEST_EXAMPLES)]
pub(crate) struct TestArgs {
    /// Modules (.ko), folders with modules, or module trees [default: kbuild-out]. A folder with a
    /// Kbuild or a Makefile is a module tree: kbuild-rs builds it first, as `build` does.
    #[arg(value_name = "DIR|KO")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Kernel to boot: the path of a kernel tree, or a release. Repeat it for several. Module trees
    /// are built for this kernel. Default: every kernel that the modules were built for.
    #[arg(long = "kernel", value_name = "PATH|RELEASE")]
    pub(crate) kernels: Vec<OsString>,
    /// Boot every usable kernel that `kbuild-rs kernels` lists and that the modules were built for.
    /// Skip those without a bootable image.
    #[arg(long, conflicts_with = "kernels")]
    pub(crate) all_kernels: bool,
    /// Output directory for module trees [default: kbuild-out].
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out_dir: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) guest: GuestArgs,
    #[command(flatten)]
    pub(crate) results: ResultArgs,
}

/// Flags on the guest, and on what happens in it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Guest")]
pub(crate) struct GuestArgs {
    /// Command to run with sh after the modules are loaded. It can use busybox's programs. If the
    /// command fails, the test fails.
    #[arg(long, value_name = "CMD")]
    pub(crate) run: Option<String>,
    /// Put a file into the guest, by default into its root folder. The guest has no shared libraries,
    /// so a program must be static.
    #[arg(long = "file", value_name = "HOST[:GUEST]", value_parser = OsStringValueParser::new().try_map(guest_file))]
    pub(crate) files: Vec<(PathBuf, String)>,
    /// Load a module with this parameter, as on a kernel's command line: hello.who=everyone.
    #[arg(long = "param", value_name = "MODULE.NAME=VALUE", value_parser = StringValueParser::new().try_map(module_parameter))]
    pub(crate) parameters: Vec<(String, String)>,
    /// Open a shell in the guest after the modules are loaded, instead of the test. There is no time
    /// limit.
    #[arg(long, conflicts_with_all = ["run", "junit", "log"])]
    pub(crate) interactive: bool,
    /// Wait for gdb before the kernel starts. The output has the command that connects gdb.
    #[arg(long)]
    pub(crate) gdb: bool,
    /// Leave the modules loaded at the end.
    #[arg(long)]
    pub(crate) no_unload: bool,
    /// Flags of the kernel's taint that do not fail the test, besides O and E: P for a proprietary
    /// module.
    #[arg(long, value_name = "LETTERS", default_value = "")]
    pub(crate) allow_taint: String,
    /// Time limit in seconds for boot and test of a kernel.
    #[arg(long, value_name = "SECONDS", default_value_t = 180, value_parser = value_parser!(u32).range(1..))]
    pub(crate) timeout: u32,
    /// Memory of the guest in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 512, value_parser = value_parser!(u32).range(64..))]
    pub(crate) memory: u32,
    /// Image to boot. Default: the one in the kernel tree, else /boot/vmlinuz-RELEASE or
    /// /lib/modules/RELEASE/vmlinuz, also in a folder above the kernel tree.
    #[arg(long, value_name = "FILE")]
    pub(crate) image: Option<PathBuf>,
    /// Static busybox for the processor of the kernel. Default: the one in PATH.
    #[arg(long, value_name = "FILE")]
    pub(crate) busybox: Option<PathBuf>,
}

/// Flags on the results.
#[derive(Debug, Args)]
#[command(next_help_heading = "Results")]
pub(crate) struct ResultArgs {
    /// Also write the results to this file, in JUnit's format.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Also write the kernel's log to this file. With several kernels, one log follows the other.
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// Print only warnings and errors.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Output format of the results: TAP with text, or JSON.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = MessageFormat::Human)]
    pub(crate) message_format: MessageFormat,
}
