//! Finds places where the release of the running kernel decides what kbuild builds.
//!
//! A makefile often serves `make` by hand too, but its recipes and the path of the running kernel's
//! tree do not matter to kbuild. So the release is followed from `uname -r` through variables and
//! conditions to something that kbuild reads: flags, objects, an included file.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::kbuild::{
    ALWAYS_SET, Conditional, Folder, Form, Line, Makefiles, Statement, conditional, used,
};

/// A variable that carries the release, and the placeholder that a caller may set it to.
type Setting = Option<(String, &'static str)>;

/// A place where `uname -r` decides the build.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnameUse {
    pub(super) makefile: PathBuf,
    /// The number of the line.
    pub(super) line: u32,
    /// The variable that carries the release to the line.
    pub(super) variable: Setting,
}

/// The first such place in each makefile. `is_given` tells whether an assignment (`?` for `?=`) has
/// no effect, because the caller sets the variable.
pub(super) fn uname_uses(
    makefiles: &Makefiles,
    is_given: &dyn Fn(&str, char) -> bool,
) -> Vec<UnameUse> {
    let mut found: Vec<UnameUse> = Vec::new();
    for folder in &makefiles.folders {
        let mut tracker = Tracker {
            is_given,
            dependent: BTreeMap::new(),
            conditions: Vec::new(),
            definition: None,
        };
        for (makefile, line, variable) in tracker.decisions(folder) {
            if found.iter().all(|known| known.makefile != makefile) {
                found.push(UnameUse {
                    makefile: makefile.to_owned(),
                    line,
                    variable,
                });
            }
        }
    }
    found
}

/// Follows the release through the lines of a folder's makefiles.
struct Tracker<'a> {
    is_given: &'a dyn Fn(&str, char) -> bool,
    /// Variables that depend on the release. Each has the variable that a caller may set instead:
    /// itself, or the one that it comes from.
    dependent: BTreeMap<String, Setting>,
    /// The conditions around the line.
    conditions: Vec<Condition>,
    /// The variable of the `define` around the line.
    definition: Option<String>,
}

struct Condition {
    /// The makefile of the line. If the release decides whether a file is included, the report is
    /// about the `include`.
    makefile: u32,
    /// The source of the release in this condition, or in one of the branches before it.
    depends: Option<Setting>,
}

impl Tracker<'_> {
    /// Each line at which the release decides: (makefile, number of the line, the variable that
    /// carries the release).
    fn decisions<'f>(&mut self, folder: &'f Folder) -> Vec<(&'f Path, u32, Setting)> {
        let mut decisions = Vec::new();
        for line in &folder.lines {
            if line.form == Form::Condition {
                self.follow_condition(line);
            } else if !line.is_by_hand {
                let around = self.conditions.iter().rev();
                let around = around.filter(|c| c.makefile == line.makefile);
                let depends = around.fold(self.brought_by(&line.text), |depends, condition| {
                    joined(depends, condition.depends.clone())
                });
                let decides = self.take(line, depends.as_ref());
                if let Some(variable) = depends.filter(|_| decides) {
                    let makefile = folder.makefile_of(line);
                    decisions.push((makefile, line.number, variable));
                }
            }
        }
        decisions
    }

    /// Follows a line. Returns whether kbuild's part depends on it. `depends` is the source of the
    /// release in the conditions around it.
    fn take(&mut self, line: &Line, depends: Option<&Setting>) -> bool {
        match line.form {
            Form::Condition => return false,
            Form::Recipe { is_of_kbuild } => return is_of_kbuild,
            Form::Defined => {
                let name = self.definition.as_ref();
                if let Some(name) = name.filter(|_| self.brought_by(&line.text).is_some()) {
                    self.dependent.insert(name.clone(), None);
                }
                return false;
            }
            Form::Statement => {}
        }
        match line.statement() {
            Statement::Assignment { name, how, value } => {
                self.assign(name, how, value, depends);
                is_of_kbuild(name)
            }
            Statement::Include(_) => true,
            Statement::Call(text) => ["$(shell", "$(eval", "$(error"]
                .iter()
                .any(|call| text.starts_with(call)),
            Statement::Definition(name) => {
                self.definition = Some(name.to_owned());
                false
            }
            Statement::Rule(_) => false,
        }
    }

    /// The source of the release in a text, if there is one. It has the variable that a caller may
    /// set, if there is one.
    fn brought_by(&self, text: &str) -> Option<Setting> {
        let used: BTreeSet<&str> = used(text).collect();
        let used = used.iter().filter_map(|name| self.dependent.get(*name));
        let used: Vec<&Setting> = used.collect();
        let asks = ["uname -r", "uname --kernel-release"]
            .iter()
            .any(|call| text.contains(call));
        (asks || !used.is_empty()).then(|| used.into_iter().flatten().next().cloned())
    }

    fn assign(&mut self, name: &str, how: char, value: &str, depends: Option<&Setting>) {
        // kbuild's own variables are set already, and a variable on make's command line wins.
        let stays = (self.is_given)(name, how) || (how == '?' && ALWAYS_SET.contains(&name));
        if stays {
            return;
        }
        if let Some(from) = depends {
            let own = placeholder_for(value).filter(|_| !ALWAYS_SET.contains(&name));
            let setting = own.map(|placeholder| (name.to_owned(), placeholder));
            self.dependent
                .insert(name.to_owned(), setting.or_else(|| from.clone()));
        } else if matches!(how, ':' | '=') {
            self.dependent.remove(name);
        }
    }

    fn follow_condition(&mut self, line: &Line) {
        match conditional(line.text.trim()) {
            Some(Conditional::If(text)) => {
                let condition = Condition {
                    makefile: line.makefile,
                    depends: self.asked_by(text),
                };
                self.conditions.push(condition);
            }
            Some(Conditional::Else(text)) => {
                let depends = self.asked_by(text);
                if let Some(last) = self.conditions.last_mut() {
                    last.depends = joined(depends, last.depends.take());
                }
            }
            Some(Conditional::End) => drop(self.conditions.pop()),
            None => {}
        }
    }

    /// The source of the release in a condition.
    fn asked_by(&self, text: &str) -> Option<Setting> {
        // `ifdef` names a variable without a reference.
        let asked = text.strip_prefix("ifdef").or(text.strip_prefix("ifndef"));
        let asked = asked.and_then(|name| self.dependent.get(name.trim()));
        self.brought_by(text).or_else(|| asked.cloned())
    }
}

/// The first of two sources of the release; a source that names a variable goes before one that
/// does not.
fn joined(first: Option<Setting>, second: Option<Setting>) -> Option<Setting> {
    match (first, second) {
        (Some(None), Some(second)) => Some(second),
        (first, second) => first.or(second),
    }
}

/// Whether kbuild reads the variable itself.
fn is_of_kbuild(name: &str) -> bool {
    const NAMES: &[&str] = &["always", "hostprogs", "userprogs", "targets"];
    const STARTS: &[&str] = &[
        "obj-",
        "lib-",
        "subdir-",
        "always-",
        "extra-",
        "hostprogs-",
        "ccflags",
        "asflags",
        "ldflags",
        "rustflags",
        "cppflags",
        "CFLAGS_",
        "AFLAGS_",
        "LDFLAGS_",
        "RUSTFLAGS_",
        "EXTRA_",
        "KBUILD_",
        "KCFLAGS",
        "KAFLAGS",
        "HOSTCFLAGS",
        "LINUXINCLUDE",
        "CONFIG_",
    ];
    const ENDS: &[&str] = &["-y", "-m", "-objs"];
    NAMES.contains(&name)
        || STARTS.iter().any(|start| name.starts_with(start))
        || ENDS.iter().any(|end| name.ends_with(end))
        || name.contains("-$")
}

/// The placeholder for the value that a makefile derives from `uname -r`.
fn placeholder_for(value: &str) -> Option<&'static str> {
    let value = value.trim();
    let ends = |ends: &[&str]| ends.iter().any(|end| value.ends_with(end));
    if matches!(
        value,
        "$(shell uname -r)" | "`uname -r`" | "${shell uname -r}"
    ) {
        Some("{release}")
    } else if ends(&["/build", "/build/"]) {
        Some("{kernel_dir}")
    } else if ends(&["/source", "/source/"]) {
        Some("{kernel_source}")
    } else {
        None
    }
}
