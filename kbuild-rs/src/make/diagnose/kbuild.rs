//! Rules about the messages of kbuild and of make on the module tree and the kernel tree.

use super::rules::{Explains, Rule, between, example, has_any};
use crate::error::names::TREE_ROOT;

pub(super) static RULES: &[Rule] = &[
    Rule {
        name: "kernel-without-modules",
        explains: Explains::Line(
            |line| {
                let words = &[
                    "do not support CONFIG_MODULES",
                    "not have modules enabled",
                    "has modules disabled",
                    "disabled CONFIG_MODULES",
                ];
                has_any(line, words)
            },
            |_, facts| no_modules(&facts.release),
        ),
        examples: (
            example(
                "*** The present kernel configuration has modules disabled.",
                &["the kernel 6.1.0 was built without CONFIG_MODULES"],
            ),
            &[example(
                "*** The present kernel disabled CONFIG_MODULES.",
                &["CONFIG_MODULES"],
            )],
        ),
    },
    Rule {
        name: "file-name-that-fixdep-splits",
        explains: Explains::Line(
            |line| line.starts_with("fixdep: error opening file").then_some(""),
            |_, _| {
                "kbuild's fixdep splits file names at blanks, $ and colons. Rename the file or its \
                 folder"
                    .into()
            },
        ),
        examples: (
            example(
                "fixdep: error opening file: /s/sp: No such file or directory",
                &["Rename the file"],
            ),
            &[],
        ),
    },
    Rule {
        name: "missing-source",
        explains: Explains::Line(
            |line| between(line, "No rule to make target '", "'"),
            |found, _| {
                format!(
                    "the build needs {}, but the tree contains neither that file nor a source for \
                     it. Check its name. If it is above the module tree, name a folder above both \
                     as the tree root ({TREE_ROOT})",
                    found.subject
                )
            },
        ),
        examples: (
            example(
                "make[3]: *** No rule to make target '/s/none.o', needed by '/s/hello.o'.  Stop.",
                &["the build needs /s/none.o", "(--tree-root, "],
            ),
            &[],
        ),
    },
];

/// The message about a kernel without support for modules.
pub(crate) fn no_modules(release: &str) -> String {
    format!(
        "the kernel {release} was built without CONFIG_MODULES, so it cannot load modules. Build \
         against another kernel, or configure that one with CONFIG_MODULES=y"
    )
}
