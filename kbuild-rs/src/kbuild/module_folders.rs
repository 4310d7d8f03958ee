//! The folders below a folder whose makefiles name modules.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::makefiles::{Folder, Makefiles, makefile_in};
use crate::sys::normal;

/// How many levels and how many folders are searched for modules below a folder without any.
const DEEPEST: usize = 3;
const MOST_FOLDERS: usize = 1000;
/// The largest number of folders in one message.
const MOST_NAMED: usize = 4;

/// Advice to build the folders below `dir` that name modules, if there are any. The makefile in
/// `dir` itself may only be for `make` by hand, and call another one.
pub(crate) fn folders_advice(dir: &Path, shown: &dyn Fn(&Path) -> PathBuf) -> Option<String> {
    let called = called_folders(dir);
    let found = match called.is_empty() {
        true => folders_with_modules(dir),
        false => called,
    };
    let names: Vec<String> = found
        .iter()
        .filter_map(|folder| Some(folder.strip_prefix(dir).ok()?.display().to_string()))
        .collect();
    let first = names.first()?;
    let command = format!("kbuild-rs build {}", shown(&dir.join(first)).display());
    let command = format!("\n    {command}\n(Build::tree; in CMake, KBUILD; in Meson, kbuild:)");
    if names.len() == 1 {
        return Some(format!(
            ". The folder {first} in it names modules. Build that folder:{command}"
        ));
    }
    let rest = if names.len() > MOST_NAMED {
        ", …"
    } else {
        ""
    };
    let names = names[..names.len().min(MOST_NAMED)].join(", ");
    Some(format!(
        ". These folders in it name modules: {names}{rest}. Build each, for example:{command}"
    ))
}

/// Whether the makefiles of a folder name modules.
fn has_modules(dir: &Path) -> bool {
    let makefiles = Makefiles::of(dir);
    makefiles
        .assignments()
        .any(|a| (a.name == "obj-m" || switch_in(a.name).is_some()) && has_objects(a.value))
}

/// The ways in which makefiles and recipes name the folder that make was called in.
const HERE: &[&str] = &[
    "$(PWD)",
    "${PWD}",
    "$(CURDIR)",
    "${CURDIR}",
    "$(shell pwd)",
    "$$PWD",
    "$${PWD}",
    "$$(pwd)",
    "`pwd`",
];

/// The folders in which a makefile starts another make: `$(MAKE) -C src`, `M=$(PWD)/src`, `cd src`.
fn called_folders(dir: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let mut seen = HashSet::new();
    for line in Folder::read(dir, dir).lines {
        let line = HERE.iter().fold(line.text.into_string(), |line, here| {
            line.replace(here, ".")
        });
        let mut words = line
            .split([' ', '\t', ';', '&'])
            .filter(|word| !word.is_empty());
        while let Some(word) = words.next() {
            let named = match word {
                "-C" | "cd" | "--directory" => words.next(),
                _ => ["-C", "M=", "SUBDIRS=", "KBUILD_EXTMOD="]
                    .iter()
                    .find_map(|start| word.strip_prefix(start)),
            };
            let Some(named) = named else { continue };
            let named = named.trim_matches(['"', '\'']);
            let folder = normal(&dir.join(named));
            let is_below = folder.starts_with(dir) && folder != dir;
            if is_below && seen.insert(folder.clone()) && has_modules(&folder) {
                folders.push(folder);
            }
        }
    }
    folders
}

/// The folders below `dir` whose makefiles name modules. Folders below such a folder are left out.
fn folders_with_modules(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut level = vec![dir.to_owned()];
    let mut looked_at = 0;
    for _ in 0..DEEPEST {
        let mut next = Vec::new();
        for folder in level {
            let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
            let mut below: Vec<PathBuf> = entries
                .filter(|e| e.file_type().is_ok_and(|kind| kind.is_dir()))
                .filter(|e| !e.file_name().as_encoded_bytes().starts_with(b"."))
                .map(|e| e.path())
                .collect();
            below.sort();
            for folder in below {
                looked_at += 1;
                if looked_at > MOST_FOLDERS {
                    return found;
                }
                match makefile_in(&folder).is_some() && has_modules(&folder) {
                    true => found.push(folder),
                    false => next.push(folder),
                }
            }
        }
        level = next;
    }
    found
}

/// Whether a value of `obj-…` names objects, and not only folders.
pub(crate) fn has_objects(value: &str) -> bool {
    // A word that only make can expand may be an object too.
    value.split_whitespace().any(|word| !word.ends_with('/'))
}

/// `CONFIG_FOO` of `obj-$(CONFIG_FOO)`.
pub(crate) fn switch_in(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("obj-$")?;
    let name = match rest.strip_prefix('(') {
        Some(rest) => rest.strip_suffix(')'),
        None => rest.strip_prefix('{')?.strip_suffix('}'),
    }?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(is_name)).then_some(name)
}
