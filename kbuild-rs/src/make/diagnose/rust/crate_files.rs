//! Files beside a crate that are not part of it.

use std::fs;
use std::path::{Path, PathBuf};

use super::message::{Message, Place, quoted};
use crate::make::diagnose::rules::{Example, Explains, Rule, example};
use crate::sys::regular;

/// The crates that rustc finds, or that have their own explanations.
const NOT_FILES: &[&str] = &["std", "alloc", "core", "kernel"];

/// Words before the name of a crate that rustc does not find, in the versions from 1.78 to 1.97.
const NO_CRATE: &[&str] = &[
    "use of undeclared crate or module ",
    "use of unresolved module or unlinked crate ",
    "cannot find module or crate ",
    "maybe a missing crate ",
    "you might be missing crate ",
    "can't find crate for ",
];

/// The crate that rustc does not find.
pub(super) fn missing_crate(message: &Message) -> Option<&str> {
    NO_CRATE.iter().find_map(|words| message.named(words))
}

pub(in crate::make::diagnose) static RULES: &[Rule] = &[Rule {
    name: "rust-file-not-in-crate",
    explains: Explains::Message(
        |message| file_beside(message).map(|(name, _)| name.to_owned()),
        |message, name, _| {
            let found = file_beside(message).unwrap_or_default().1;
            let root = message.place().map(|at| at.file.display().to_string());
            format!(
                "{} is not part of the crate that uses it. kbuild compiles each listed Rust file \
                 as a crate of its own, and crates of one module do not see each other. Remove \
                 {name}.rs from the list of sources (in a Kbuild, remove {name}.o). Then add this \
                 line to {}. If that file is not the root of its crate, add the line to the \
                 root:\n    mod {name};",
                found.display(),
                root.unwrap_or_default()
            )
        },
    ),
    examples: (
        // rustc 1.85.
        of_util(
            "error[E0432]: unresolved import `util`\n --> {dir}/a.rs:1:5\n  |     ^^^^ use of \
             undeclared crate or module `util`",
        ),
        &[
            // rustc 1.85, if another crate has such a module.
            of_util(
                "error[E0432]: unresolved import `util`\n --> {dir}/a.rs:1:5\n  |     ^^^^ help: a \
                 similar path exists: `zerocopy::util`",
            ),
            // rustc 1.95.
            of_util(
                "error[E0433]: cannot find module or crate `util` in this scope\n --> \
                 {dir}/a.rs:1:5",
            ),
            of_util(
                "error[E0433]: failed to resolve: use of undeclared crate or module `util`\n --> \
                 {dir}/a.rs:1:5",
            ),
            of_util(
                "error[E0432]: unresolved import `crate::util`\n --> {dir}/a.rs:1:5\n  |  ^^^^ \
                 could not find `util` in the crate root",
            ),
            of_util(
                "error[E0433]: failed to resolve: could not find `util` in the crate root\n --> \
                 {dir}/a.rs:1:5",
            ),
        ],
    ),
}];

const fn of_util(output: &'static str) -> Example {
    example(
        output,
        &["/util.rs is not part of the crate", "\n    mod util;"],
    )
    .with(&[("a.rs", "use util::x;\n"), ("util.rs", "")])
}

/// The name of a module that rustc misses, and its file, if no file in its folder declares it.
fn file_beside(message: &Message) -> Option<(&str, PathBuf)> {
    let Place { file, .. } = message.place()?;
    let name = names_missing_at_the_root(message)
        .into_iter()
        .find(|name| !NOT_FILES.contains(name))?;
    // If the crate declares it elsewhere, rustc names the path.
    let path = format!("crate::{name}");
    if message.words().skip(1).any(|text| text.contains(&path)) {
        return None;
    }
    let mut folders = file.ancestors().skip(1).take(2);
    let (dir, found) = folders.find_map(|dir| {
        let files = [
            dir.join(format!("{name}.rs")),
            dir.join(name).join("mod.rs"),
        ];
        let found = files
            .into_iter()
            .find(|found| found.is_file() && found != file)?;
        Some((dir, found))
    })?;
    (!is_declared(name, dir)).then_some((name, found))
}

/// `util` of an unresolved `util`, `crate::util` or `util::x()`.
fn names_missing_at_the_root(message: &Message) -> Vec<&str> {
    let mut names: Vec<&str> = missing_crate(message).into_iter().collect();
    if message.code == "E0432" {
        let paths = quoted(&message.text);
        names.extend(paths.map(|path| path.strip_prefix("crate::").unwrap_or(path)));
    }
    let in_root = |text: &str| text.ends_with(" in the crate root");
    if message.code == "E0433" && message.words().any(in_root) {
        names.extend(message.named("could not find "));
        names.extend(message.named("cannot find "));
    }
    names.retain(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_'));
    names
}

/// Whether a file in the folder declares this module.
fn is_declared(name: &str, dir: &Path) -> bool {
    let declaration = format!("mod {name};");
    let files = fs::read_dir(dir).into_iter().flatten().flatten();
    files
        .map(|entry| entry.path())
        .filter(|file| file.extension().is_some_and(|end| end == "rs"))
        .filter_map(|file| regular::read_to_string(file).ok())
        .any(|text| text.lines().any(|line| line.trim().ends_with(&declaration)))
}
