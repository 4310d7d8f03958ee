//! `kbuild-rs kernels`: the kernel trees of this machine, and what each of them can do.

mod row;
mod table;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use kbuild::{Build, Installed, Kernel, Message};

use crate::args::build::KernelsArgs;
use crate::ui::json;
use crate::ui::progress::{Manner, Progress};
use crate::ui::streams as out;
use crate::ui::style::Style;

use row::{Row, State, row};
use table::{broken, shared_releases, table};

pub(crate) fn run(args: &KernelsArgs, style: Style) -> ExitCode {
    let arch = args.arch.as_deref();
    let (rows, note) = match (args.default, args.kernels.as_slice()) {
        (true, _) => the_default(arch),
        (false, []) => rows(arch),
        (false, wanted) => {
            let rows = wanted.iter().map(|wanted| wanted_row(wanted, arch));
            (rows.collect(), None)
        }
    };
    let is_broken = |row: &Row| matches!(row.state, State::Broken { .. });
    let asked = args.default || !args.kernels.is_empty();
    let code = match asked && rows.iter().any(is_broken) {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    };
    if args.json {
        rows.iter().for_each(json::print);
        return code;
    }
    let mut progress = Progress::new(Manner::new(style, false));
    if rows.is_empty() {
        progress.chatter(
            "no kernel tree in /lib/modules/*/build, /usr/src/linux-headers-* or /usr/src/kernels/*",
        );
    }
    for line in table(&rows).into_iter().chain(broken(&rows)) {
        out::result(line);
    }
    for note in note.into_iter().chain(shared_releases(&rows)) {
        progress.chatter(&format!("note: {note}"));
    }
    code
}

/// One that was asked for by path or release.
fn wanted_row(wanted: &OsString, arch: Option<&str>) -> Row {
    let kernel = with_arch(arch).kernel(wanted).find_kernel();
    opened(Path::new(wanted), kernel)
}

/// A build that prints nothing, for the architecture that is asked for.
fn with_arch(arch: Option<&str>) -> Build {
    let mut build = Build::new();
    build.cargo_metadata(false).on_message(|_| {});
    if let Some(arch) = arch {
        build.arch(arch);
    }
    build
}

/// The kernel that `build` takes without `--kernel`, and a note if it is not the running one.
pub(crate) fn default(arch: Option<&str>) -> (kbuild::Result<Kernel>, Option<String>) {
    let note = Arc::new(Mutex::new(None));
    let kept = Arc::clone(&note);
    let mut build = with_arch(arch);
    build.on_message(move |message| {
        if let Message::Note { text } = message {
            let mut kept = kept.lock().unwrap_or_else(|p| p.into_inner());
            *kept = Some((*text).to_owned());
        }
    });
    let kernel = build.find_kernel();
    let mut note = note.lock().unwrap_or_else(|p| p.into_inner());
    (kernel, note.take())
}

/// Whether `--kernel RELEASE` takes this tree, and not another one of the same release.
fn is_taken_by_release(tree: &Installed) -> bool {
    Kernel::find(&tree.release).is_ok_and(|kernel| kernel.dir() == tree.dir)
}

/// The one that `build` takes, and why.
fn the_default(arch: Option<&str>) -> (Vec<Row>, Option<String>) {
    let (kernel, note) = default(arch);
    let named = named().unwrap_or_default();
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

/// Every tree; and why `build` would take the one that is marked, or none.
fn rows(arch: Option<&str>) -> (Vec<Row>, Option<String>) {
    let found = found();
    let (default, note) = default(arch);
    let note = match (&default, named()) {
        (Err(error), _) => Some(error.to_string()),
        (Ok(_), Some(dir)) => Some(format!("KDIR names {}", Path::new(&dir).display())),
        (Ok(_), None) => note,
    };
    let default = default.ok();
    let rows = found
        .into_iter()
        .map(|installed| {
            let by_release = is_taken_by_release(&installed);
            row(installed, default.as_ref().map(Kernel::dir), by_release)
        })
        .collect();
    (rows, note)
}

/// Every tree, and what `KDIR` names.
pub(crate) fn found() -> Vec<Installed> {
    let mut found = Kernel::installed();
    if let Some(dir) = named() {
        add(&mut found, PathBuf::from(dir));
    }
    found
}

fn named() -> Option<std::ffi::OsString> {
    env::var_os("KDIR").filter(|dir| !dir.is_empty())
}

/// Adds the tree that `KDIR` names where it is not among the others.
fn add(found: &mut Vec<Installed>, dir: PathBuf) {
    // As `build` reads it: a path, or a release.
    let kernel = match dir.to_str() {
        Some(text) => Kernel::find(text),
        None => Kernel::open(&dir),
    };
    let known = kernel.as_ref().map_or(dir, |k| k.dir().to_owned());
    if !found.iter().any(|installed| installed.dir == known) {
        let release = kernel.as_ref().map_or("", Kernel::release).to_owned();
        found.push(Installed {
            dir: known,
            release,
            kernel,
        });
    }
}
