//! Tools that are missing, that died, or that ran into a limit.
//!
//! If a line ends with the system's words for a limit, the build fails. With `ulimit -u 14`, a
//! compiler probe could not fork, and the module had different bytes.

use super::rules::{Explains, Rule, example, has_any};
use crate::error::names::{BTF_BASE, CC, MAKE_VAR};
use crate::kernel::is_of_loader;
use crate::sys::limits;

pub(super) static RULES: &[Rule] = &[
    Rule {
        name: "limit-reached",
        explains: Explains::Line(
            |line| limits::explain(line).map(|_| ""),
            |found, _| limits::explain(found.line).unwrap_or_default(),
        ),
        examples: (
            example(
                "a.c:1:9: fatal error: x.h: Too many open files",
                &["the limit of open files (ulimit -n) is "],
            ),
            &[
                example(
                    "gcc: fatal error: cannot execute 'cc1': execv: Argument list too long",
                    &["a quarter of the stack (ulimit -s)"],
                ),
                // The rest depends on whether these limits are set.
                example("/bin/sh: 1: Cannot fork", &["raise "]),
                example("as: memory exhausted", &["memory"]),
            ],
        ),
    },
    Rule {
        name: "btf-skipped",
        explains: Explains::Harmless(
            // make shows the command with these words, too.
            |line| line.starts_with("Skipping BTF generation").then_some(""),
            |_, facts| {
                let (missing, advice) = match facts.has_chosen_btf {
                    true => (
                        "The base that kbuild-rs found cannot be used",
                        String::new(),
                    ),
                    false => (
                        "The kernel tree has no vmlinux",
                        format!(". To give it BTF from another place, choose a base ({BTF_BASE})"),
                    ),
                };
                format!(
                    "\"Skipping BTF generation\" is not an error. {missing}, so the module has no type \
                     information (BTF). The module works. Only BPF programs and debuggers that need \
                     its types notice the difference{advice}"
                )
            },
        ),
        examples: (
            example(
                "Skipping BTF generation for x.ko due to unavailability of vmlinux",
                &["is not an error"],
            ),
            &[],
        ),
    },
    Rule {
        name: "missing-libelf",
        explains: Explains::Line(
            |line| has_any(line, &["please install libelf-dev", "fatal error: gelf.h"]),
            |_, _| {
                "the kernel's objtool needs the headers of libelf. Install them. On Debian and \
                 Ubuntu:\n    apt install libelf-dev\nOn Fedora:\n    dnf install \
                 elfutils-libelf-devel"
                    .into()
            },
        ),
        examples: (
            example(
                "error: Cannot generate ORC metadata for CONFIG_UNWINDER_ORC=y, please install \
                 libelf-dev, libelf-devel or elfutils-libelf-devel",
                &["headers of libelf"],
            ),
            &[example(
                "elf.h:8:10: fatal error: gelf.h: No such file or directory",
                &["headers of libelf"],
            )],
        ),
    },
    Rule {
        name: "foreign-program",
        explains: Explains::Line(
            |line| {
                let is_foreign = line.ends_with(": Exec format error") || is_of_loader(line);
                is_foreign.then_some("")
            },
            |_, _| {
                "the build runs a program that does not work on this machine: it was built for \
                 another machine, or with a newer C library. If it belongs to the kernel tree, \
                 build in a container of that kernel's distribution. Or take that kernel's source, \
                 with its configuration, and build its programs here:\n    make modules_prepare"
                    .into()
            },
        ),
        examples: (
            example(
                "/bin/sh: 1: scripts/basic/fixdep: Exec format error",
                &["built for another machine"],
            ),
            &[example(
                "resolve_btfids: /lib/libc.so.6: version `GLIBC_2.38' not found (required by x)",
                &["newer C library"],
            )],
        ),
    },
    Rule {
        name: "missing-pahole",
        explains: Explains::Line(
            |line| missing_tool(line).filter(|tool| *tool == "pahole"),
            |_, _| {
                "pahole is missing. This kernel has CONFIG_DEBUG_INFO_BTF_MODULES=y, so the build \
                 uses pahole to give each module its type information (BTF). Install it. On Debian \
                 and Ubuntu:\n    apt install pahole\nOn older releases of Debian and Ubuntu:\n    \
                 apt install dwarves\nOn Fedora:\n    dnf install dwarves"
                    .into()
            },
        ),
        examples: (
            example(
                "/bin/sh: 1: pahole: not found",
                &["\n    apt install pahole\n", "\n    dnf install dwarves"],
            ),
            &[],
        ),
    },
    Rule {
        name: "incomplete-kernel-tree",
        explains: Explains::Line(
            |line| {
                let of_kernel = |tool: &&str| tool.starts_with('/') && tool.contains("/scripts/");
                missing_tool(line).filter(of_kernel)
            },
            |found, _| {
                format!(
                    "{} is a part of the kernel tree, but is missing. Install the package of \
                     headers again, or run this in that kernel's source:\n    make \
                     modules_prepare",
                    found.subject
                )
            },
        ),
        examples: (
            example(
                "/bin/sh: 1: /k/scripts/gendwarfksyms/gendwarfksyms: not found",
                &["/k/scripts/gendwarfksyms/gendwarfksyms is a part of the kernel tree"],
            ),
            &[],
        ),
    },
    Rule {
        name: "missing-tool",
        explains: Explains::Line(missing_tool, |found, _| {
            format!(
                "the program {} is missing. Install it, or name another one:\n  a compiler: \
                 {CC}\n  another tool: {MAKE_VAR}",
                found.subject
            )
        }),
        examples: (
            example("/bin/sh: 1: gcc-10: not found", &["program gcc-10"]),
            &[
                example(
                    "bash: line 1: gcc-10: command not found",
                    &["program gcc-10"],
                ),
                example(
                    "make[2]: gcc-10: No such file or directory",
                    &["program gcc-10"],
                ),
            ],
        ),
    },
    Rule {
        name: "compiler-probe-died",
        explains: Explains::Line(
            |line| has_any(line, &[super::super::probes::DIED]),
            |_, _| super::super::probes::explanation(),
        ),
        examples: (
            example(
                "/k/Makefile:3: *** kbuild-rs: the compiler probe for -fx died: signal 9.  Stop.",
                &["then build again"],
            ),
            &[],
        ),
    },
    Rule {
        name: "disk-full",
        explains: Explains::Line(
            |line| {
                let words = &["No space left on device", "not all data was written"];
                has_any(line, words)
            },
            |_, _| "the disk is full. Free some space, or choose another output directory".into(),
        ),
        examples: (
            example("as: x.o: No space left on device", &["disk is full"]),
            &[example(
                "fixdep: not all data was written to the output",
                &["disk is full"],
            )],
        ),
    },
];

/// `/bin/sh: 1: pahole: not found`, `bash: line 1: gcc-10: command not found`,
/// `make: gcc-10: No such file or directory`.
fn missing_tool(line: &str) -> Option<&str> {
    let rest = line
        .strip_suffix(": command not found")
        .or_else(|| line.strip_suffix(": not found"))
        .or_else(|| {
            line.starts_with("make")
                .then(|| line.strip_suffix(": No such file or directory"))?
        })?;
    let tool = rest.rsplit(": ").next()?.trim();
    (!tool.is_empty() && !tool.contains(' ')).then_some(tool)
}
