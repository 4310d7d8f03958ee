//! What the makefiles and scripts of a tree ask of the machine.
//!
//! kbuild-rs does not know the answers that a `$(shell …)` got. `uname` is asked often and has few
//! answers, so these are in the key. A build that asks for the time or for a random name has other
//! products each time, and is not stored.

use crate::run::Run;
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
    /// # Errors
    /// The reason why the tree's products cannot be stored.
    pub(super) fn asked_by_scripts(&self, items: &[Item]) -> Result<Asked, String> {
        let mut asked = Asked::default();
        for (item, text) in self.scripts(items) {
            if let Some(program) = CHANGING.iter().find(|program| runs(&text, program)) {
                let file = self.resolved.stage.source_of(item);
                return Err(format!("{} runs `{program}`", file.display()));
            }
            asked.uname |= runs(&text, "uname");
        }
        Ok(asked)
    }
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
        let ends = after.first().is_none_or(|b| b" \t\n)`;|&\"'".contains(b));
        let line = before.rsplit(|&b| b == b'\n').next().unwrap_or_default();
        starts && ends && !line.trim_ascii_start().starts_with(b"#")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_in_a_script_is_found_and_a_word_in_a_comment_is_not() {
        for text in [
            "V := $(shell date +%s)\n",
            "a: ; @date > $@",
            "x=`/bin/date`",
            "date",
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
