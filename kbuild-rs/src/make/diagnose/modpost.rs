//! Words of modpost: licenses, namespaces, and symbols that nobody exports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::numbers::Numbers;
use super::{Explained, Knowledge, between};
use crate::Symvers;

const MAX_SYMBOLS: usize = 6;

pub(super) fn explain(line: &str, _: &Knowledge) -> Explained {
    if line.contains("missing MODULE_LICENSE()") {
        return Some((
            "license".into(),
            "every module must say its license. In C, add MODULE_LICENSE(\"GPL\"); to one of its \
             sources; in Rust, add license: \"GPL\", to module! { … }. Name the license that the \
             module really has"
                .into(),
        ));
    }
    if line.contains("uses GPL-only symbol") {
        return Some((
            "gpl".into(),
            "a GPL-only symbol is one that is exported with EXPORT_SYMBOL_GPL: only a module whose \
             MODULE_LICENSE is GPL-compatible (\"GPL\", \"Dual MIT/GPL\", …) may use it"
                .into(),
        ));
    }
    if line.contains("would cause module name conflict") {
        return Some((
            "conflict".into(),
            "two modules of one name: the kernel can only load one of them. Rename one".into(),
        ));
    }
    if line.contains("parse error in symbol dump file") {
        return Some((
            "symvers".into(),
            "a Module.symvers is damaged: build the kernel or the provider that wrote it again"
                .into(),
        ));
    }
    if let Some(told) = namespace(line) {
        return Some(told);
    }
    if let Some((object, command)) = without_command(line) {
        return Some((
            format!("command {object}"),
            format!(
                "modpost reads the .cmd file of each object, but {object} has none, because a rule \
                 of the module tree makes it. Add this line to that rule, for an empty file:\n\t\
                 touch $(@D)/{command}"
            ),
        ));
    }
    None
}

/// A symbol whose namespace the module does not import, or must not import.
fn namespace(line: &str) -> Explained {
    // In quotes since 7.3.
    let imported = between(line, "from namespace ", ", but does not import it");
    let forbidden = between(line, "importing namespace ", " is not allowed");
    let namespace = imported.or(forbidden)?.replace('\'', "");
    let text = match namespace.strip_prefix("module:") {
        Some(modules) => format!(
            "the symbol is only exported to certain modules (EXPORT_SYMBOL_FOR_MODULES: \
             {modules}), and MODULE_IMPORT_NS does not change that. Use another symbol or, if the \
             provider is yours, add this module to its list"
        ),
        None => format!(
            "add MODULE_IMPORT_NS({namespace}); to the module (from 6.13 on the name is a string: \
             MODULE_IMPORT_NS(\"{namespace}\");)"
        ),
    };
    Some((format!("namespace {namespace}"), text))
}

/// (the object, the name of its `.cmd` file) of `/s/.foo.o.cmd: No such file or directory`.
fn without_command(line: &str) -> Option<(String, &str)> {
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

/// `foo` of `ERROR: modpost: "foo" [hello.ko] undefined!`, since 7.3
/// `ERROR: modpost: hello.ko: symbol 'foo' undefined!`
pub(super) fn undefined_symbol(line: &str) -> Option<&str> {
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

/// One explanation for each module that exports some of them, and one for the rest.
pub(super) fn explain_undefined(symbols: &BTreeSet<String>, know: &Knowledge) -> Vec<String> {
    let nearby: Vec<Symvers> = know
        .nearby
        .iter()
        .filter_map(|path| Symvers::read(path).ok())
        .collect();
    let mut exported: BTreeMap<(&Path, &str), Vec<&str>> = BTreeMap::new();
    let mut unknown = Vec::new();
    for symbol in symbols {
        let found = nearby
            .iter()
            .find_map(|symvers| Some((symvers.path(), symvers.find(symbol)?.module)))
            // Older kernels write the path that the module was built in.
            .map(|(path, module)| (path, module.rsplit('/').next().unwrap_or(module)));
        match found {
            Some(by) => exported.entry(by).or_default().push(symbol),
            None => unknown.push(symbol.as_str()),
        }
    }
    let mut texts = Vec::new();
    for ((path, module), symbols) in exported {
        let (names, are) = sentence(&symbols);
        texts.push(format!(
            "{names} {are} exported by the module {module}, whose symvers this build was not \
             given: add {} (--symvers, Build::symvers; in CMake, link to its target; in Meson, \
             name it in depends:)",
            path.display()
        ));
    }
    for numbers in Numbers::ALL {
        let of_compiler = |symbol: &&&str| Numbers::of(symbol) == Some(numbers);
        let symbols: Vec<&str> = unknown.iter().filter(of_compiler).copied().collect();
        if !symbols.is_empty() {
            texts.push(numbers.explain(&sentence(&symbols).0));
        }
    }
    unknown.retain(|symbol| Numbers::of(symbol).is_none());
    // `kernel`, in the names that rustc gives.
    let (of_rust, unknown): (Vec<&str>, Vec<&str>) = unknown
        .into_iter()
        .partition(|symbol| symbol.starts_with("_R") && symbol.contains("6kernel"));
    if !of_rust.is_empty() {
        let (names, are) = sentence(&of_rust);
        texts.push(format!(
            "{names} {are} Rust of the kernel {} itself, but its Module.symvers does not list \
             that. The file is from a build with another rustc or without Rust, or from another \
             kernel: take rust/*.rmeta and Module.symvers from one build",
            know.release
        ));
    }
    if !unknown.is_empty() {
        let (names, are) = sentence(&unknown);
        texts.push(format!(
            "{names} {are} exported neither by the kernel {} nor by any module this build knows \
             of: check the name, whether this kernel version still has it, whether the option \
             that brings it is on (kbuild-rs kernels), or name the provider's symvers (--symvers, \
             Build::symvers; in CMake, link to the provider's target; in Meson, name it in \
             depends:)",
            know.release
        ));
    }
    texts
}

/// `a, b and 3 more`, and the verb that goes with it.
fn sentence(names: &[&str]) -> (String, &'static str) {
    let are = if names.len() == 1 { "is" } else { "are" };
    let shown = names.len().min(MAX_SYMBOLS);
    let mut text = names[..shown].join(", ");
    if names.len() > shown {
        text.push_str(&format!(" and {} more", names.len() - shown));
    }
    (text, are)
}
