//! What the makefiles and scripts of a tree ask of the machine.
//!
//! kbuild-rs does not know the answers that a `$(shell …)` got. `uname` is asked often and has few
//! answers, so these are in the key. A build that asks for the time or for a random name has other
//! products each time, and is not stored.

use std::path::Path;

use crate::kbuild::is_makefile;
use crate::run::Run;
use crate::run::decide::is_document;
use crate::stage::Item;

/// Programs whose answers differ from build to build.
const CHANGING: &[&str] = &[
    "date", "hostname", "mktemp", "uuidgen", "whoami", "nproc", "stat",
];

/// The questions of a tree's scripts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) uname: bool,
}

impl Run<'_> {
    /// The makefiles and scripts that a build may read or run, with their texts.
    pub(super) fn asking<'b>(
        &'b self,
        items: &'b [Item],
    ) -> impl Iterator<Item = (&'b Item, Vec<u8>)> {
        self.scripts(items).filter(|(item, _)| may_ask(&item.rel))
    }

    /// # Errors
    /// The reason why the tree's products cannot be stored.
    pub(super) fn asked_by_scripts(&self, items: &[Item]) -> Result<Asked, String> {
        let mut asked = Asked::default();
        for (item, text) in self.asking(items) {
            if let Some(program) = CHANGING.iter().find(|program| runs(&text, program)) {
                let file = self.resolved.stage.source_of(item);
                return Err(format!("{} runs `{program}`", file.display()));
            }
            asked.uname |= runs(&text, "uname");
        }
        Ok(asked)
    }
}

/// Whether a file may be part of a build. Documents (a license speaks of a "date") and the files of
/// DKMS, packages and services are none.
fn may_ask(rel: &Path) -> bool {
    const OTHERS: [&str; 4] = ["yml", "yaml", "spec", "service"];
    let extension = rel.extension().and_then(|e| e.to_str());
    is_makefile(rel)
        || !is_document(rel)
            && !rel.ends_with("dkms.conf")
            && extension.is_none_or(|e| !OTHERS.contains(&e))
}

/// Whether the text of a makefile or script seems to run a program.
fn runs(text: &[u8], program: &str) -> bool {
    let name = program.as_bytes();
    let mut places = text
        .windows(name.len())
        .enumerate()
        .filter(|(_, at)| *at == name);
    places.any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        let starts = before.last().is_none_or(|b| b" \t\n(`;|&@/\"'".contains(b));
        let ends = after.first().is_none_or(|b| b" \t\n)}`;|&\"'".contains(b));
        let line = before.rsplit(|&b| b == b'\n').next().unwrap_or_default();
        starts && ends && !line.trim_ascii_start().starts_with(b"#")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_and_the_files_of_packages_ask_nothing() {
        for name in ["COPYING", "doc/README", "dkms.conf", "x/ci.yml", "a.spec"] {
            assert!(!may_ask(Path::new(name)), "{name}");
        }
        for name in ["Kbuild", "Makefile", "a.mk", "x/gen", "gen.sh", ".version"] {
            assert!(may_ask(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn a_program_in_a_script_is_found_and_a_word_in_a_comment_is_not() {
        for text in [
            "V := $(shell date +%s)\n",
            "a: ; @date > $@",
            "x=`/bin/date`",
            "date",
            "V := ${shell date}",
            "\tcp a b && date\n",
        ] {
            assert!(runs(text.as_bytes(), "date"), "{text}");
        }
        for text in [
            "update: all",
            "# up to date\n",
            "validate date.h",
            "obj-m += date.o",
            "x-date",
        ] {
            assert!(!runs(text.as_bytes(), "date"), "{text}");
        }
    }
}
