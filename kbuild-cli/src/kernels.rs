//! `kbuild-rs kernels`: the kernel trees of this machine, and what each of them can do.

mod row;
mod table;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kbuild::{Installed, Kernel};

use crate::args::KernelsArgs;
use crate::jobs::find;
use crate::json;
use crate::out;
use crate::progress::{Manner, Progress};
use crate::style::Style;

use row::{Row, State, row};
use table::{broken, shared_releases, table};

pub(crate) fn run(args: &KernelsArgs, style: Style) -> ExitCode {
    let (rows, note) = match (args.default, args.kernels.as_slice()) {
        (true, _) => the_default(),
        (false, []) => rows(),
        (false, wanted) => (wanted.iter().map(wanted_row).collect(), None),
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
fn wanted_row(wanted: &OsString) -> Row {
    opened(Path::new(wanted), find(wanted))
}

/// Whether `--kernel RELEASE` takes this tree, and not another one of the same release.
fn is_taken_by_release(tree: &Installed) -> bool {
    Kernel::find(&tree.release).is_ok_and(|kernel| kernel.dir() == tree.dir)
}

/// The one that `build` takes, and why.
fn the_default() -> (Vec<Row>, Option<String>) {
    let (kernel, note) = match named() {
        Some(dir) => return (vec![wanted_row(&dir)], None),
        None => match Kernel::default_for(None) {
            Ok((kernel, note)) => (Ok(kernel), note),
            Err(error) => (Err(error), None),
        },
    };
    (vec![opened(Path::new(""), kernel)], note)
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
fn rows() -> (Vec<Row>, Option<String>) {
    let mut found = Kernel::installed();
    let (default, note) = match named() {
        Some(dir) => {
            let note = format!("KDIR names {}", Path::new(&dir).display());
            (add(&mut found, PathBuf::from(dir)), Some(note))
        }
        None => match Kernel::default_for(None) {
            Ok((kernel, note)) => (Some(kernel.dir().to_owned()), note),
            Err(error) => (None, Some(error.to_string())),
        },
    };
    let rows = found
        .into_iter()
        .map(|installed| {
            let by_release = is_taken_by_release(&installed);
            row(installed, default.as_deref(), by_release)
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

/// Adds the tree that `KDIR` names where it is not among the others. Returns its directory when
/// it can be used.
fn add(found: &mut Vec<Installed>, dir: PathBuf) -> Option<PathBuf> {
    // As `build` reads it: a path, or a release.
    let kernel = match dir.to_str() {
        Some(text) => Kernel::find(text),
        None => Kernel::open(&dir),
    };
    let known = kernel.as_ref().map_or(dir, |k| k.dir().to_owned());
    let usable = kernel.is_ok().then(|| known.clone());
    if !found.iter().any(|installed| installed.dir == known) {
        let release = kernel.as_ref().map_or("", Kernel::release).to_owned();
        found.push(Installed {
            dir: known,
            release,
            kernel,
        });
    }
    usable
}
