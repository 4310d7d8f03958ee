//! `kbuild-rs`: builds Linux kernel modules from the command line.
//!
//! Flags in, text or JSON out. How a module is built is the library's business (`kbuild`).

mod args;
mod builds;
mod commands;
mod process;
mod ui;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use args::build::{Cli, Verb};
use args::response_file::arguments;
use commands::{build, clean, compile_commands, ide, info, kernels};
use process::{memory, signals};
use ui::streams as out;
use ui::style::Style;

fn main() -> ExitCode {
    memory::explain_aborts();
    let arguments = match arguments(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(message) => return refuse(&Cli::command().error(ErrorKind::Io, message)),
    };
    let mut cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let makes = match &cli.verb {
        Verb::Build(args) => !args.how.dry_run,
        Verb::CompileCommands(_) => true,
        _ => false,
    };
    if makes && kbuild::is_outside_pretending() {
        return ExitCode::SUCCESS;
    }
    let style = Style::stderr(cli.color);
    let code = match &mut cli.verb {
        Verb::Build(args) => match args.check() {
            Ok(()) => {
                if args.how.outer_verbose && kbuild::is_outside_verbose() {
                    args.how.quiet = false;
                    args.how.verbose = 1;
                }
                signals::catch();
                let code = build::run(args, style);
                signals::end();
                code
            }
            Err(message) => return refuse(&usage("build", message)),
        },
        Verb::Ide(args) => match args.check() {
            Ok(()) => {
                signals::catch();
                let code = ide::run(args, style);
                signals::end();
                code
            }
            Err(message) => return refuse(&usage("ide", message)),
        },
        Verb::Kernels(args) => kernels::run(args, style),
        Verb::Info(args) => info::run(args, style),
        Verb::Clean(args) => clean::run(args, style),
        Verb::CompileCommands(args) => compile_commands::run(args, style),
    };
    if let Some(error) = out::failure() {
        let word = style.error("error:");
        out::text(format!("{word} cannot write to standard output: {error}"));
        return ExitCode::FAILURE;
    }
    code
}

/// An error in the words and the form of those that clap finds itself.
fn usage(verb: &str, message: String) -> clap::Error {
    let mut program = Cli::command();
    program.build();
    match program.find_subcommand_mut(verb) {
        Some(verb) => verb.error(ErrorKind::ArgumentConflict, message),
        None => program.error(ErrorKind::ArgumentConflict, message),
    }
}

/// Prints what clap has to say: help and version on standard output, errors on standard error.
fn refuse(error: &clap::Error) -> ExitCode {
    // Where the stream is closed, nobody listens.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
