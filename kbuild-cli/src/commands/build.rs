//! `kbuild-rs build`.

use std::process::ExitCode;

use crate::args::BuildArgs;
use crate::builds;
use crate::process::signals;
use crate::ui::failure::exit_code;
use crate::ui::style::Style;

pub(super) fn run(mut args: BuildArgs, style: Style) -> ExitCode {
    if args.run.outer_verbose && kbuild::outer_build_is_verbose() {
        args.run.quiet = false;
        args.run.verbose = 1;
    }
    signals::relayed(|| exit_code(&builds::run(&args, style)))
}
