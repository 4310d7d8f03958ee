//! Failures understood: what a line of kbuild's output means and what to do about it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::message::Level;
use crate::{Symvers, limits};

/// What is known besides the output: who exports what.
#[derive(Debug, Default)]
pub(crate) struct Knowledge {
    /// Symvers of modules built nearby, which the build was not told of.
    pub(crate) nearby: Vec<PathBuf>,
    /// The kernel's name, for sentences.
    pub(crate) release: String,
}

/// Listens to the output of one make.
#[derive(Debug, Default)]
pub(crate) struct Diagnosis {
    /// Explanations, each said once, in order of appearance.
    explanations: Vec<String>,
    said: BTreeSet<String>,
    /// The symbols that modpost did not find.
    undefined: BTreeSet<String>,
    /// The first lines that report an error.
    errors: Vec<String>,
    /// What make adds to an error: the rule that failed, which is in the kernel's makefiles.
    rules: Vec<String>,
    /// A tool ended by a signal, or by a limit of this process: what it was writing cannot be trusted,
    /// whatever make thinks.
    cut_off: bool,
}

/// Enough for a person to see what it is about; the rest was streamed.
const MAX_ERRORS: usize = 12;
const MAX_SYMBOLS: usize = 6;

impl Diagnosis {
    /// Looks at a line; the answer is a hint that should follow it at once.
    pub(super) fn hear(&mut self, line: &str, level: Level, know: &Knowledge) -> Option<String> {
        if level == Level::Error {
            let lines = match is_rule(line) {
                true => &mut self.rules,
                false => &mut self.errors,
            };
            if lines.len() < MAX_ERRORS {
                lines.push(line.to_owned());
            }
            if let Some(symbol) = undefined_symbol(line) {
                self.undefined.insert(symbol.to_owned());
            }
        }
        // A probe of the compiler that could not run is an answer to make.
        self.cut_off |= tells_of_a_signal(line) || limits::explain(line).is_some();
        let (key, text) = explain(line, know)?;
        if !self.said.insert(key) {
            return None;
        }
        // What does not fail the build is explained where it stands.
        if level != Level::Error && (level == Level::Warning || text == BTF_SKIPPED) {
            return Some(text);
        }
        self.explanations.push(text);
        None
    }

    pub(super) fn was_cut_off(&self) -> bool {
        self.cut_off
    }

    /// The end of an error message: the original lines, then what they mean.
    pub(super) fn summary(&self, know: &Knowledge) -> String {
        let mut text = String::new();
        let lines = match self.errors.is_empty() {
            true => &self.rules,
            false => &self.errors,
        };
        for line in lines {
            text.push_str("\n  ");
            text.push_str(line);
        }
        let undefined = explain_undefined(&self.undefined, know);
        for explanation in undefined.iter().chain(&self.explanations) {
            text.push_str("\n\n");
            text.push_str(explanation);
        }
        text
    }
}

/// `make[1]: *** [Makefile:255: hello.o] Error 1` and the like: true of every failure.
fn is_rule(line: &str) -> bool {
    line.strip_prefix("make")
        .and_then(|rest| rest.split_once("*** "))
        .is_some_and(|(_, what)| {
            what.starts_with("Waiting for ")
                || what.starts_with("Deleting ")
                || (what.starts_with('[') && what.contains("] Error "))
        })
}

/// `foo` of `ERROR: modpost: "foo" [hello.ko] undefined!`, since 7.3
/// `ERROR: modpost: hello.ko: symbol 'foo' undefined!`
fn undefined_symbol(line: &str) -> Option<&str> {
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

const BTF_SKIPPED: &str = "\"Skipping BTF generation\" is not an error: the kernel tree has no \
    vmlinux to describe types against. The module works; only BPF programs and debuggers that \
    want its types miss them";

/// A shell's and make's words for a child that a signal ended, or that could not be started. Compilers quote source lines, which
/// may hold the same words: only a whole line counts, or one that begins as a shell's does.
fn tells_of_a_signal(line: &str) -> bool {
    const WORDS: &[&str] = &[
        "Killed",
        "Terminated",
        "Segmentation fault",
        "Bus error",
        "Illegal instruction",
        "Floating point exception",
        "Aborted",
    ];
    // dash: `Killed`; bash: `/bin/sh: line 1:  4242 Killed                  pahole -J …`.
    let of_bash = || -> Option<&str> {
        let (_, rest) = line.split_once(": line ")?;
        let (number, rest) = rest.split_once(": ")?;
        let (pid, rest) = rest.trim_start().split_once(' ')?;
        let is_number = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
        (is_number(number) && is_number(pid)).then_some(rest)
    };
    let by_shell = match of_bash() {
        Some(rest) => WORDS.iter().any(|w| rest.starts_with(w)),
        None => WORDS.contains(&line.trim_end_matches(" (core dumped)")),
    };
    // make prints `Error 137` for a shell that died of signal 9.
    let by_make = line.starts_with("make")
        && line
            .rsplit_once("Error ")
            .and_then(|(_, code)| code.trim_end_matches(" (ignored)").parse::<u32>().ok())
            .is_some_and(|code| (129..=192).contains(&code));
    // dash: `/bin/sh: 1: Cannot fork`; bash: `sh: fork: Cannot allocate memory`.
    let no_child = line.split_once("sh: ").is_some_and(|(shell, what)| {
        let goes_on = what.starts_with("fork: retry: ") || shell.contains(' ');
        !goes_on && (what.ends_with(": Cannot fork") || what.starts_with("fork: "))
    });
    by_shell
        || by_make
        || no_child
        || line.contains("signal terminated program")
        || line.contains(super::probes::DIED)
}

/// (a key that is the same for the same cause, the explanation)
fn explain(line: &str, know: &Knowledge) -> Option<(String, String)> {
    let between = |a: &str, b: &str| -> Option<String> {
        let from = line.find(a)? + a.len();
        Some(line[from..from + line[from..].find(b)?].to_owned())
    };
    if let Some(text) = limits::explain(line) {
        return Some(("limit".into(), text));
    }
    if line.contains("Skipping BTF generation") {
        return Some(("btf".into(), BTF_SKIPPED.to_owned()));
    }
    if line.contains("missing MODULE_LICENSE()") {
        return Some((
            "license".into(),
            "every module must say its license: add MODULE_LICENSE(\"GPL\"); (or the one that \
             is true) to one of its sources, or to module! { … } of Rust license: \"GPL\","
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
            "two modules of one name: the kernel can load only one of them; rename one".into(),
        ));
    }
    if line.contains("parse error in symbol dump file") {
        return Some((
            "symvers".into(),
            "a Module.symvers is damaged, the kernel tree's or a provider's: build the kernel or \
             the module that wrote it again"
                .into(),
        ));
    }
    if line.contains("from namespace") && line.contains("does not import it") {
        // In quotes since 7.3.
        let namespace = between("from namespace ", ",")?.replace('\'', "");
        return Some((
            format!("namespace {namespace}"),
            format!(
                "add MODULE_IMPORT_NS({namespace}); to the module (from 6.13 on the name is a string: MODULE_IMPORT_NS(\"{namespace}\");)"
            ),
        ));
    }
    if line.contains("please install libelf-dev") || line.contains("fatal error: gelf.h") {
        return Some((
            "libelf".into(),
            "the kernel's objtool needs the headers of libelf: install libelf-dev (Debian, \
             Ubuntu) or elfutils-libelf-devel (Fedora)"
                .into(),
        ));
    }
    if line.contains("do not support CONFIG_MODULES")
        || line.contains("not have modules enabled")
        || line.contains("has modules disabled")
        || line.contains("disabled CONFIG_MODULES")
    {
        return Some(("modules".into(), no_modules(&know.release)));
    }
    if let Some(tool) = missing_tool(line) {
        let text = match tool.as_str() {
            "pahole" => "pahole is missing, and this kernel wants BTF in its modules: install \
                         the package dwarves (Debian, Ubuntu: pahole or dwarves)"
                .to_owned(),
            tool if tool.starts_with('/') && tool.contains("/scripts/") => format!(
                "{tool} is a part of the kernel tree, which is not whole: `make modules_prepare` \
                 in that kernel's source makes it, or install the package of headers again"
            ),
            tool => format!(
                "the program {tool} is missing; install it, or name another one (--cc for a \
                 compiler, --make-var for a tool)"
            ),
        };
        return Some((format!("tool {tool}"), text));
    }
    if line.contains("can't find crate for `core`")
        || line.contains("` which `kernel` depends on")
        || line.contains("incompatible version of rustc")
        || line.contains("rror loading target specification")
        || (line.contains("target.json") && line.contains("does not exist"))
    {
        return Some((
            "rustc".into(),
            format!(
                "Rust modules take the rustc that built the kernel {}, no other one, and a kernel \
                 tree with the metadata of the kernel's crates (rust/*.rmeta): name that rustc \
                 (--rustc, Build::rustc; in a build script, the feature `rust` of kbuild-rs looks \
                 for it); `kbuild-rs kernels` tells which trees have Rust",
                know.release
            ),
        ));
    }
    if let Some(text) = super::rustc::not_copied(line) {
        return Some((text.clone(), text));
    }
    if line.contains(super::probes::DIED) {
        return Some(("probe".into(), super::probes::explanation()));
    }
    if line.contains("No space left on device") || line.contains("not all data was written") {
        return Some((
            "space".into(),
            "the disk is full: free some space, or choose another output directory".into(),
        ));
    }
    if line.starts_with("fixdep: error opening file") {
        return Some((
            "fixdep".into(),
            "kbuild's fixdep takes names of files apart at blanks, $ and colons: rename the \
             one that is meant, or its folder"
                .into(),
        ));
    }
    if line.contains("No rule to make target '") {
        let target = between("No rule to make target '", "'")?;
        return Some((
            format!("rule {target}"),
            format!(
                "the build asks for {target}, and neither it nor a source for it is in the \
                 tree: check its name, or whether a folder above is needed (--root)"
            ),
        ));
    }
    if line.contains("fatal error: ") && line.contains("No such file or directory") {
        let header = between("fatal error: ", ": No such file")?;
        return Some((
            format!("header {header}"),
            format!(
                "the header {header} was not found: name its folder (-I, or ccflags-y in the \
                 Kbuild), or stage a folder further up (--root) where the tree reaches above \
                 itself"
            ),
        ));
    }
    None
}

/// What to say about a kernel that takes no modules.
pub(crate) fn no_modules(release: &str) -> String {
    format!(
        "the kernel {release} was built without CONFIG_MODULES: it can load no module; build \
         against another kernel, or configure that one with CONFIG_MODULES=y"
    )
}

/// `/bin/sh: 1: pahole: not found`, `bash: line 1: gcc-10: command not found`,
/// `make: gcc-10: No such file or directory`.
fn missing_tool(line: &str) -> Option<String> {
    let rest = line
        .strip_suffix(": command not found")
        .or_else(|| line.strip_suffix(": not found"))
        .or_else(|| {
            line.starts_with("make")
                .then(|| line.strip_suffix(": No such file or directory"))?
        })?;
    let tool = rest.rsplit(": ").next()?.trim();
    (!tool.is_empty() && !tool.contains(' ')).then(|| tool.to_owned())
}

/// One explanation for each module that exports some of them, and one for the rest.
fn explain_undefined(symbols: &BTreeSet<String>, know: &Knowledge) -> Vec<String> {
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
    // `kernel`, in the names that rustc gives.
    let (of_rust, unknown): (Vec<&str>, Vec<&str>) = unknown
        .into_iter()
        .partition(|symbol| symbol.starts_with("_R") && symbol.contains("6kernel"));
    if !of_rust.is_empty() {
        let (names, are) = sentence(&of_rust);
        texts.push(format!(
            "{names} {are} Rust of the kernel {} itself, in whose Module.symvers nothing of that \
             name is: it was written by a build with another rustc or without Rust, or is not \
             that kernel's; take rust/*.rmeta and Module.symvers of one and the same build",
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
