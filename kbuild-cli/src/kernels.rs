//! `kbuild-rs kernels`: the kernel trees of this machine, and what each of them can do.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kbuild::{Compiler, CompilerKind, Installed, Kernel, ToolRequest};
use serde::Serialize;

use crate::args::KernelsArgs;
use crate::failure::Failure;
use crate::jobs::find;
use crate::json;
use crate::out;
use crate::progress::{Manner, Progress};
use crate::style::{Style, printable};

/// A tree, as JSON has it.
#[derive(Serialize)]
struct Row {
    release: String,
    path: String,
    /// Whether `build` would take it without `--kernel`.
    default: bool,
    #[serde(flatten)]
    state: State,
}

/// One or the other: `usable` tells which.
#[derive(Serialize)]
#[serde(untagged)]
enum State {
    Usable(Box<Tree>),
    Broken { usable: bool, error: Reason },
}

#[derive(Serialize)]
struct Tree {
    usable: bool,
    arch: String,
    source: String,
    compiler: Tools,
    modules: bool,
    symvers: Option<String>,
    vmlinux: Option<String>,
    btf: bool,
    rust: bool,
    modversions: bool,
    signing: bool,
    requires_signing: bool,
}

/// The compiler that the kernel was built with, and what this machine has instead.
#[derive(Serialize)]
struct Tools {
    #[serde(flatten)]
    built_with: Compiler,
    /// make's variables with the tools that a build here would use.
    variables: Vec<(String, String)>,
    notes: Vec<String>,
    /// Why a build here would find no compiler.
    missing: Option<Reason>,
}

#[derive(Serialize)]
struct Reason {
    kind: String,
    message: String,
}

impl From<Failure> for Reason {
    fn from(failure: Failure) -> Self {
        Reason {
            kind: failure.kind().to_owned(),
            message: failure.to_string(),
        }
    }
}

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
    if let Some(note) = note {
        progress.chatter(&format!("note: {note}"));
    }
    code
}

/// One that was asked for by path or release.
fn wanted_row(wanted: &OsString) -> Row {
    opened(Path::new(wanted), find(wanted))
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
    row(installed, None)
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
        .map(|installed| row(installed, default.as_deref()))
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

fn row(installed: Installed, default: Option<&Path>) -> Row {
    Row {
        release: installed.release,
        path: json::path(&installed.dir),
        default: default == Some(&installed.dir),
        state: match installed.kernel {
            Ok(kernel) => State::Usable(Box::new(tree(&kernel))),
            Err(error) => State::Broken {
                usable: false,
                error: Failure::from(error).into(),
            },
        },
    }
}

fn tree(kernel: &Kernel) -> Tree {
    Tree {
        usable: true,
        arch: kernel.arch().to_owned(),
        source: json::path(kernel.source_dir()),
        compiler: tools(kernel),
        modules: kernel.is_enabled("MODULES"),
        symvers: kernel.symvers().as_deref().map(json::path),
        vmlinux: kernel.vmlinux().as_deref().map(json::path),
        // Without the image to make it against, the setting alone gives no BTF.
        btf: kernel.has_btf() && kernel.vmlinux().is_some(),
        rust: kernel.has_rust(),
        modversions: kernel.has_modversions(),
        signing: kernel.has_signing(),
        requires_signing: kernel.requires_signing(),
    }
}

fn tools(kernel: &Kernel) -> Tools {
    let path = env::var_os("PATH").unwrap_or_default();
    let asked = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let (cross_compile, llvm) = (asked("CROSS_COMPILE"), asked("LLVM"));
    let chosen = kernel.toolchain(&ToolRequest {
        arch: None,
        cc: None,
        cross_compile: cross_compile.as_deref(),
        llvm: llvm.as_deref(),
        rust_target: None,
        path: &path,
    });
    let (variables, notes, missing) = match chosen {
        Ok(chosen) => (chosen.variables, chosen.notes, None),
        Err(error) => (Vec::new(), Vec::new(), Some(Failure::from(error).into())),
    };
    Tools {
        built_with: kernel.compiler().clone(),
        variables,
        notes,
        missing,
    }
}

/// "gcc 12.2.0", and whether it is here.
fn compiler(tools: &Tools) -> String {
    let name = match tools.built_with.kind {
        CompilerKind::Clang => "clang",
        _ => "gcc",
    };
    let (major, minor, patch) = tools.built_with.version;
    let here = match (&tools.missing, tools.notes.is_empty()) {
        (Some(_), _) => "missing",
        (None, true) => "here",
        (None, false) => "another is here",
    };
    format!("{name} {major}.{minor}.{patch} ({here})")
}

fn abilities(tree: &Tree) -> String {
    let signing = match tree.requires_signing {
        true => "signing required",
        false => "signing",
    };
    let able: Vec<_> = [
        ("C", tree.modules && tree.compiler.missing.is_none()),
        ("symvers", tree.symvers.is_some()),
        ("BTF", tree.btf),
        ("Rust", tree.rust),
        (signing, tree.signing),
    ]
    .into_iter()
    .filter_map(|(word, able)| able.then_some(word))
    .collect();
    match able.as_slice() {
        [] => "-".to_owned(),
        words => words.join(", "),
    }
}

fn table(rows: &[Row]) -> Vec<String> {
    let heading = ["", "RELEASE", "ARCH", "COMPILER", "CAN", "PATH"].map(str::to_owned);
    let mut cells = vec![heading];
    for row in rows {
        if let State::Usable(tree) = &row.state {
            cells.push([
                if row.default { "*" } else { "" }.to_owned(),
                printable(&row.release).into_owned(),
                printable(&tree.arch).into_owned(),
                compiler(&tree.compiler),
                abilities(tree),
                printable(&row.path).into_owned(),
            ]);
        }
    }
    if cells.len() == 1 {
        return Vec::new();
    }
    let width = |column: usize| {
        let widths = cells.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0).max(1)
    };
    let widths: [usize; 5] = std::array::from_fn(width);
    let line = |row: &[String; 6]| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(&format!("{cell:width$}  "));
        }
        line + &row[5]
    };
    cells.iter().map(line).collect()
}

fn broken(rows: &[Row]) -> Vec<String> {
    let mut lines = Vec::new();
    for row in rows {
        if let State::Broken { error, .. } = &row.state {
            let (release, path) = (printable(&row.release), printable(&row.path));
            let space = if release.is_empty() { "" } else { "  " };
            lines.push(format!("!  {release}{space}{path}"));
            lines.push(format!("     {}", printable(&error.message)));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usable(release: &str, default: bool) -> Row {
        Row {
            release: release.to_owned(),
            path: format!("/usr/src/linux-headers-{release}"),
            default,
            state: State::Usable(Box::new(Tree {
                usable: true,
                arch: "x86".to_owned(),
                source: String::new(),
                compiler: Tools {
                    built_with: Compiler {
                        text: "gcc-12 (Debian) 12.2.0".to_owned(),
                        kind: CompilerKind::Gcc,
                        version: (12, 2, 0),
                        lld: false,
                    },
                    variables: Vec::new(),
                    notes: Vec::new(),
                    missing: None,
                },
                modules: true,
                symvers: Some("/x".to_owned()),
                vmlinux: None,
                btf: false,
                rust: false,
                modversions: true,
                signing: true,
                requires_signing: false,
            })),
        }
    }

    fn unusable() -> Row {
        Row {
            release: "5.10.0".to_owned(),
            path: "/lib/modules/5.10.0/build".to_owned(),
            default: false,
            state: State::Broken {
                usable: false,
                error: Reason {
                    kind: "kernel-not-found".to_owned(),
                    message: "nothing is there".to_owned(),
                },
            },
        }
    }

    #[test]
    fn the_table_marks_the_default_and_lines_up() {
        let rows = [usable("6.1.0-56-amd64", true), usable("6.12", false)];
        assert_eq!(
            table(&rows),
            [
                "   RELEASE         ARCH  COMPILER           CAN                  PATH",
                "*  6.1.0-56-amd64  x86   gcc 12.2.0 (here)  C, symvers, signing  /usr/src/linux-headers-6.1.0-56-amd64",
                "   6.12            x86   gcc 12.2.0 (here)  C, symvers, signing  /usr/src/linux-headers-6.12",
            ]
        );
    }

    #[test]
    fn a_tree_that_cannot_be_used_has_its_reason() {
        assert!(table(&[unusable()]).is_empty());
        assert_eq!(
            broken(&[unusable()]),
            [
                "!  5.10.0  /lib/modules/5.10.0/build",
                "     nothing is there"
            ]
        );
        let json = serde_json::to_value(unusable()).unwrap();
        assert_eq!(json["usable"], false);
        assert_eq!(json["error"]["kind"], "kernel-not-found");
    }

    #[test]
    fn json_has_the_compiler_and_whether_it_is_missing() {
        let json = serde_json::to_value(usable("6.1", true)).unwrap();
        assert_eq!(json["usable"], true);
        assert_eq!(json["default"], true);
        assert_eq!(json["compiler"]["kind"], "gcc");
        assert!(json["compiler"]["missing"].is_null());
    }
}
