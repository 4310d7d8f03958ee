//! Messages of rustc, and their meaning for a module.
//!
//! Hints come from the kernel's macros, sources and metadata, not from its version. Stable branches
//! adopt later changes: `KVec` came with 6.13, and 6.12.117 has it.

#[cfg(feature = "rust")]
mod catalog;
#[cfg(feature = "rust")]
pub(super) mod crate_files;
#[cfg(feature = "rust")]
pub(super) mod environment;
#[cfg(feature = "rust")]
pub(super) mod kernel_paths;
#[cfg(feature = "rust")]
mod listener;
#[cfg(feature = "rust")]
mod message;
#[cfg(feature = "rust")]
pub(super) mod module_macro;
#[cfg(feature = "rust")]
mod source_paths;
#[cfg(feature = "rust")]
pub(super) mod standard_library;
#[cfg(feature = "rust")]
mod unresolved;

#[cfg(all(test, feature = "rust"))]
mod tests;

use std::path::Path;

use super::rules::{Explains, Rule, example, has_any};
use crate::error::names::{RUSTC, TREE_ROOT};

#[cfg(feature = "rust")]
pub(super) use kernel_paths::MissingPath;
#[cfg(feature = "rust")]
pub(super) use listener::Listener;
#[cfg(feature = "rust")]
pub(super) use message::Message;

/// Rules about lines that do not need the rest of their message.
pub(super) static RULES: &[Rule] = &[
    Rule {
        name: "wrong-rustc",
        explains: Explains::Line(
            |line| {
                if !line.starts_with("error") {
                    return None;
                }
                let words = &[
                    "can't find crate for `core`",
                    "` which `kernel` depends on",
                    "incompatible version of rustc",
                    "rror loading target specification",
                ];
                has_any(line, words).or_else(|| {
                    let no_target = line.contains("target.json") && line.contains("does not exist");
                    no_target.then_some("")
                })
            },
            |_, facts| {
                format!(
                    "a module in Rust needs the rustc that built the kernel {}, and a kernel tree \
                     with that kernel's crate metadata (rust/*.rmeta). Name that rustc ({RUSTC}). \
                     In a build script, the feature `rust` of kbuild-rs finds it. To see which \
                     kernel trees have Rust, run\n    kbuild-rs kernels",
                    facts.release
                )
            },
        ),
        examples: (
            example(
                "error[E0463]: can't find crate for `core`",
                &["the rustc that built the kernel 6.1.0"],
            ),
            &[
                example(
                    "error[E0460]: found possibly newer version of crate `core` which `kernel` \
                     depends on",
                    &["the rustc that built"],
                ),
                example(
                    "error[E0514]: found crate `core` compiled by an incompatible version of rustc",
                    &["the rustc that built"],
                ),
                example(
                    "error: Error loading target specification: Field target-pointer-width in \
                     target",
                    &["the rustc that built"],
                ),
                example(
                    "error: error loading target specification: target-pointer-width: invalid type",
                    &["the rustc that built"],
                ),
                example(
                    "error: target file \"./rust/target.json\" does not exist",
                    &["the rustc that built"],
                ),
            ],
        ),
    },
    Rule {
        name: "rust-file-above-the-tree",
        explains: Explains::Line(
            |line| {
                let (what, _) = missing_file(line)?;
                what.contains("../").then_some(what)
            },
            |found, _| {
                format!(
                    "{} was not found. If the tree reads files above its own folder, name a folder \
                     above the module tree as the tree root ({TREE_ROOT})",
                    found.subject
                )
            },
        ),
        examples: (
            example(
                "error: couldn't read ../common/x.rs: No such file or directory",
                &[
                    "../common/x.rs was not found",
                    "(--tree-root, Build::tree_root; in CMake, TREE_ROOT; ",
                ],
            ),
            &[],
        ),
    },
    Rule {
        name: "rust-file-not-copied",
        explains: Explains::Line(
            |line| {
                // Older versions print the name without quotes.
                let (what, names) = missing_file(line)?;
                let parts = [what, names].into_iter();
                let mut quoted = parts.flat_map(|part| part.split(['"', '`']));
                quoted.find(|text| text.starts_with('/') && Path::new(text).is_file())
            },
            |found, _| {
                format!(
                    "{} exists, but kbuild-rs did not copy it to the stage. kbuild-rs only finds \
                     files that `mod name;` or `include_str!(\"name\")` names. A macro generates \
                     this name. Add one of these lines. They are never compiled:\n    \
                     #[cfg(any())] mod name;\n    #[cfg(any())] const NAME: &str = \
                     include_str!(\"name\");",
                    found.subject
                )
            },
        ),
        examples: (
            example(
                "error: couldn't read `{dir}/x.rs`: No such file or directory (os error 2)",
                &["/x.rs exists, but kbuild-rs did not copy it"],
            )
            .with(&[("x.rs", "")]),
            &[example(
                "  = help: to create the module `x`, create file \"{dir}/y.rs\" or \"{dir}/x.rs\"",
                &["/x.rs exists, but kbuild-rs did not copy it"],
            )
            .with(&[("x.rs", "")])],
        ),
    },
];

/// A line about a file that rustc misses: the words that name the file, and the rest.
fn missing_file(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("error: couldn't read ")
        .and_then(|rest| rest.split_once(": No such file"))
        .or_else(|| line.split_once("create file "))
}
