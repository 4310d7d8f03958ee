//! Rules about the messages of C compilers.

use super::headers;
use super::rules::{Explains, Rule, between, example};

pub(super) static RULES: &[Rule] = &[
    Rule {
        name: "large-stack-frame",
        explains: Explains::Line(
            |line| {
                // The words of gcc, then those of clang.
                let is_large = line.contains("[-W")
                    && line.contains("frame-larger-than")
                    && (line.contains(": the frame size of ")
                        || line.contains(": stack frame size ("));
                is_large.then_some("")
            },
            |_, _| {
                "a kernel thread has about 16 KiB of stack in all, so this kernel limits what one \
                 function may use (CONFIG_FRAME_WARN). Put large arrays and structs on the \
                 heap:\n    buffer = kmalloc(size, GFP_KERNEL);\n    kfree(buffer);"
                    .into()
            },
        ),
        examples: (
            example(
                "a.c:4:1: error: the frame size of 5008 bytes is larger than 2048 bytes \
                 [-Werror=frame-larger-than=]",
                &["kmalloc(size"],
            ),
            &[example(
                "a.c:4:1: error: stack frame size (5008) exceeds limit (2048) in 'x' \
                 [-Werror,-Wframe-larger-than]",
                &["kmalloc(size"],
            )],
        ),
    },
    Rule {
        name: "missing-header",
        explains: Explains::Line(
            |line| between(line, "fatal error: ", ": No such file or directory"),
            |found, facts| headers::explain(found.subject, facts),
        ),
        examples: (
            example(
                "a.c:1:10: fatal error: x.h: No such file or directory",
                &["the header x.h was not found. If it is in a folder of the tree, "],
            ),
            &[
                example(
                    "a.c:1:10: fatal error: stdint.h: No such file or directory",
                    &["own header instead:\n    #include <linux/types.h>\n"],
                )
                .with(&[("Kbuild", "obj-m := a.o\n")]),
                example(
                    "a.c:1:10: fatal error: stdint.h: No such file or directory",
                    &["ccflags-y += -I$(src)/compat"],
                )
                .with(&[("compat/stdint.h", "")]),
                example(
                    "a.c:1:10: fatal error: own.h: No such file or directory",
                    &["The tree has one of that name:\n    ccflags-y += -I$(src)"],
                )
                .with(&[("own.h", "")]),
                example(
                    "a.c:1:10: fatal error: x.h: No such file or directory",
                    &[
                        "TopDIR is make's working directory. Before 6.13, ",
                        "--make-var 'TopDIR={staged_dir}'",
                    ],
                )
                .with(&[
                    (
                        "Makefile",
                        "TopDIR ?= $(shell pwd)\nccflags-y += -I$(TopDIR)/inc\n",
                    ),
                    ("inc/x.h", ""),
                ]),
                example(
                    "a.c:1:10: fatal error: x.h: No such file or directory",
                    &["the makefile only sets TOP in the part for a direct call of make"],
                )
                .with(&[
                    (
                        "Makefile",
                        "ifneq ($(KERNELRELEASE),)\nobj-m := a.o\nccflags-y := -I$(TOP)/inc\nelse\n\
                         TOP := $(PWD)\nall:\n\tmake -C x M=$(TOP)\nendif\n",
                    ),
                    ("inc/x.h", ""),
                ]),
            ],
        ),
    },
];
