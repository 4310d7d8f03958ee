//! Rules about modpost's messages on one line: licenses, namespaces, and files that it does not
//! find.

use super::rules::{Explains, Rule, between, example, has_any};

pub(super) static RULES: &[Rule] = &[
    Rule {
        name: "missing-license",
        explains: Explains::Line(
            |line| has_any(line, &["missing MODULE_LICENSE()"]),
            |_, _| {
                "every module must declare its license. In C, add this line to one of the sources, \
                 with the license that the module really has:\n    MODULE_LICENSE(\"GPL\");\nIn \
                 Rust, add this line to module! { … }:\n    license: \"GPL\","
                    .into()
            },
        ),
        examples: (
            example(
                "ERROR: modpost: missing MODULE_LICENSE() in x.o",
                &["MODULE_LICENSE(\"GPL\")"],
            ),
            &[],
        ),
    },
    Rule {
        name: "gpl-only-symbol",
        explains: Explains::Line(
            |line| has_any(line, &["uses GPL-only symbol"]),
            |_, _| {
                "EXPORT_SYMBOL_GPL exports this symbol, so only modules with a GPL-compatible \
                 MODULE_LICENSE (\"GPL\", \"Dual MIT/GPL\", …) may use it. If the license of your \
                 module is one of these, write it into MODULE_LICENSE. Otherwise, use another \
                 symbol"
                    .into()
            },
        ),
        examples: (
            example(
                "FATAL: modpost: GPL-incompatible module x.ko uses GPL-only symbol 'y'",
                &["EXPORT_SYMBOL_GPL"],
            ),
            &[],
        ),
    },
    Rule {
        name: "module-name-conflict",
        explains: Explains::Line(
            |line| has_any(line, &["would cause module name conflict"]),
            |_, _| {
                "two modules have the same name, but the kernel can only load one of them. Rename \
                 one"
                .into()
            },
        ),
        examples: (
            example(
                "error: the following would cause module name conflict:",
                &["two modules have the same name"],
            ),
            &[],
        ),
    },
    Rule {
        name: "damaged-symvers",
        explains: Explains::Line(
            |line| has_any(line, &["parse error in symbol dump file"]),
            |_, _| {
                "a Module.symvers is damaged. Build the kernel or the module that wrote it again"
                    .into()
            },
        ),
        examples: (
            example(
                "FATAL: modpost: parse error in symbol dump file",
                &["Module.symvers is damaged"],
            ),
            &[],
        ),
    },
    Rule {
        name: "symbol-for-certain-modules",
        explains: Explains::Line(
            |line| namespace(line)?.strip_prefix("module:"),
            |found, _| {
                format!(
                    "EXPORT_SYMBOL_FOR_MODULES exports the symbol to these modules only: {}. \
                     MODULE_IMPORT_NS does not help. Use another symbol. If you can change the \
                     module that exports it, add this module to its list",
                    found.subject
                )
            },
        ),
        examples: (
            example(
                "ERROR: modpost: u.ko: module uses symbol 'ring' from namespace 'module:a,b', but \
                 does not import it.",
                &["to these modules only: a,b."],
            ),
            &[
                example(
                    "ERROR: modpost: module u uses symbol ring from namespace module:a,b, but does \
                     not import it.",
                    &["to these modules only: a,b."],
                ),
                example(
                    "ERROR: modpost: u.ko: explicitly importing namespace 'module:a,b' is not \
                     allowed.",
                    &["to these modules only: a,b."],
                ),
            ],
        ),
    },
    Rule {
        name: "namespace-not-imported",
        explains: Explains::Line(namespace, |found, _| {
            format!(
                "the module uses a symbol of the namespace {0}. Import the namespace in one of the \
                 sources. For kernel 6.13 and newer:\n    MODULE_IMPORT_NS(\"{0}\");\nFor older \
                 kernels:\n    MODULE_IMPORT_NS({0});",
                found.subject
            )
        }),
        examples: (
            example(
                "ERROR: modpost: module x uses symbol y from namespace NS, but does not import it.",
                &[
                    "\n    MODULE_IMPORT_NS(NS);",
                    "\n    MODULE_IMPORT_NS(\"NS\");\n",
                ],
            ),
            &[example(
                "ERROR: modpost: hello.ko: module uses symbol 'a' from namespace 'RING', but does \
                 not import it.",
                &["\n    MODULE_IMPORT_NS(RING);"],
            )],
        ),
    },
    Rule {
        name: "object-without-cmd-file",
        explains: Explains::Line(
            |line| cmd_file(line).map(|_| line),
            |found, _| {
                let (object, name) = cmd_file(found.line).unwrap_or_default();
                format!(
                    "modpost reads the .cmd file of each object, but {object} has none, because a \
                     rule of the module tree makes it. Add this line to that rule. It creates an \
                     empty .cmd file:\n\ttouch $(@D)/{name}"
                )
            },
        ),
        examples: (
            example(
                "/s/sub/.blob.o.cmd: No such file or directory",
                &["/s/sub/blob.o has none", "touch $(@D)/.blob.o.cmd"],
            ),
            &[example(
                ".blob.o.cmd: No such file or directory",
                &["but blob.o has none"],
            )],
        ),
    },
];

/// The namespace that the module does not import, or must not import. It is in quotes since 7.3.
fn namespace(line: &str) -> Option<&str> {
    let imported = between(line, "from namespace ", ", but does not import it");
    let forbidden = between(line, "importing namespace ", " is not allowed");
    Some(imported.or(forbidden)?.trim_matches('\''))
}

/// (the object, the name of its `.cmd` file) of `/s/.foo.o.cmd: No such file or directory`.
fn cmd_file(line: &str) -> Option<(String, &str)> {
    let path = line.strip_suffix(": No such file or directory")?;
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let object = name.strip_prefix('.')?.strip_suffix(".cmd")?;
    if path.contains(": ") {
        return None;
    }
    let object = match folder {
        "" => object.to_owned(),
        folder => format!("{folder}/{object}"),
    };
    Some((object, name))
}
