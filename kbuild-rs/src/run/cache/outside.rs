//! Questions about files that are neither in the tree nor among the files that a build is known to read.
//!
//! A makefile may ask the kernel's headers with `grep` what the kernel has, or look for a file with
//! `$(wildcard …)`, and a source may ask `__has_include`. No list has the answers, so such a build is not
//! stored.

use crate::run::Run;
use crate::stage::Item;
use crate::sys::regular;

/// Functions of make that read files or run programs.
const ASKING: &[&[u8]] = &[b"(shell ", b"(wildcard ", b"(file "];

/// The beginnings of variables that name the kernel tree.
const KERNEL: &[&[u8]] = &[
    b"KDIR",
    b"KERN",
    b"KSRC",
    b"KBUILD_OUTPUT",
    b"LINUX",
    b"objtree",
    b"srctree",
];

/// Absolute paths that are no question.
const HARMLESS: &[&[u8]] = &[b"/bin/", b"/usr/bin/", b"/dev/null"];

impl Run<'_> {
    /// # Errors
    /// The file that asks.
    pub(super) fn refuse_questions(&self, items: &[Item]) -> Result<(), String> {
        let shown = |item: &Item| self.resolved.stage.source_of(item).display().to_string();
        if let Some((item, _)) = self.scripts(items).find(|(_, text)| asks_outside(text)) {
            return Err(format!(
                "{} asks for files outside of the tree",
                shown(item)
            ));
        }
        for item in items.iter().filter(|item| item.rel.extension().is_some()) {
            let text = regular::read(self.resolved.stage.file(&item.rel)).unwrap_or_default();
            if contains(&text, b"__has_include") {
                return Err(format!("{} asks `__has_include`", shown(item)));
            }
        }
        Ok(())
    }
}

/// Whether a function of make in this makefile gets an absolute path or a path in the kernel tree.
fn asks_outside(text: &[u8]) -> bool {
    (0..text.len()).any(|at| {
        let asking = ASKING.iter().find(|name| text[at..].starts_with(name));
        asking.is_some_and(|name| is_outside(argument(&text[at + name.len()..])))
    })
}

/// The text up to the bracket that ends the function, or to the end of the line.
fn argument(text: &[u8]) -> &[u8] {
    let mut depth = 0_usize;
    let end = text.iter().position(|byte| {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 0 => return true,
            b')' => depth -= 1,
            _ => {}
        }
        *byte == b'\n'
    });
    &text[..end.unwrap_or(text.len())]
}

fn is_outside(argument: &[u8]) -> bool {
    (0..argument.len()).any(|at| {
        let (before, rest) = (argument[..at].last(), &argument[at..]);
        let starts_word = before.is_none_or(|b| b" \t'\"`=<>(,;|&".contains(b));
        let is_path = starts_word && rest.starts_with(b"/");
        let is_variable =
            matches!(before, Some(b'(' | b'{')) && KERNEL.iter().any(|name| rest.starts_with(name));
        is_variable || is_path && !HARMLESS.iter().any(|path| rest.starts_with(path))
    })
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_about_files_outside_of_the_tree_are_told_from_others() {
        for text in [
            "X := $(shell grep -c word $(srctree)/include/linux/a.h)",
            "X := $(shell cat /etc/version)",
            "X := $(shell test -e ${KDIR}/a && echo y)",
            "ifneq ($(wildcard /usr/src/a.h),)",
            "X := $(file </etc/version)",
            "X := $(if $(wildcard $(KERNEL_SRC)/a.h),y)",
        ] {
            assert!(asks_outside(text.as_bytes()), "{text}");
        }
        for text in [
            "KDIR ?= /lib/modules/$(shell uname -r)/build",
            "X := $(shell cat $(src)/version)\nY := /etc",
            "X := $(shell /bin/sh $(src)/a.sh 2>/dev/null)",
            "X := $(wildcard $(src)/*.c)/a",
            "X := $(KDIR)/a",
        ] {
            assert!(!asks_outside(text.as_bytes()), "{text}");
        }
    }
}
