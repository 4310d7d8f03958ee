//! Habits of Rust programs that a module cannot keep. One message of rustc tells of each.

use std::fs;
use std::path::Path;

use super::message::{Message, Place, quoted};
use crate::make::diagnose::{Explained, Knowledge};
use crate::regular;

/// The crates that rustc finds, or that have explanations of their own.
const NOT_FILES: &[&str] = &["std", "alloc", "core", "kernel"];

/// Words that stand before the name of a crate that rustc does not find, in the versions from
/// 1.78 to 1.97.
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

pub(super) fn explain(message: &Message, know: &Knowledge) -> Explained {
    authors(message, know)
        .or_else(|| variable(message))
        .or_else(|| file_of_its_own(message))
}

/// `module!` has `author` before 6.15, and `authors` since then; its own message lists what it has.
fn authors(message: &Message, know: &Knowledge) -> Explained {
    let (key, rest) = message.words().find_map(|text| {
        let (_, rest) = text.split_once("nknown key \"")?;
        rest.split_once("\". Valid keys are: ")
    })?;
    let has = |key: &str| rest.contains(&format!("\"{key}\""));
    let (takes, write) = match key {
        "author" if has("authors") => ("a list of authors", "authors: [\"…\"],"),
        "authors" if has("author") => ("one author", "author: \"…\","),
        _ => return None,
    };
    Some((
        format!("key {key}"),
        format!(
            "module! of the kernel {} takes {takes}. (A source for several kernels has two module!, \
             each under a cfg: --cfg, Build::cfg_if.) Write\n  {write}",
            know.release
        ),
    ))
}

/// `env!` of a variable that rustc does not get.
fn variable(message: &Message) -> Explained {
    let rest = message.text.strip_prefix("environment variable `")?;
    let name = rest.strip_suffix("` not defined at compile time")?;
    let of_cargo = match name.starts_with("CARGO") {
        true => "kbuild runs rustc without Cargo, so none of Cargo's variables is set",
        false => "make and rustc get a short list of environment variables",
    };
    Some((
        format!("variable {name}"),
        format!(
            "{of_cargo}. Give {name} to rustc in build.rs, on the command line, in CMake or in \
             Meson:\n  .env(\"{name}\", std::env::var(\"{name}\").unwrap())\n  --env \
             {name}=VALUE\n  MAKE_VARIABLES {name}=VALUE\n  make_variables: ['{name}=VALUE']"
        ),
    ))
}

/// A file beside the crate that the crate does not declare as a module.
fn file_of_its_own(message: &Message) -> Explained {
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
    if is_declared(name, dir) {
        return None;
    }
    Some((
        format!("file {name}"),
        format!(
            "{} is not part of the crate that uses it. kbuild compiles each listed Rust file as a \
             crate of its own, and crates of one module do not see each other. Remove {name}.rs from \
             the list of sources ({name}.o from a Kbuild), and add this line to the crate's root, \
             {} or the file that declares it:\n  mod {name};",
            found.display(),
            file.display()
        ),
    ))
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

/// The meaning of a missing `__LOG_PREFIX`, if nothing else is wrong with the `module!` that
/// declares it.
pub(super) fn no_prefix(message: &Message) -> Option<String> {
    if message.code != "E0425" || !message.text.contains("`__LOG_PREFIX`") {
        return None;
    }
    let file = &message.place()?.file;
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    Some(format!(
        "pr_info! begins each line with the name that module! {{ … }} declares, and the crate of \
         {} has no module!. If this file is the whole module, add module! to it. If another file \
         has module!, only list that file among the sources, and add this line to it:\n  mod \
         {name};\nA crate of its own declares the name itself:\n  const \
         __LOG_PREFIX: &[u8] = b\"{name}\\0\";",
        file.display(),
    ))
}

/// Whether a message is about `module!` or a macro in its place. Names that the macro declares are
/// then missing for that reason.
pub(super) fn is_of_a_macro(message: &Message) -> bool {
    let cannot_find = message.code.is_empty() && message.text.starts_with("cannot find macro ");
    if cannot_find || message.code == "E0432" || message.code == "E0433" {
        return message.text.contains("`module");
    }
    message.code.is_empty() && !message.text.starts_with("environment variable ")
}
