//! Names of the standard library, which kernels do not have, and the kernel's replacements.

use super::crate_files::missing_crate;
use super::listener::sorted;
use super::message::Message;
use super::source_paths;
use crate::make::diagnose::BuildFacts;
use crate::make::diagnose::rules::{Explains, Rule, example};
use crate::sys::regular;

pub(in crate::make::diagnose) static RULES: &[Rule] = &[Rule {
    name: "rust-standard-library",
    explains: Explains::Messages {
        subjects: names_used,
        is_moot: |_| false,
        explain: replacements,
    },
    examples: (
        example(
            "error[E0433]: failed to resolve: use of undeclared crate or module `std`\n --> \
             {dir}/a.rs:1:5",
            &[
                "For the kernel 6.1.0, write\n  for Vec: KVec\n      let mut v",
                "\n  for HashMap: kernel::rbtree::RBTree",
                "\n  for std::fmt: core::fmt\n  for std::sync::atomic: core::sync::atomic\n  for \
                 std::time: core::time\n",
                "\n  for std::fs::File: no replacement in the kernel",
                "\n  for std::ffi::OsString: not in core; look for a similar type",
            ],
        )
        .with(&[
            (
                "a.rs",
                "use std::{collections::HashMap, fmt::Write, sync::atomic::AtomicU8, vec::Vec, \
                 fs::File, time::Duration, ffi::OsString};\n",
            ),
            ("k/rust/libkernel.rmeta", "..KVec..RBTree.."),
        ]),
        &[
            example(
                "error: cannot find macro `format` in this scope\n\nerror[E0599]: no method named \
                 `to_string` found for reference `&'static str` in the current scope",
                &["\n  for format!, to_string(): kernel::str::CString\n      CString::"],
            )
            .with(&[("k/rust/libkernel.rmeta", "..VecExt..CString..")]),
            example(
                "error[E0412]: cannot find type `Vec` in this scope\n  |  ^^^ not found in this \
                 scope",
                &["\n  for Vec: Vec of kernel::prelude::*"],
            )
            .with(&[("k/rust/libkernel.rmeta", "..VecExt..CString..")]),
            example(
                "error[E0463]: can't find crate for `alloc`\n --> {dir}/a.rs:1:1",
                &["\n  for std and alloc: core, and what the kernel crate has"],
            ),
            example(
                "error[E0107]: struct takes 2 generic arguments but 1 generic argument was \
                 supplied\n --> /s/a.rs:3:4\nnote: struct defined here\n  --> \
                 /k/rust/kernel/alloc/kvec.rs:2:1",
                &["\n  for Vec: KVec\n      "],
            )
            .with(&[("k/rust/libkernel.rmeta", "..KVec..")]),
        ],
    ),
}];

/// Names of the standard library, and the kernel's replacements for them.
struct Replacement {
    /// The names as people write them: `vec!`, `to_string()`.
    names: &'static [&'static str],
    /// (a name that the kernel must have, the replacement); the first option that fits counts.
    options: &'static [(&'static str, &'static str)],
}

const REPLACEMENTS: &[Replacement] = &[
    Replacement {
        names: &["Vec", "vec!", "to_vec()"],
        options: &[
            (
                "KVec",
                "KVec\n      let mut v = KVec::new(); v.push(x, GFP_KERNEL)?;",
            ),
            (
                "VecExt",
                "Vec of kernel::prelude::*\n      let mut v = Vec::new(); v.push(x, GFP_KERNEL)?;",
            ),
        ],
    },
    Replacement {
        names: &["Box"],
        options: &[
            ("KBox", "KBox\n      KBox::new(x, GFP_KERNEL)?"),
            (
                "BoxExt",
                "Box of kernel::prelude::*\n      Box::new(x, GFP_KERNEL)?",
            ),
        ],
    },
    Replacement {
        names: &["String", "format!", "to_string()", "to_owned()", "CString"],
        options: &[
            // The prelude has `fmt!` since the kernel has a module with that name.
            (
                "kernel/fmt.rs",
                "kernel::str::CString\n      CString::try_from_fmt(fmt!(\"{x}\"))?",
            ),
            (
                "CString",
                "kernel::str::CString\n      CString::try_from_fmt(kernel::fmt!(\"{x}\"))?",
            ),
        ],
    },
    Replacement {
        names: &["Rc", "Arc"],
        options: &[("Arc", "kernel::sync::Arc\n      Arc::new(x, GFP_KERNEL)?")],
    },
    Replacement {
        names: &["Mutex", "RwLock"],
        options: &[("new_mutex", "kernel::sync::Mutex\n      new_mutex!(x)")],
    },
    Replacement {
        names: &["HashMap", "HashSet", "BTreeMap", "BTreeSet"],
        options: &[("RBTree", "kernel::rbtree::RBTree")],
    },
    Replacement {
        names: &["Instant", "SystemTime"],
        options: &[
            (
                "Monotonic",
                "kernel::time::Instant::<kernel::time::Monotonic>::now()",
            ),
            ("Ktime", "kernel::time::Ktime::ktime_get()"),
        ],
    },
    Replacement {
        names: &["println!", "eprintln!", "print!", "eprint!"],
        options: &[("pr_info", "pr_info!(\"{x}\\n\");")],
    },
];

/// Modules of `std` that are in `core`.
const IN_CORE: &[&str] = &[
    "any",
    "array",
    "ascii",
    "cell",
    "char",
    "clone",
    "cmp",
    "convert",
    "default",
    "ffi",
    "fmt",
    "future",
    "hash",
    "hint",
    "iter",
    "marker",
    "mem",
    "num",
    "ops",
    "option",
    "panic",
    "pin",
    "primitive",
    "ptr",
    "result",
    "slice",
    "str",
    "task",
    "time",
];

/// Modules of `std` for the services of an operating system.
const OF_PROGRAMS: &[&str] = &["env", "fs", "io", "net", "os", "path", "process", "thread"];

/// Names in these modules that `core` does not have.
const NOT_IN_CORE: &[&str] = &[
    "OsStr",
    "OsString",
    "DefaultHasher",
    "RandomState",
    "catch_unwind",
    "Wake",
];

/// The names of the standard library in a message: as [`REPLACEMENTS`] writes them, `core::fmt` for
/// a module that `core` has too, `core` for a whole crate, else the path.
fn names_used(message: &Message) -> Vec<String> {
    if let Some(krate @ ("std" | "alloc")) = missing_crate(message) {
        return names_at(message, krate);
    }
    let in_scope = || name_in_scope(message).and_then(with_replacement);
    let name = of_allocator(message).or_else(in_scope);
    name.map(str::to_owned).into_iter().collect()
}

/// The names at the place of a message.
fn names_at(message: &Message, krate: &str) -> Vec<String> {
    let mut paths = message.place().map(source_paths::at).unwrap_or_default();
    paths.retain(|path| path[0] == krate);
    if paths.is_empty() {
        // `extern crate std`.
        return vec!["core".to_owned()];
    }
    let name = |path: &Vec<String>| {
        // `std::vec::Vec::new`, `std::fmt::Write`.
        if let Some(name) = path.iter().rev().find_map(|word| with_replacement(word)) {
            return name.to_owned();
        }
        let module = path.get(1).map_or("", String::as_str);
        let is_atomic = path.get(2).is_some_and(|word| word == "atomic");
        let not_in_core = path.iter().any(|word| NOT_IN_CORE.contains(&&**word));
        match module {
            _ if not_in_core => path.join("::"),
            "sync" if is_atomic => "core::sync::atomic".to_owned(),
            module if IN_CORE.contains(&module) => format!("core::{module}"),
            _ => path.join("::"),
        }
    };
    paths.iter().map(name).collect()
}

/// Lists the kernel's replacements for the names.
fn replacements(names: &[String], facts: &BuildFacts) -> String {
    let names = sorted(names);
    let kernel = KernelNames::of(facts);
    let mut text = format!(
        "a module has no standard library. In the kernel, an allocation takes flags and can fail. \
         For the kernel {}, write",
        facts.release
    );
    for row in REPLACEMENTS {
        let used = row.names.iter().copied();
        let used: Vec<&str> = used
            .filter(|name| names.iter().any(|used| used == name))
            .collect();
        let mut options = row.options.iter();
        if let (false, Some((_, instead))) =
            (used.is_empty(), options.find(|(name, _)| kernel.has(name)))
        {
            text.push_str(&format!("\n  for {}: {instead}", used.join(", ")));
        }
    }
    for name in names.iter().filter(|name| name.starts_with("core")) {
        text.push_str(&match name.strip_prefix("core::") {
            Some(module) => format!("\n  for std::{module}: {name}"),
            None => "\n  for std and alloc: core, and what the kernel crate has".to_owned(),
        });
    }
    let is_path = |name: &&String| name.starts_with("std") || name.starts_with("alloc");
    for path in names.iter().filter(is_path) {
        let module = path.split("::").nth(1).unwrap_or_default();
        let instead = match OF_PROGRAMS.contains(&module) {
            true => "no replacement in the kernel",
            false => "not in core; look for a similar type in the kernel crate",
        };
        text.push_str(&format!("\n  for {path}: {instead}"));
    }
    text
}

/// Whether rustc says that the crate itself has the name, outside of this scope.
fn is_of_the_crate(message: &Message) -> bool {
    const WORDS: &[&str] = &[
        "`crate::",
        "have you added the `#[macro_use]`",
        "macro with the same name exists",
    ];
    let says = |text: &str| WORDS.iter().any(|words| text.contains(words));
    let offers = |line: &String| line.contains("use crate::");
    message.words().any(says) || message.additions.iter().any(offers)
}

/// The name that rustc does not find in the scope: in the crate, in a prelude, by a `use`.
fn name_in_scope(message: &Message) -> Option<&str> {
    if is_of_the_crate(message) {
        return None;
    }
    let text = &message.text;
    if let Some(rest) = text.strip_prefix("no method named `") {
        let of_text = text.contains("`&'static str`") || text.contains("`&str`");
        return rest.split('`').next().filter(|_| of_text);
    }
    let in_scope = text.ends_with(" in this scope") || text.contains("use of undeclared type ");
    let kinds = [
        "cannot find type ",
        "cannot find trait ",
        "cannot find macro ",
        "use of undeclared type ",
        "cannot find struct, variant or union type ",
    ];
    let named = |words: &&str| {
        let (_, rest) = text.split_once(*words)?;
        rest.strip_prefix('`')?.split('`').next()
    };
    kinds.iter().find_map(named).filter(|_| in_scope)
}

/// A type that takes an allocator or flags in the kernel but is used like the standard library's.
fn of_allocator(message: &Message) -> Option<&'static str> {
    let flags = message
        .words()
        .any(|text| text.contains("Flags` is missing"));
    if message.code != "E0107" && !(message.code == "E0061" && flags) {
        return None;
    }
    let notes = message.places.iter().skip(1);
    notes
        .filter_map(|place| place.file.to_str())
        .find_map(|file| {
            let (_, file) = file.rsplit_once("rust/kernel/")?;
            match file {
                "alloc/kvec.rs" | "alloc/vec_ext.rs" => Some("Vec"),
                "alloc/kbox.rs" | "alloc/box_ext.rs" => Some("Box"),
                "sync/arc.rs" => Some("Arc"),
                _ => None,
            }
        })
}

/// The name in [`REPLACEMENTS`] for a word of a path or a message.
fn with_replacement(word: &str) -> Option<&'static str> {
    let mut names = REPLACEMENTS.iter().flat_map(|row| row.names);
    names
        .find(|name| name.trim_end_matches(['!', '(', ')']) == word)
        .copied()
}

/// The names in the metadata of the kernel's crate.
struct KernelNames(Vec<u8>);

impl KernelNames {
    fn of(facts: &BuildFacts) -> KernelNames {
        let file = facts.kernel_dir.join("rust/libkernel.rmeta");
        KernelNames(regular::read(file).unwrap_or_default())
    }

    fn has(&self, name: &str) -> bool {
        let name = name.as_bytes();
        self.0.windows(name.len()).any(|part| part == name)
    }
}
