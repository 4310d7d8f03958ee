//! `kbuild-rs`: builds Linux kernel modules from the command line.
//!
//! It turns flags into calls of the library (`kbuild`), and results into text or JSON. The library
//! builds the modules.
//!
//! A folder only imports folders below it in this table:
//!
//! | folder | job |
//! | --- | --- |
//! | `commands` | the verbs, a file or a folder each |
//! | `builds` | the builds of a call, one or many, from their selection to the copies of products |
//! | `ui` | the output: text for a person, JSON for a program |
//! | `args` | the command line |
//! | `process` | signals, and limits of memory |

mod args;
mod builds;
mod commands;
mod process;
mod ui;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use args::Cli;
use process::{memory, signals};
use ui::streams;
use ui::style::Style;

fn main() -> ExitCode {
    memory::explain_aborts();
    signals::survive_large_files();
    let arguments = match args::expand(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(message) => return refuse(&Cli::command().error(ErrorKind::Io, message)),
    };
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return refuse(&args::with_value(error, &arguments)),
    };
    if commands::is_pretended(&cli.verb) {
        return ExitCode::SUCCESS;
    }
    if let Err(error) = cli.check() {
        return refuse(&error);
    }
    let style = Style::stderr(cli.color);
    let code = commands::run(cli, style);
    if let Some(error) = streams::failure() {
        let word = style.error("error:");
        let limit = kbuild::limit_behind(&error).unwrap_or_default();
        streams::text(format!(
            "{word} cannot write to standard output: {error}{limit}"
        ));
        return ExitCode::FAILURE;
    }
    code
}

/// Prints clap's output: help and version on standard output, errors on standard error.
fn refuse(error: &clap::Error) -> ExitCode {
    // If a stream is closed, nobody reads the message.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
