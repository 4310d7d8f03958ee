//! Plain make's side of a cell. It is the same for the same sources, kernel, tools and flags, so
//! the lab keeps it, and a run only builds our side. `cargo xtask lab remove corpus` removes it.
//!
//! The sources are always at the same path below the lab. Debug information contains the path, so
//! the bytes of an earlier run can be compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use kbuild_tests::corpus::{Cell, Package};
use kbuild_tests::lab::LabKernel;
use kbuild_tests::plain::{copy, modules};
use kbuild_tests::{Result, run};

use crate::cell::{LIMIT, compiled, edit};

/// Change this if this program would create other files than those in the lab.
const LAYOUT: &str = "1";

/// The result of plain make.
pub(crate) enum Plain {
    /// It built, built again after the edit, and then compiled these objects.
    Built {
        cold: Modules,
        edited: Modules,
        compiled: Vec<String>,
    },
    /// It failed with this error.
    Failed(String),
}

/// Modules by name, and their bytes.
pub(crate) type Modules = BTreeMap<String, Vec<u8>>;

/// Plain make's result for `cell`, built in a copy of `source` that takes the path of `source`.
/// `room` keeps it.
pub(crate) fn plain(
    package: &Package,
    cell: &Cell,
    kernel: &LabKernel,
    source: &Path,
    room: &Path,
) -> Result<Plain> {
    let key = key(package, cell, kernel, source)?;
    let kept = room.join("plain");
    if fs::read_to_string(kept.join("key")).is_ok_and(|then| then == key) {
        return load(&kept);
    }
    let made = make(package, kernel, source)?;
    let draft = room.join("plain.draft");
    for folder in [&draft, &kept] {
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        }
    }
    keep(&made, &draft)
        .and_then(|()| fs::write(draft.join("key"), &key))
        .and_then(|()| fs::rename(&draft, &kept))
        .map_err(|e| {
            format!(
                "cannot keep what plain make gave in {}: {e}",
                room.display()
            )
        })?;
    Ok(made)
}

/// All inputs of plain make's result, as text, so that people can compare two of them.
fn key(package: &Package, cell: &Cell, kernel: &LabKernel, source: &Path) -> Result<String> {
    let said = |command: &mut Command| run::checked(command, LIMIT).map(|output| output.out());
    let mut digests = Command::new("sh");
    digests.current_dir(source).args([
        "-c",
        "export LC_ALL=C; find . -printf '%p %y %m %l\\n' | sort; \
         find . -type f -print0 | sort -z | xargs -0 sha256sum",
    ]);
    let mut key = format!("{LAYOUT}\n{}\n{}\n", source.display(), kernel.release);
    key += &said(&mut digests)?;
    let mut headers = Command::new("sha256sum");
    headers.args(["Makefile", ".config", "Module.symvers"].map(|name| kernel.kdir.join(name)));
    key += &said(&mut headers)?;
    for tool in [&*kernel.compiler(), "ld", "make", "pahole"] {
        let version = said(kernel.command(tool).arg("--version"))?;
        key += &format!("{tool}: {}\n", version.lines().next().unwrap_or_default());
    }
    for folder in package.folders(Path::new("COPY")) {
        // Its environment is the caller's PATH, whose tools are listed above, and the source's
        // path.
        let make = package.make(kernel, &folder, Path::new("COPY"), source);
        key += &format!("{:?}\n", make.get_args().collect::<Vec<_>>());
    }
    key += &format!("{} {} {}\n", cell.release, package.edit, crate::cell::EDIT);
    Ok(key)
}

fn make(package: &Package, kernel: &LabKernel, source: &Path) -> Result<Plain> {
    let scratch = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    let copied = scratch.path().join("copy");
    copy(source, &copied)?;
    let all = || {
        let mut objects = Vec::new();
        for folder in package.folders(&copied) {
            let make = &mut package.make(kernel, &folder, &copied, source);
            let output = run::run(make, LIMIT)?;
            if !output.status.success() {
                let said = output.out() + &output.err();
                return Ok(Err(said.replace(
                    &copied.display().to_string(),
                    &source.display().to_string(),
                )));
            }
            objects.extend(compiled(&output.out(), &folder, &copied));
        }
        objects.sort();
        Ok::<_, String>(Ok(objects))
    };
    if let Err(said) = all()? {
        return Ok(Plain::Failed(said));
    }
    let cold = modules(&copied)?;
    edit(&copied.join(&package.edit))?;
    match all()? {
        Ok(compiled) => Ok(Plain::Built {
            cold,
            edited: modules(&copied)?,
            compiled,
        }),
        Err(said) => Err(format!("plain make fails after the edit:\n{said}")),
    }
}

fn keep(plain: &Plain, into: &Path) -> std::io::Result<()> {
    fs::create_dir_all(into)?;
    let (cold, edited, compiled) = match plain {
        Plain::Failed(said) => return fs::write(into.join("failed"), said),
        Plain::Built {
            cold,
            edited,
            compiled,
        } => (cold, edited, compiled),
    };
    for (folder, modules) in [("cold", cold), ("edited", edited)] {
        fs::create_dir(into.join(folder))?;
        for (name, bytes) in modules {
            fs::write(into.join(folder).join(name), bytes)?;
        }
    }
    fs::write(into.join("compiled"), compiled.join("\n"))
}

fn load(kept: &Path) -> Result<Plain> {
    if let Ok(said) = fs::read_to_string(kept.join("failed")) {
        return Ok(Plain::Failed(said));
    }
    let path = kept.join("compiled");
    let compiled = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(Plain::Built {
        cold: modules(&kept.join("cold"))?,
        edited: modules(&kept.join("edited"))?,
        compiled: compiled.lines().map(str::to_owned).collect(),
    })
}
