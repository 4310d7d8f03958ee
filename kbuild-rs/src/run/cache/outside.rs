//! Questions about files that are neither in the tree nor among the files that a build is known to read.
//!
//! A makefile may ask the kernel's headers with `grep` what the kernel has, or look for a file with
//! `$(wildcard …)`, and a source may ask `__has_include`. No list has the answers, so such a build is not
//! stored.

use crate::kbuild::is_makefile;
use crate::run::Run;
use crate::stage::Item;
use crate::sys::regular;

/// Functions of make that read files or run programs.
const ASKING: &[&[u8]] = &[b"shell", b"wildcard", b"file"];

/// The beginnings of variables that name the kernel tree, in capitals and without `ABS_`.
const KERNEL: &[&[u8]] = &[
    b"KDIR",
    b"KERN",
    b"KSRC",
    b"KBUILD_OUTPUT",
    b"KBUILD_SRC",
    b"LINUX",
    b"OBJTREE",
    b"SRCTREE",
];

/// Variables with such a beginning that name no file.
const VERSIONS: &[&[u8]] = &[b"KERNELRELEASE", b"KERNELVERSION"];

/// Absolute paths that are no question.
const HARMLESS: &[&[u8]] = &[b"/bin/", b"/usr/bin/", b"/dev/null"];

/// Relative paths that lead into the kernel tree, where make works before Linux 6.13, or out of the
/// module tree.
const RELATIVE: &[&[u8]] = &[
    b"include/",
    b"arch/",
    b"scripts/",
    b"../",
    b".config",
    b"Module.symvers",
];

impl Run<'_> {
    /// # Errors
    /// The file that asks.
    pub(super) fn refuse_questions(&self, items: &[Item]) -> Result<(), String> {
        let shown = |item: &Item| self.resolved.stage.source_of(item).display().to_string();
        let asks = |item: &Item, text: &[u8]| {
            let text = joined(text);
            let is_makefile = is_makefile(&item.rel);
            asks_outside(&text) || is_makefile && text.split(|&b| b == b'\n').any(line_asks)
        };
        if let Some((item, _)) = self.asking(items).find(|(item, text)| asks(item, text)) {
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

/// The text with each line that ends with a backslash joined to the next one.
fn joined(text: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'\n' if joined.last() == Some(&b'\\') => {
                joined.pop();
                joined.push(b' ');
            }
            _ => joined.push(byte),
        }
    }
    joined
}

/// Whether a function of make in this text gets an absolute path or a path in the kernel tree.
fn asks_outside(text: &[u8]) -> bool {
    let calls = (1..text.len()).filter(|&at| b"({".contains(&text[at - 1]));
    let mut arguments = calls.filter_map(|at| {
        let name = ASKING.iter().find(|name| text[at..].starts_with(name))?;
        let rest = &text[at + name.len()..];
        rest.first()
            .is_some_and(|b| b" \t".contains(b))
            .then(|| argument(rest))
    });
    arguments.any(is_outside)
}

/// Whether a line of a makefile asks outside of functions: with `NAME != command`, or with a recipe that
/// names the kernel tree. The calls of make in `make -C $(KDIR)` are no question.
fn line_asks(line: &[u8]) -> bool {
    if let Some(at) = find(line, b"!=") {
        let name = words(&line[..at]).last();
        if name.is_some_and(is_name) && is_outside(&line[at + 2..]) {
            return true;
        }
    }
    let recipe = match line.first() {
        Some(b'\t') => line,
        Some(b'#') | None => return false,
        // `target: sources; command`
        Some(_) => match (find(line, b":"), find(line, b";")) {
            (Some(colon), Some(end)) if colon < end => &line[end + 1..],
            _ => return false,
        },
    };
    !is_no_command(recipe)
        && recipe
            .split(|b| b";&|".contains(b))
            .any(|command| !calls_make(command) && names_kernel(command))
}

/// Whether an indented line is an assignment or a directive.
fn is_no_command(line: &[u8]) -> bool {
    const DIRECTIVES: &[&[u8]] = &[
        b"include",
        b"-include",
        b"sinclude",
        b"ifeq",
        b"ifneq",
        b"else",
        b"export",
        b"#",
    ];
    const ASSIGN: &[&[u8]] = &[b"=", b":=", b"::=", b"+=", b"?="];
    let first = words(line).next().unwrap_or_default();
    let second = words(line).nth(1).unwrap_or_default();
    DIRECTIVES.contains(&first)
        || first.starts_with(b"#")
        || is_name(first) && ASSIGN.contains(&second)
}

fn calls_make(command: &[u8]) -> bool {
    let is_make = |word: &[u8]| {
        let word = word.trim_ascii_start();
        let word = word.strip_prefix(b"@").unwrap_or(word);
        [&b"$(MAKE)"[..], b"${MAKE}", b"make"].contains(&word)
    };
    words(command).any(is_make)
}

/// The words of a line.
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|b| b" \t".contains(b))
        .filter(|word| !word.is_empty())
}

fn is_name(word: &[u8]) -> bool {
    word.iter()
        .all(|b| b.is_ascii_alphanumeric() || b"_-.$(){}".contains(b))
}

/// The text up to the bracket that ends the function, or to the end of the line.
fn argument(text: &[u8]) -> &[u8] {
    let mut depth = 0_usize;
    let end = text.iter().position(|byte| {
        match byte {
            b'(' | b'{' => depth += 1,
            b')' | b'}' if depth == 0 => return true,
            b')' | b'}' => depth -= 1,
            _ => {}
        }
        *byte == b'\n'
    });
    &text[..end.unwrap_or(text.len())]
}

fn is_outside(argument: &[u8]) -> bool {
    let is_path = (0..argument.len()).any(|at| {
        let (before, rest) = (argument[..at].last(), &argument[at..]);
        let starts_word = before.is_none_or(|b| b" \t'\"`=<>(,;|&".contains(b));
        let begins = |paths: &[&[u8]]| paths.iter().any(|path| rest.starts_with(path));
        starts_word && (begins(RELATIVE) || rest.starts_with(b"/") && !begins(HARMLESS))
    });
    is_path || names_kernel(argument)
}

/// Whether a text has a variable that names the kernel tree.
fn names_kernel(text: &[u8]) -> bool {
    const LONGEST: usize = 32;
    let variables = (1..text.len()).filter(|&at| b"({".contains(&text[at - 1]));
    variables
        .map(|at| text[at..].iter().take(LONGEST))
        .any(|name| {
            let name: Vec<u8> = name.map(u8::to_ascii_uppercase).collect();
            let name = name.strip_prefix(b"ABS_").unwrap_or(&name);
            let begins = |names: &[&[u8]]| names.iter().any(|known| name.starts_with(known));
            begins(KERNEL) && !begins(VERSIONS)
        })
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    find(text, word).is_some()
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(text: &str) -> bool {
        let text = joined(text.as_bytes());
        asks_outside(&text) || text.split(|&b| b == b'\n').any(line_asks)
    }

    #[test]
    fn questions_about_files_outside_of_the_tree_are_told_from_others() {
        for text in [
            "X := $(shell grep -c word $(srctree)/include/linux/a.h)",
            "X := $(shell \\\n  grep -c word \\\n  $(abs_srctree)/include/linux/a.h)",
            "X := $(shell\tgrep -c word $(KBUILD_SRC)/include/linux/a.h)",
            "X := ${shell cat ${kdir}/.config}",
            "X := $(shell cat /etc/version)",
            "X := $(shell test -e ${KDIR}/a && echo y)",
            "ifneq ($(wildcard /usr/src/a.h),)",
            "ifneq ($(wildcard include/linux/a.h),)",
            "X := $(file </etc/version)",
            "X := $(if $(wildcard $(KERNEL_SRC)/a.h),y)",
            "X != cat /etc/version",
            "export X != cat $(KDIR)/.config",
            "gen.h: ; grep -c word $(srctree)/a.h >$@",
            "gen.h:\n\tgrep -c word $(KDIR)/a.h >$@",
            "gen.h:\n\t$(MAKE) x && grep -c word $(KDIR)/a.h >$@",
        ] {
            assert!(asks(text), "{text}");
        }
        for text in [
            "KDIR ?= /lib/modules/$(shell uname -r)/build",
            "X := $(shell cat $(src)/version)\nY := /etc",
            "X := $(shell /bin/sh $(src)/a.sh 2>/dev/null)",
            "X := $(shell echo $(KERNELRELEASE))",
            "X := $(wildcard $(src)/*.c)/a",
            "X := $(wildcard $(src)/include/*.h)",
            "X := $(KDIR)/a",
            "if [ \"$x\" != /etc ]; then",
            "all:\n\t$(MAKE) -C $(KDIR) M=$(CURDIR) modules",
            "all:\n\t@make -C ${KDIR} \\\n\t\tM=$(CURDIR) modules",
            "ifeq (a,a)\n\tccflags-y += -I$(srctree)/drivers/a\nendif",
        ] {
            assert!(!asks(text), "{text}");
        }
    }
}
