//! `kbuild-rs compile-commands`: adds the entries of modules to those of a project, and their
//! crates.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::args::CompileCommandsArgs;
use crate::ui::failure::{Failure, exit_code};
use crate::ui::options::UiOptions;
use crate::ui::progress::Progress;
use crate::ui::style::Style;

pub(super) fn run(args: &CompileCommandsArgs, style: Style) -> ExitCode {
    match merge(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let failure = Failure::from(error);
            Progress::new(UiOptions::new(style, true)).error(&failure.to_string());
            exit_code([&failure])
        }
    }
}

fn merge(args: &CompileCommandsArgs) -> kbuild::Result<()> {
    kbuild::merge_compile_commands(&args.into, &args.from, &args.record)?;
    // A build leaves both beside its products.
    let crates = |file: &Path| file.with_file_name("rust-project.json");
    let from: Vec<PathBuf> = args.from.iter().map(|file| crates(file)).collect();
    let folder = args.record.parent().filter(|dir| *dir != Path::new(""));
    let lock = folder.unwrap_or(Path::new("."));
    kbuild::merge_rust_projects(&crates(&args.into), &from, lock)
}
