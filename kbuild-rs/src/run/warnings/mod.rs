//! Warnings about habits of Makefiles.

mod ignored_flags;

use std::fs;
use std::path::{Path, PathBuf};

use super::Run;
use crate::kbuild::{Decision, Follower};
use crate::resolve::Sources;
use crate::stage::Item;
use crate::sys::{normal, regular};

impl Run<'_> {
    /// Warns if the release of the running kernel decides what kbuild makes, and the build is for
    /// another kernel.
    pub(crate) fn warn_of_habits(&self, items: &[Item]) {
        let r = self.resolved;
        let running = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let Sources::Tree { root, dir, .. } = &r.sources else {
            return;
        };
        if running.trim() == r.kernel().release() {
            return;
        }
        let is_given = |name: &str, how: char| {
            let mut environment = r.make.command.env.iter();
            r.make
                .command
                .variables
                .iter()
                .any(|(known, _)| known == name)
                || (how == '?' && environment.any(|(known, _)| known == name))
        };
        let reading = Reading {
            run: self,
            items,
            module: dir.strip_prefix(root).unwrap_or(Path::new("")),
            is_given: &is_given,
        };
        for decision in reading.decisions() {
            self.resolved.sink.warning(&format!(
                "{}:{}: `uname -r` decides here what is built. It names the running kernel {}, but \
                 this build is for {}. Use $(KERNELRELEASE) or $(VERSION){}",
                decision.makefile.display(),
                decision.line,
                running.trim(),
                r.kernel().release(),
                match decision.variable {
                    Some((name, placeholder)) => format!(
                        ", or set {name} for this build:\n    --make-var \
                         '{name}={placeholder}'\n(Build::make_var; in CMake, MAKE_VARIABLES; in \
                         Meson, make_variables)"
                    ),
                    None => String::new(),
                }
            ));
        }
    }
}

/// Reads the makefiles that kbuild reads.
struct Reading<'a> {
    run: &'a Run<'a>,
    items: &'a [Item],
    /// The module folder, below the staged root.
    module: &'a Path,
    is_given: &'a dyn Fn(&str, char) -> bool,
}

impl Reading<'_> {
    fn decisions(&self) -> Vec<Decision> {
        let mut decisions = Vec::new();
        let mut open = vec![self.module.to_owned()];
        let mut seen = open.clone();
        while let Some(folder) = open.pop() {
            let files = ["Kbuild", "Makefile"].map(|name| folder.join(name));
            let Some(file) = files.into_iter().find(|file| self.has(file)) else {
                continue;
            };
            // kbuild starts another make for each folder, with its own variables.
            let included = |word: &str| Some(self.read(&self.included(word, &folder)?));
            let mut follower = Follower::new(self.is_given, &included);
            let (path, text) = self.read(&file);
            follower.read(&path, &text);
            for word in &follower.folders {
                let below = normal(&folder.join(word));
                if !seen.contains(&below) && self.has(&below) {
                    seen.push(below.clone());
                    open.push(below);
                }
            }
            decisions.extend(follower.decisions);
        }
        decisions
    }

    /// The staged file behind a word of an `include`.
    fn included(&self, word: &str, folder: &Path) -> Option<PathBuf> {
        let bare = match word.rsplit_once([')', '}']) {
            Some((_, rest)) => rest.trim_start_matches('/'),
            None => word,
        };
        let mut places = [folder, self.module].into_iter();
        places.find_map(|place| Some(normal(&place.join(bare))).filter(|file| self.has(file)))
    }

    fn has(&self, rel: &Path) -> bool {
        self.item(rel).is_some()
    }

    fn item(&self, rel: &Path) -> Option<&Item> {
        let wanted = rel.as_os_str();
        let items = self.items;
        let found = items.binary_search_by(|item| item.rel.as_os_str().cmp(wanted));
        found.ok().map(|at| &self.items[at])
    }

    /// Its path for people, and its text.
    fn read(&self, rel: &Path) -> (PathBuf, String) {
        let Some(item) = self.item(rel) else {
            return (rel.to_owned(), String::new());
        };
        let path = self.run.resolved.stage.source_of(item);
        let text = regular::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        (path, text)
    }
}
