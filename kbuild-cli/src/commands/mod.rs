//! The verbs, a file or a folder each.

mod build;
mod cache;
mod check;
mod clean;
mod compile_commands;
mod ide;
mod info;
mod install;
mod kernels;
mod module_files;
mod package;
mod probe;
mod sign;
mod signing;
mod status;
#[cfg(feature = "test")]
mod test;
mod uninstall;

use std::process::ExitCode;

use crate::args::{Cli, Verb};
use crate::ui::style::Style;

/// Whether this call would write while an outer `make -n` only pretends.
pub(crate) fn is_pretended(verb: &Verb) -> bool {
    let writes = match verb {
        Verb::Build(args) => !args.run.dry_run,
        Verb::CompileCommands(_) => true,
        Verb::Install(args) => !args.dry_run,
        Verb::Uninstall(args) => !args.dry_run,
        Verb::Rollback(args) => !args.dry_run,
        Verb::Sign(args) => !args.dry_run,
        Verb::Package(args) => !args.dry_run,
        #[cfg(feature = "test")]
        Verb::Test(_) => true,
        _ => false,
    };
    writes && kbuild::outer_make_is_dry_run()
}

/// Runs the verb of the command line.
pub(crate) fn run(cli: Cli, style: Style) -> ExitCode {
    match cli.verb {
        Verb::Build(args) => build::run(*args, style),
        Verb::Ide(args) => ide::run(&args, style),
        Verb::Kernels(args) => kernels::run(&args, style),
        Verb::Check(args) => check::run(&args, style),
        Verb::Probe(args) => probe::run(&args, style),
        Verb::Info(args) => info::run(&args, style),
        Verb::Install(args) => install::run(*args, style),
        Verb::Uninstall(args) => uninstall::run(&args, style),
        Verb::Rollback(args) => uninstall::roll_back(&args, style),
        Verb::Status(args) => status::run(&args, style),
        Verb::Verify(args) => status::verify(&args, style),
        Verb::Sign(args) => sign::run(&args, style),
        Verb::Package(args) => package::run(&args, style),
        #[cfg(feature = "test")]
        Verb::Test(args) => test::run(&args, style),
        Verb::Cache(args) => cache::run(&args, style),
        Verb::Clean(args) => clean::run(&args, style),
        Verb::CompileCommands(args) => compile_commands::run(&args, style),
    }
}
