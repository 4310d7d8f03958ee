//! `kbuild-rs uninstall` and `kbuild-rs rollback`.

use std::process::ExitCode;

use kbuild::{Rollback, Uninstall};

use super::install::absolute;
use crate::args::{RollbackArgs, UninstallArgs};
use crate::process::signals;
use crate::ui::installed::Told;
use crate::ui::style::Style;

pub(super) fn run(args: &UninstallArgs, style: Style) -> ExitCode {
    let mut uninstall = Uninstall::new();
    for module in &args.modules {
        uninstall.module(module);
    }
    for kernel in &args.root.kernels {
        uninstall.kernel(kernel);
    }
    uninstall
        .all(args.all)
        .root(absolute(&args.root.root))
        .depmod(!args.no_depmod)
        .dry_run(args.dry_run);
    signals::relayed(|| {
        let told = Told::new(&args.output, style, args.dry_run);
        told.end(uninstall.run(&|note| told.note(note)))
    })
}

pub(super) fn roll_back(args: &RollbackArgs, style: Style) -> ExitCode {
    let mut rollback = Rollback::new();
    for kernel in &args.root.kernels {
        rollback.kernel(kernel);
    }
    rollback
        .all_kernels(args.all_kernels)
        .root(absolute(&args.root.root))
        .depmod(!args.no_depmod)
        .dry_run(args.dry_run);
    signals::relayed(|| {
        let told = Told::new(&args.output, style, args.dry_run);
        told.end(rollback.run(&|note| told.note(note)))
    })
}
