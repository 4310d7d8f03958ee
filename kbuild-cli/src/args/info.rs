//! The flags of `kbuild-rs info`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::output::MessageFormat;
use super::requires::RequiresArgs;

/// `kbuild-rs info`.
#[derive(Debug, Args)]
pub(crate) struct InfoArgs {
    /// Module (.ko, .ko.xz, .ko.zst, .ko.gz), or a folder with modules. For a module tree with a
    /// kbuild.toml: show its requirements, and the kernels that meet them.
    #[arg(value_name = "FILE|DIR", required_unless_present = "name")]
    pub(crate) paths: Vec<PathBuf>,
    /// List the symbols instead of counting them.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Kernel to compare with the requirements: the path of its tree, or a release. Default: all
    /// kernels that `kbuild-rs kernels` lists.
    #[arg(long, value_name = "PATH|RELEASE")]
    pub(crate) kernel: Vec<OsString>,
    /// Tree root of the module trees, as for `build`. The kbuild.toml files from there down apply.
    #[arg(long, value_name = "DIR")]
    pub(crate) tree_root: Option<PathBuf>,
    /// The symvers of a provider, for requirements on symbols.
    #[arg(long, value_name = "FILE")]
    pub(crate) symvers: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) requires: RequiresArgs,
    /// The module from sources that has these requirements.
    #[arg(long, value_name = "NAME", hide = true, conflicts_with = "paths")]
    pub(crate) name: Option<String>,
    /// A provider that is not built yet may export the symbols that the kernel does not: all of them,
    /// or those that kbuild.toml files state. The build checks them.
    #[arg(long, hide = true, value_parser = ["all", "files"])]
    pub(crate) providers_later: Option<String>,
    /// Output format.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = MessageFormat::Human)]
    pub(crate) message_format: MessageFormat,
}
