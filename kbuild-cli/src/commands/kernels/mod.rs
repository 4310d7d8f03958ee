//! `kbuild-rs kernels`: the kernel trees of this machine, and their capabilities.

mod row;
mod table;

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use kbuild::{Installed, Kernel};

use crate::args::{KernelsArgs, MessageFormat};
use crate::builds::kernel_search;
use crate::ui::json;
use crate::ui::options::UiOptions;
use crate::ui::progress::Progress;
use crate::ui::streams;
use crate::ui::style::Style;

use row::{Row, State, row};
use table::{broken, shared_releases, table};

pub(super) fn run(args: &KernelsArgs, style: Style) -> ExitCode {
    let arch = args.arch.as_deref();
    let (rows, note) = match (args.default, args.kernels.as_slice()) {
        (true, _) => default_row(arch),
        (false, []) => all_rows(arch),
        (false, wanted) => {
            let rows = wanted.iter().map(|name| named_row(name, arch));
            (rows.collect(), None)
        }
    };
    let is_broken = |row: &Row| matches!(row.state, State::Broken { .. });
    let asked = args.default || !args.kernels.is_empty();
    let code = match asked && rows.iter().any(is_broken) {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    };
    if args.message_format == MessageFormat::Json {
        rows.iter().for_each(json::print);
        return code;
    }
    let mut progress = Progress::new(UiOptions::new(style, false));
    if rows.is_empty() {
        progress.chatter(
            "no kernel tree was found. Places searched: /lib/modules/*/build, \
             /usr/src/linux-headers-*, /usr/src/kernels/*. Install kernel headers, or set KDIR",
        );
    }
    for line in table(&rows).into_iter().chain(broken(&rows)) {
        streams::result(line);
    }
    for note in note.into_iter().chain(shared_releases(&rows)) {
        progress.chatter(&format!("note: {note}"));
    }
    code
}

/// A tree that was named by path or release.
fn named_row(name: &OsStr, arch: Option<&str>) -> Row {
    opened(Path::new(name), kernel_search::named_for(arch, name))
}

/// Whether `--kernel RELEASE` takes this tree, and not another one of the same release.
fn is_taken_by_release(tree: &Installed) -> bool {
    Kernel::find(&tree.release).is_ok_and(|kernel| kernel.dir() == tree.dir)
}

/// The tree that `build` uses, and the reason.
fn default_row(arch: Option<&str>) -> (Vec<Row>, Option<String>) {
    let (kernel, note) = kernel_search::default(arch);
    let named = kernel_search::kdir().unwrap_or_default();
    (vec![opened(Path::new(&named), kernel)], note)
}

fn opened(named: &Path, kernel: kbuild::Result<Kernel>) -> Row {
    let dir = kernel.as_ref().map_or(named, Kernel::dir).to_owned();
    let release = kernel.as_ref().map_or("", Kernel::release).to_owned();
    let installed = Installed {
        dir,
        release,
        kernel,
    };
    let by_release = is_taken_by_release(&installed);
    row(installed, None, by_release)
}

/// All trees, and the reason why `build` would use the marked one, or none.
fn all_rows(arch: Option<&str>) -> (Vec<Row>, Option<String>) {
    let installed = kernel_search::installed();
    let (default, note) = kernel_search::default(arch);
    let note = match (&default, kernel_search::kdir()) {
        (Err(error), _) => Some(error.to_string()),
        (Ok(_), Some(dir)) => Some(format!(
            "`build` uses this kernel tree, because KDIR is set: {}",
            Path::new(&dir).display()
        )),
        (Ok(_), None) => note,
    };
    let default = default.ok();
    let rows = installed
        .into_iter()
        .map(|installed| {
            let by_release = is_taken_by_release(&installed);
            row(installed, default.as_ref().map(Kernel::dir), by_release)
        })
        .collect();
    (rows, note)
}
