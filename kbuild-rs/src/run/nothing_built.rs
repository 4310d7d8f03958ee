//! The reason why a module tree built no module, from its makefiles.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Run;
use crate::error::Advice;
use crate::error::names::MAKE_VAR;
use crate::kbuild::{Assignment, Dkms, Makefiles, folders_advice, has_objects, switch_in};
use crate::resolve::Sources;
use crate::{Error, ErrorKind, Kernel};

/// The largest number of folders, words or variables in one message.
const MOST_NAMED: usize = 4;

impl Run<'_> {
    /// The error of a build that succeeded without a module.
    pub(crate) fn nothing_built(&self) -> Error {
        let r = self.resolved;
        let advice = match &r.sources {
            Sources::Tree { .. } => {
                let tree = TreeWithoutModule {
                    dir: r.module_dir(),
                    kernel: r.kernel(),
                    given: &r.make.given,
                    shown: &|path| r.make.map.source(path),
                };
                tree.advice()
            }
            Sources::Declared(_) => String::new(),
        };
        Error::new(
            ErrorKind::NothingBuilt,
            format!(
                "{} builds no module for {}: kbuild found nothing in obj-m{advice}",
                r.label,
                r.kernel().release()
            ),
        )
        .advise(Advice::new(
            "no-module",
            advice.trim_start_matches(['.', ' ']),
        ))
    }
}

/// A module tree from which kbuild built nothing.
struct TreeWithoutModule<'a> {
    dir: &'a Path,
    kernel: &'a Kernel,
    /// The variables on make's command line.
    given: &'a [(String, std::ffi::OsString)],
    /// The path by which the user knows a file.
    shown: &'a dyn Fn(&Path) -> PathBuf,
}

impl TreeWithoutModule<'_> {
    fn advice(&self) -> String {
        let makefiles = Makefiles::of(self.dir);
        let objects: Vec<_> = makefiles.assignments().filter(names_objects).collect();
        let mut text = self.switches(&objects);
        if text.is_empty() {
            text = self.conditions(&objects);
        }
        if text.is_empty() {
            text = folders_advice(self.dir, self.shown).unwrap_or_default();
        }
        if text.is_empty() && objects.iter().any(|a| has_objects(a.value)) {
            text = ". Its makefiles put objects into obj-y, which is for the kernel itself. Name \
                    modules in obj-m:\n    obj-m := foo.o"
                .to_owned();
        }
        if text.is_empty() {
            text = format!(
                ". The Kbuild in {} must name a module:\n    obj-m := foo.o",
                (self.shown)(self.dir).display()
            );
        }
        text + &Dkms::advice(self.dir, self.shown)
    }

    /// The variables that decide whether there is a module and whose value is not `m`.
    fn switches(&self, objects: &[Assignment<'_>]) -> String {
        let mut named = BTreeSet::new();
        let mut text = String::new();
        for object in objects.iter().filter(|a| !a.value.is_empty()) {
            let Some(name) = switch_in(object.name) else {
                continue;
            };
            let value = self.value(name);
            // kbuild enters a folder with either value.
            let is_on = match value.as_deref() {
                Some("m") => true,
                Some("y") => !has_objects(object.value),
                _ => false,
            };
            if is_on || !named.insert(name) || named.len() > MOST_NAMED {
                continue;
            }
            let is = match &value {
                None => "is not set".to_owned(),
                Some(value) => format!("is {value:?}"),
            };
            let set = match name.strip_prefix("CONFIG_") {
                Some(option) => format!(
                    "--config {option}=m\n(Build::config(\"{option}\", Config::Module); in CMake, \
                     CONFIG {option}=m; in Meson, config: {{'{option}': 'm'}})"
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
             ({MAKE_VAR}; for CONFIG_ symbols --config, Build::config, CONFIG, config)",
            (self.shown)(module.makefile).display(),
            first_words(module.value),
        )
    }
}

/// Whether kbuild takes objects from the variable.
fn names_objects(assignment: &Assignment<'_>) -> bool {
    assignment.name.starts_with("obj-")
}

fn first_words(value: &str) -> String {
    let words: Vec<&str> = value.split_whitespace().collect();
    match words.len() > MOST_NAMED {
        true => format!("{} …", words[..MOST_NAMED].join(" ")),
        false => words.join(" "),
    }
}
