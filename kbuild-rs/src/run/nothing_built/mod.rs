//! Why a module tree gave no module, read from its makefiles.

mod dkms;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::request::Sources;
use super::run::Run;
use crate::makefile::{Assignment, Makefiles, makefile_in};
use crate::{Error, ErrorKind, Kernel};
pub(super) use dkms::Dkms;

/// How many levels and how many folders are searched for modules below a folder without any.
const DEEPEST: usize = 3;
const MOST_FOLDERS: usize = 1000;
/// How many folders, words or variables one message names.
const MOST_NAMED: usize = 4;

impl Run<'_> {
    /// The error of a build that succeeded without a module.
    pub(super) fn nothing_built(&self) -> Error {
        let r = self.request;
        let advice = match &r.sources {
            Sources::Tree { .. } => {
                let looked = Looked {
                    dir: &r.make.module_dir,
                    kernel: &r.kernel,
                    given: &self.build.make_vars,
                    shown: &|path| r.map.source(path),
                };
                looked.advice()
            }
            Sources::Declared(_) => String::new(),
        };
        Error::new(
            ErrorKind::NothingBuilt,
            format!(
                "{} builds no module for {}: kbuild found nothing in obj-m{advice}",
                r.label,
                r.kernel.release()
            ),
        )
    }
}

/// A module folder that was looked at.
struct Looked<'a> {
    dir: &'a Path,
    kernel: &'a Kernel,
    /// The variables on make's command line.
    given: &'a [(String, std::ffi::OsString)],
    /// The path that a person knows a file by.
    shown: &'a dyn Fn(&Path) -> PathBuf,
}

impl Looked<'_> {
    fn advice(&self) -> String {
        let makefiles = Makefiles::of(self.dir);
        let objects: Vec<_> = makefiles.assignments().filter(names_objects).collect();
        let mut text = self.switches(&objects);
        if text.is_empty() {
            text = self.conditions(&objects);
        }
        if text.is_empty() {
            text = leads_below(self.dir, self.shown).unwrap_or_default();
        }
        if text.is_empty() && objects.iter().any(|a| has_objects(a.value)) {
            text = ". Its makefiles put objects into obj-y, which is for the kernel itself. Name \
                    modules in obj-m, as in `obj-m := foo.o`"
                .to_owned();
        }
        if text.is_empty() {
            text = format!(
                ". Its Kbuild must name a module, as in `obj-m := foo.o` (in {})",
                (self.shown)(self.dir).display()
            );
        }
        text + &Dkms::advice(self.dir, self.shown)
    }

    /// The variables that decide whether there is a module, and that are not `m`.
    fn switches(&self, objects: &[Assignment<'_>]) -> String {
        let mut said = BTreeSet::new();
        let mut text = String::new();
        for object in objects.iter().filter(|a| !a.value.is_empty()) {
            let Some(name) = switch(object.name) else {
                continue;
            };
            let value = self.value(name);
            // kbuild enters a folder with either value.
            let is_on = match value.as_deref() {
                Some("m") => true,
                Some("y") => !has_objects(object.value),
                _ => false,
            };
            if is_on || !said.insert(name) || said.len() > MOST_NAMED {
                continue;
            }
            let is = match &value {
                None => "is not set".to_owned(),
                Some(value) => format!("is {value:?}"),
            };
            let set = match name.strip_prefix("CONFIG_") {
                Some(option) => format!(
                    "--config {option}=m\n(Build::config(\"{option}\", Config::Module); in CMake, \
                     MAKE_VARIABLES {name}=m; in Meson, make_variables: '{name}=m')"
                ),
                None => format!(
                    "--make-var {name}=m\n(Build::make_var; in CMake, MAKE_VARIABLES {name}=m; in \
                     Meson, make_variables: '{name}=m')"
                ),
            };
            let (does, when) = match has_objects(object.value) {
                true => ("builds", format!("as a module only if {name} is m")),
                false => ("enters", format!("only if {name} is m or y")),
            };
            text += &format!(
                ". {} {does} {} {when}, but it {is}. Set it:\n    {set}",
                (self.shown)(object.makefile).display(),
                first_words(object.value),
            );
        }
        text
    }

    /// The value of a variable, if it is known without make.
    fn value(&self, name: &str) -> Option<String> {
        let given = self.given.iter().rev().find(|(given, _)| given == name);
        let of_kernel = || {
            let option = name.strip_prefix("CONFIG_")?;
            self.kernel.config(option).map(str::to_owned)
        };
        given
            .map(|(_, value)| value.to_string_lossy().into_owned())
            .or_else(of_kernel)
    }

    /// Modules that makefiles name under a condition.
    fn conditions(&self, objects: &[Assignment<'_>]) -> String {
        let mut modules = objects
            .iter()
            .filter(|a| a.name == "obj-m" && has_objects(a.value));
        let Some((module, condition)) = modules.find_map(|a| Some((a, a.condition?))) else {
            return String::new();
        };
        format!(
            ". {} names {} under the condition `{condition}`, which is false. Set its variables \
             (--make-var, --config)",
            (self.shown)(module.makefile).display(),
            first_words(module.value),
        )
    }
}

/// Whether kbuild takes objects from the variable.
fn names_objects(assignment: &Assignment<'_>) -> bool {
    assignment.name.starts_with("obj-")
}

fn has_objects(value: &str) -> bool {
    // A word that only make can expand may be an object too.
    value.split_whitespace().any(|word| !word.ends_with('/'))
}

/// `CONFIG_FOO` of `obj-$(CONFIG_FOO)`.
fn switch(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("obj-$")?;
    let name = match rest.strip_prefix('(') {
        Some(rest) => rest.strip_suffix(')'),
        None => rest.strip_prefix('{')?.strip_suffix('}'),
    }?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(is_name)).then_some(name)
}

fn first_words(value: &str) -> String {
    let words: Vec<&str> = value.split_whitespace().collect();
    match words.len() > MOST_NAMED {
        true => format!("{} …", words[..MOST_NAMED].join(" ")),
        false => words.join(" "),
    }
}

/// Names the folders below `dir` that name modules. The makefile of `dir` itself may be for `make`
/// by hand, and only call another one.
pub(super) fn leads_below(dir: &Path, shown: &dyn Fn(&Path) -> PathBuf) -> Option<String> {
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
        .any(|a| (a.name == "obj-m" || switch(a.name).is_some()) && has_objects(a.value))
}

/// How makefiles and their recipes name the folder that make was called in.
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

/// The folders that a makefile calls another make in: `$(MAKE) -C src`, `M=$(PWD)/src`, `cd src`.
fn called_folders(dir: &Path) -> Vec<PathBuf> {
    let Some(text) = makefile_in(dir).and_then(|path| crate::regular::read(path).ok()) else {
        return Vec::new();
    };
    let text = String::from_utf8_lossy(&text).replace("\\\n", " ");
    let mut folders = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().to_owned();
        let line = HERE.iter().fold(line, |line, here| line.replace(here, "."));
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
            let folder = crate::files::normal(&dir.join(named));
            let is_below = folder.starts_with(dir) && folder != dir;
            if is_below && !folders.contains(&folder) && has_modules(&folder) {
                folders.push(folder);
            }
        }
    }
    folders
}

/// The folders below `dir` whose makefiles name modules. Folders below these are left out.
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
