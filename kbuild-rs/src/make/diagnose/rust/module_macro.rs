//! `module!`: its keys, and the names that it declares.

use std::path::Path;

use super::message::Message;
use crate::make::diagnose::rules::{Explains, Rule, example};

pub(in crate::make::diagnose) static RULES: &[Rule] = &[
    Rule {
        name: "rust-file-without-module-macro",
        explains: Explains::Messages {
            subjects: |message| {
                let is_missing = message.code == "E0425" && message.text.contains("`__LOG_PREFIX`");
                let place = message.place().filter(|_| is_missing);
                place
                    .map(|at| at.file.display().to_string())
                    .into_iter()
                    .collect()
            },
            is_moot: is_of_a_macro,
            explain: |files, _| {
                let file = files.first().map(Path::new).unwrap_or(Path::new(""));
                let name = file.file_stem().unwrap_or_default().to_string_lossy();
                format!(
                    "pr_info! begins each line with the name that module! {{ … }} declares, but \
                     the crate of {} has no module!. If this file is the whole module, add module! \
                     to it. If another file has module!, list only that other file among the \
                     sources, and add this line to it:\n    mod {name};\nIf the file is a separate \
                     crate, declare the name in it:\n    const __LOG_PREFIX: &[u8] = \
                     b\"{name}\\0\";",
                    file.display(),
                )
            },
        },
        examples: (
            example(
                "error[E0425]: cannot find value `__LOG_PREFIX` in the crate root\n --> \
                 /s/a.rs:4:5",
                &[
                    "the crate of /s/a.rs has no module!",
                    "\n    mod a;\n",
                    "const __LOG_PREFIX: &[u8] = b\"a\\0\";",
                ],
            ),
            &[],
        ),
    },
    // `module!` has `author` before 6.15, and `authors` since then. Its own message lists its keys.
    Rule {
        name: "rust-module-author",
        explains: Explains::Message(
            |message| {
                let (key, rest) = message.words().find_map(|text| {
                    let (_, rest) = text.split_once("nknown key \"")?;
                    rest.split_once("\". Valid keys are: ")
                })?;
                let valid = match key {
                    "author" => "\"authors\"",
                    "authors" => "\"author\"",
                    _ => return None,
                };
                rest.contains(valid).then(|| key.to_owned())
            },
            |_, key, facts| {
                let (takes, write) = match key {
                    "author" => ("a list of authors", "authors: [\"…\"],"),
                    _ => ("one author", "author: \"…\","),
                };
                format!(
                    "module! of the kernel {} takes {takes}. Write\n    {write}\nTo build for \
                     several kernels, write module! twice, each under a cfg (--cfg, Build::cfg_if; \
                     in CMake, RUST_CFGS; in Meson, rust_cfgs)",
                    facts.release
                )
            },
        ),
        examples: (
            example(
                "error: unknown key \"author\". Valid keys are: [\"type\", \"name\", \"authors\"].",
                &[
                    "the kernel 6.1.0 takes a list of authors",
                    "\n    authors: [\"…\"],",
                ],
            ),
            &[example(
                "error: proc macro panicked\n  = help: message: Unknown key \"authors\". Valid keys \
                 are: [\"type\", \"author\"].",
                &["takes one author", "\n    author: \"…\","],
            )],
        ),
    },
];

/// Whether a message is about `module!` or a macro in its place. Names that the macro declares are
/// then missing for that reason.
fn is_of_a_macro(message: &Message) -> bool {
    let cannot_find = message.code.is_empty() && message.text.starts_with("cannot find macro ");
    if cannot_find || message.code == "E0432" || message.code == "E0433" {
        return message.text.contains("`module");
    }
    message.code.is_empty() && !message.text.starts_with("environment variable ")
}
