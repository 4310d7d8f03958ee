//! The flags of `kbuild-rs package`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::finish::FinishArgs;
use super::help;
use super::output::MessageFormat;
use super::sign::SigningArgs;

/// `kbuild-rs package`.
#[derive(Debug, Args)]
#[command(after_help = help::PACKAGE_EXAMPLES)]
pub(crate) struct PackageArgs {
    /// Modules (.ko), or folders with modules [default: kbuild-out].
    #[arg(value_name = "DIR|KO")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Kind of package.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Format,
    /// Package only the modules of this kernel: a release, or the path of a kernel tree. Repeat it for
    /// several. Default: all kernels that the modules were built for, one package each.
    #[arg(long = "kernel", value_name = "PATH|RELEASE")]
    pub(crate) kernels: Vec<String>,
    /// Make one package for each module.
    #[arg(long)]
    pub(crate) split: bool,
    /// Include the kernel's own modules that these modules need. For images without the kernel's
    /// package. Only with tar and sysext, because a deb or an rpm depends on that package.
    #[arg(long, conflicts_with = "split")]
    pub(crate) closure: bool,
    /// Where --closure finds the kernel's modules: a folder with lib/modules/RELEASE, such as an
    /// extracted package of the kernel [default: /].
    #[arg(long, value_name = "DIR", requires = "closure")]
    pub(crate) kernel_modules: Option<PathBuf>,
    /// Folder for the packages [default: kbuild-out].
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out_dir: Option<PathBuf>,
    /// Show the packages that would be written. Writes nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print only warnings and errors.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Output format of the messages.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = MessageFormat::Human)]
    pub(crate) message_format: MessageFormat,

    #[command(flatten)]
    pub(crate) about: AboutArgs,
    #[command(flatten)]
    pub(crate) finish: FinishArgs,
    #[command(flatten)]
    pub(crate) signing: SigningArgs,
}

/// What a package says about itself.
#[derive(Debug, Args)]
#[command(next_help_heading = "Description of the package")]
pub(crate) struct AboutArgs {
    /// Name of the package, before `-modules-RELEASE`. Default: the name of the module, or of the
    /// working directory if there are several.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Version of the package. Default: MODULE_VERSION if all its modules have the same, else 0.
    #[arg(long, value_name = "VERSION")]
    pub(crate) package_version: Option<String>,
    /// Maintainer. Default: DEBFULLNAME and DEBEMAIL.
    #[arg(long, value_name = "NAME <EMAIL>")]
    pub(crate) maintainer: Option<String>,
    /// One line about the package. Default: MODULE_DESCRIPTION, or the names of the modules.
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// License. Default: MODULE_LICENSE of the modules.
    #[arg(long, value_name = "TEXT")]
    pub(crate) license: Option<String>,
}

/// A kind of package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Debian, Ubuntu: written by dpkg-deb
    Deb,
    /// Fedora, SUSE and others: written by rpmbuild
    Rpm,
    /// An archive to extract in /
    Tar,
    /// An image for systemd-sysext: written by mksquashfs
    Sysext,
}

impl Format {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Format::Deb => "deb",
            Format::Rpm => "rpm",
            Format::Tar => "tar",
            Format::Sysext => "sysext",
        }
    }
}
