//! `kbuild-rs compile-commands`: the entries of modules among those of a project.

use std::process::ExitCode;

use crate::args::CompileCommandsArgs;
use crate::failure::{Failure, exit_code};
use crate::progress::{Manner, Progress};
use crate::style::Style;

pub(crate) fn run(args: &CompileCommandsArgs, style: Style) -> ExitCode {
    match kbuild::merge_compile_commands(&args.into, &args.from, &args.record) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let failure = Failure::from(error);
            Progress::new(Manner::new(style, true)).error(&failure.to_string());
            exit_code([&failure])
        }
    }
}
