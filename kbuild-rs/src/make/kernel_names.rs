//! The variables that a kernel's own makefiles set and use when they build a module.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Kernel;

/// Makefiles that no module build reads. Their variables (`version`, `TAR`) are free.
const OTHERS: &[&str] = &[
    "Makefile.asm-generic",
    "Makefile.asm-headers",
    "Makefile.defconf",
    "Makefile.dtbinst",
    "Makefile.dtbs",
    "Makefile.headersinst",
    "Makefile.modinst",
    "Makefile.modsign",
    "Makefile.package",
    "Makefile.um",
    "Makefile.vdsoinst",
    "Makefile.vmlinux",
    "Makefile.vmlinux_a",
    "Makefile.vmlinux_o",
];

pub(super) struct KernelNames {
    makefiles: Vec<(PathBuf, String)>,
}

impl KernelNames {
    pub(super) fn read(kernel: &Kernel) -> Self {
        let source = kernel.source_dir();
        let mut names = KernelNames {
            makefiles: Vec::new(),
        };
        names.read_file(source.join("Makefile"));
        names.read_folder(&source.join("scripts"));
        names.read_folder(&source.join("arch").join(kernel.arch()));
        names
    }

    /// A makefile that sets the variable.
    pub(super) fn set_by(&self, name: &str) -> Option<&Path> {
        let sets = |line: &str| assigned(line) == Some(name);
        self.with(name, sets)
    }

    pub(super) fn uses(&self, name: &str) -> bool {
        self.with(name, |line| used(line).any(|used| used == name))
            .is_some()
    }

    /// The first makefile with a line that holds the name and passes `wanted`.
    fn with(&self, name: &str, wanted: impl Fn(&str) -> bool) -> Option<&Path> {
        let is =
            |line: &str| line.contains(name) && !line.trim_start().starts_with('#') && wanted(line);
        // Most names are in no makefile, and a search of the whole text finds that out quickly.
        let has = |text: &str| text.contains(name) && text.lines().any(is);
        let found = self.makefiles.iter().find(|(_, text)| has(text));
        found.map(|(path, _)| path.as_path())
    }

    fn read_folder(&mut self, dir: &Path) {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let is_makefile = name.starts_with("Makefile")
                || ["Kbuild.include", "subarch.include"].contains(&&*name);
            if is_makefile && !OTHERS.contains(&&*name) {
                self.read_file(entry.path());
            }
        }
    }

    fn read_file(&mut self, path: PathBuf) {
        let text = fs::read(&path).unwrap_or_default();
        let text = String::from_utf8(text)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        self.makefiles.push((path, text));
    }
}

/// The variable that a line sets: `export A := b`, `define a`, `%.o: private A = b`.
pub(super) fn assigned(line: &str) -> Option<&str> {
    const LEADS: &[&str] = &["export", "override", "private", "unexport"];
    if line.starts_with('\t') {
        return None;
    }
    let words = |text| str::split_whitespace(text).filter(|word| !LEADS.contains(word));
    let mut first = words(line);
    if first.next() == Some("define") {
        return first.next().map(name_of);
    }
    let left = line
        .split_once('=')?
        .0
        .trim_end_matches([':', '?', '+', '!']);
    // In a target-specific assignment, the variable follows the targets.
    let last = words(left).next_back()?;
    let is_alone = words(left).count() == 1 || left.contains(':');
    let name = name_of(last);
    (is_alone && !name.is_empty() && name == last).then_some(name)
}

/// The variables in a line: `$(A)`, `${A:.o=.c}`, `$(call a,…)`, `ifdef A`.
pub(super) fn used(line: &str) -> impl Iterator<Item = &str> {
    const AHEAD: &[&str] = &["call", "origin", "value", "flavor"];
    let asked = line.trim_start();
    let asked = ["ifdef ", "ifndef "]
        .iter()
        .find_map(|word| asked.strip_prefix(word));
    let references = line.match_indices('$').filter_map(move |(at, _)| {
        let rest = line[at + 1..].strip_prefix(['(', '{'])?;
        let name = name_of(rest);
        match AHEAD.contains(&name) {
            true => Some(name_of(rest[name.len()..].trim_start())),
            false => Some(name),
        }
    });
    let all = references.chain(asked.map(|rest| name_of(rest.trim())));
    all.filter(|name| !name.is_empty())
}

/// The name at the start of a text.
fn name_of(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "_-.".contains(c)));
    &text[..end.unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_told_from_commands_and_rules() {
        for (line, name) in [
            ("A := b", "A"),
            ("  export A-b.c ?= d", "A-b.c"),
            ("override A :=", "A"),
            ("A+=b", "A"),
            ("define filechk_x", "filechk_x"),
            ("$(obj)/%.o: private is-x = y", "is-x"),
            ("all: export A := b", "A"),
        ] {
            assert_eq!(assigned(line), Some(name), "{line}");
        }
        for line in [
            "\techo A=b",
            "ifeq ($(A),b)",
            "$(call f,A=b)",
            "all: b",
            "$(A) := b",
            "export A",
        ] {
            assert_eq!(assigned(line), None, "{line}");
        }
    }

    #[test]
    fn uses_are_found_wherever_they_are() {
        let found: Vec<_> = used("\t$(Q)${A:.o=.c} $(call f,$(filter b,$(c))) $$(d) $@").collect();
        assert_eq!(found, ["Q", "A", "f", "filter", "c", "d"]);
        assert_eq!(used("  ifndef A").collect::<Vec<_>>(), ["A"]);
        assert_eq!(used("ifeq ($(origin V),x)").collect::<Vec<_>>(), ["V"]);
    }
}
