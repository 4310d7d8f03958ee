//! Symbols that modpost does not find. All of them are explained together at the end of the build.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::BuildFacts;
use super::numbers::Numbers;
use super::rules::{Explains, Explanation, Rule, example, rules};
use crate::Symvers;

const MAX_SYMBOLS: usize = 6;

pub(super) static RULES: &[Rule] = &[
    Rule {
        name: "symbol-of-nearby-module",
        explains: Explains::Symbols(
            |symbol, nearby| provider(symbol, nearby).is_some(),
            |symbols, nearby, _| exported_nearby(symbols, nearby),
        ),
        examples: (
            example(
                "ERROR: modpost: \"ring_push\" [/s/hello.ko] undefined!",
                &[
                    "ring_push is exported by the module ring, ",
                    "/near.symvers\n(Build::symvers",
                ],
            )
            .with(&[(
                "near.symvers",
                "0x12345678\tring_push\t/s/ring\tEXPORT_SYMBOL\t\n",
            )]),
            &[],
        ),
    },
    Rule {
        name: "floating-point-function",
        explains: Explains::Symbols(
            |symbol, _| Numbers::of(symbol) == Some(Numbers::Floats),
            |symbols, _, _| vec![Numbers::Floats.explain(&list(symbols))],
        ),
        examples: (
            example(
                "ERROR: modpost: \"__muldf3\" [x.ko] undefined!",
                &["the compiler calls __muldf3 for floating-point"],
            ),
            &[],
        ),
    },
    Rule {
        name: "long-division-function",
        explains: Explains::Symbols(
            |symbol, _| Numbers::of(symbol) == Some(Numbers::Long),
            |symbols, _, _| vec![Numbers::Long.explain(&list(symbols))],
        ),
        examples: (
            example(
                "ERROR: modpost: \"__udivdi3\" [x.ko] undefined!\n\
                 ERROR: modpost: \"__divdi3\" [x.ko] undefined!",
                &["the compiler calls __divdi3, __udivdi3 to divide 64-bit"],
            ),
            &[],
        ),
    },
    Rule {
        name: "wide-integer-function",
        explains: Explains::Symbols(
            |symbol, _| Numbers::of(symbol) == Some(Numbers::Wide),
            |symbols, _, _| vec![Numbers::Wide.explain(&list(symbols))],
        ),
        examples: (
            example(
                "ERROR: modpost: \"__udivti3\" [x.ko] undefined!",
                &["the compiler calls __udivti3 for 128-bit"],
            ),
            &[],
        ),
    },
    Rule {
        name: "symbol-of-kernel-rust",
        explains: Explains::Symbols(
            // `kernel`, in rustc's mangled names.
            |symbol, _| symbol.starts_with("_R") && symbol.contains("6kernel"),
            |symbols, _, facts| {
                let (are, them) = match symbols {
                    [_] => ("is a symbol", "it"),
                    _ => ("are symbols", "them"),
                };
                vec![format!(
                    "{} {are} of the Rust code in the kernel {}, but the kernel tree's \
                     Module.symvers does not list {them}. This Module.symvers comes from another \
                     kernel, from a build without Rust, or from a build with another rustc. Take \
                     rust/*.rmeta and Module.symvers from the same build",
                    list(symbols),
                    facts.release
                )]
            },
        ),
        examples: (
            example(
                "ERROR: modpost: \"_RNvNtCsb5M_6kernel5print11call_printk\" [h.ko] undefined!",
                &["call_printk is a symbol of the Rust code in the kernel 6.1.0,"],
            ),
            &[],
        ),
    },
    Rule {
        name: "undefined-symbol",
        explains: Explains::Symbols(
            |_, _| true,
            |symbols, _, facts| {
                let (them, option) = match symbols {
                    [_] => ("it", "its CONFIG_ option is"),
                    _ => ("them", "their CONFIG_ options are"),
                };
                vec![format!(
                    "neither the kernel {} nor any module that this build knows exports {}. \
                     Check:\n  the spelling\n  that this kernel version still has {them}\n  that \
                     {option} on\nIf another module exports {them}, name the symvers of that \
                     module (--symvers, Build::symvers; in CMake, link to the module's target; in \
                     Meson, name the module in depends:)",
                    facts.release,
                    list(symbols)
                )]
            },
        ),
        examples: (
            example(
                "ERROR: modpost: \"ring_push\" [/s/hello.ko] undefined!",
                &[
                    "neither the kernel 6.1.0 nor any module that this build knows exports \
                     ring_push. ",
                    "(--symvers, ",
                ],
            ),
            &[example(
                "ERROR: modpost: hello.ko: symbol 'ring_push' undefined!",
                &["nor any module that this build knows exports ring_push."],
            )],
        ),
    },
];

/// `foo` of `ERROR: modpost: "foo" [hello.ko] undefined!`, since 7.3
/// `ERROR: modpost: hello.ko: symbol 'foo' undefined!`
pub(super) fn undefined(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("modpost: ")?;
    let rest = rest.rsplit_once(" undefined!")?.0;
    match rest.strip_prefix('"') {
        Some(rest) => rest.split('"').next(),
        None => rest
            .strip_suffix('\'')?
            .rsplit_once(" symbol '")
            .map(|s| s.1),
    }
}

/// The explanations of symbols that are not found, in the order of the rules.
pub(super) fn explain(symbols: &BTreeSet<String>, facts: &BuildFacts) -> Vec<Explanation> {
    let mut open: Vec<&str> = symbols.iter().map(String::as_str).collect();
    if open.is_empty() {
        return Vec::new();
    }
    let nearby = facts.nearby.iter();
    let nearby: Vec<Symvers> = nearby.filter_map(|path| Symvers::read(path).ok()).collect();
    let mut explanations = Vec::new();
    for rule in rules() {
        let Explains::Symbols(recognizes, explain) = rule.explains else {
            continue;
        };
        let (recognized, rest): (Vec<&str>, Vec<&str>) = open
            .into_iter()
            .partition(|symbol| recognizes(symbol, &nearby));
        open = rest;
        if !recognized.is_empty() {
            let texts = explain(&recognized, &nearby, facts).into_iter();
            explanations.extend(texts.map(|text| rule.explanation("", text)));
        }
    }
    explanations
}

/// The symvers nearby that lists a symbol, and the module that exports it.
fn provider<'a>(symbol: &str, nearby: &'a [Symvers]) -> Option<(&'a Path, &'a str)> {
    let find = |symvers: &'a Symvers| Some((symvers.path(), symvers.find(symbol)?.module));
    let (path, module) = nearby.iter().find_map(find)?;
    // Older kernels write the module's path at the time of its build.
    Some((path, module.rsplit('/').next().unwrap_or(module)))
}

/// One explanation for each module that exports some of the symbols.
fn exported_nearby(symbols: &[&str], nearby: &[Symvers]) -> Vec<String> {
    let mut exported: BTreeMap<(&Path, &str), Vec<&str>> = BTreeMap::new();
    for symbol in symbols {
        if let Some(provider) = provider(symbol, nearby) {
            exported.entry(provider).or_default().push(symbol);
        }
    }
    let explain = |((path, module), symbols): ((&Path, &str), Vec<&str>)| {
        format!(
            "{} {} exported by the module {module}, but this build does not have its symvers. Add \
             it:\n    --symvers {}\n(Build::symvers; in CMake, link to its target; in Meson, name \
             it in depends:)",
            list(&symbols),
            is_or_are(&symbols),
            path.display()
        )
    };
    exported.into_iter().map(explain).collect()
}

/// `a, b and 3 more`.
fn list(names: &[&str]) -> String {
    let shown = names.len().min(MAX_SYMBOLS);
    let mut text = names[..shown].join(", ");
    if names.len() > shown {
        text.push_str(&format!(" and {} more", names.len() - shown));
    }
    text
}

fn is_or_are(names: &[&str]) -> &'static str {
    match names {
        [_] => "is",
        _ => "are",
    }
}
