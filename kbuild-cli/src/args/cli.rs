//! The program's command line: its verbs, and the flag that all of them take.

use clap::{Parser, Subcommand};

use super::build::BuildArgs;
use super::cache::CacheArgs;
use super::check::CheckArgs;
use super::clean::CleanArgs;
use super::compile_commands::CompileCommandsArgs;
use super::help;
use super::ide::IdeArgs;
use super::info::InfoArgs;
use super::install::{InstallArgs, RollbackArgs, StatusArgs, UninstallArgs};
use super::kernels::KernelsArgs;
use super::output::ColorWhen;
use super::package::PackageArgs;
use super::probe::ProbeArgs;
use super::sign::SignArgs;
#[cfg(feature = "test")]
use super::test::TestArgs;

/// Builds, signs, installs and packages Linux kernel modules, for any number of kernels.
///
/// kbuild-rs only reads the sources and the kernel trees. All output of `build` goes to the output
/// directory.
#[derive(Debug, Parser)]
#[command(
    name = "kbuild-rs",
    version,
    after_help = help::PROGRAM,
    arg_required_else_help = true,
    subcommand_required = true,
)]
pub(crate) struct Cli {
    /// When to colour standard error.
    #[arg(long, value_enum, global = true, value_name = "WHEN", default_value_t = ColorWhen::Auto)]
    pub(crate) color: ColorWhen,

    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Build a module tree, or one module from a list of sources.
    #[command(long_about = help::BUILD)]
    Build(Box<BuildArgs>),
    /// Build, and put the files that editors read (rust-project.json, compile_commands.json) into a
    /// folder.
    Ide(Box<IdeArgs>),
    /// List the kernel trees on this machine and what each of them can do.
    Kernels(KernelsArgs),
    /// Ask whether something compiles for a kernel: sources, headers, symbols, members.
    Probe(Box<ProbeArgs>),
    /// Describe modules: release, vermagic, dependencies, imported and exported symbols.
    Info(InfoArgs),
    /// Tell whether a kernel would load modules, and if not, why.
    Check(CheckArgs),
    /// Install modules into a system or an image, and run depmod.
    Install(Box<InstallArgs>),
    /// Remove installed modules, and restore the files that they replaced.
    Uninstall(UninstallArgs),
    /// List the modules that kbuild-rs installed.
    Status(StatusArgs),
    /// Compare the installed modules with the journal, and modules.dep with the modules.
    Verify(StatusArgs),
    /// Go back to the modules before the last `install` or `uninstall`.
    Rollback(RollbackArgs),
    /// Sign modules for kernels that check signatures.
    Sign(SignArgs),
    /// Put modules into packages (deb, rpm, tar, sysext).
    Package(Box<PackageArgs>),
    /// Boot kernels in QEMU, load modules there, and report what the kernel complains about.
    #[cfg(feature = "test")]
    Test(Box<TestArgs>),
    /// Look at the cache of finished modules, make room in it, or check it.
    Cache(CacheArgs),
    /// Remove the outputs of `build`.
    Clean(CleanArgs),
    /// Add modules to a project's compile_commands.json and rust-project.json. CMake and Meson call
    /// this.
    #[command(hide = true)]
    CompileCommands(CompileCommandsArgs),
}
