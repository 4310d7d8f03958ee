//! Names of the standard library, which kernels do not have, and the kernel's own instead.

use std::collections::BTreeSet;

use super::habits::missing_crate;
use super::message::Message;
use super::paths;
use crate::make::diagnose::Knowledge;
use crate::regular;

/// The names of the standard library that one build uses.
#[derive(Debug, Default)]
pub(super) struct StdNames {
    /// Types, macros and methods of the table below.
    names: BTreeSet<&'static str>,
    /// Modules that are in `core` as well.
    in_core: BTreeSet<String>,
    /// Paths for which there is no advice.
    others: BTreeSet<String>,
}

/// Names of the standard library, and the kernel's own instead.
struct Instead {
    /// As people write them: `vec!`, `to_string()`.
    names: &'static [&'static str],
    /// (a name that the kernel must have, what to write then); the first that fits counts.
    options: &'static [(&'static str, &'static str)],
}

const TABLE: &[Instead] = &[
    Instead {
        names: &["Vec", "vec!", "to_vec()"],
        options: &[
            (
                "KVec",
                "KVec: let mut v = KVec::new(); v.push(x, GFP_KERNEL)?;",
            ),
            (
                "VecExt",
                "Vec of kernel::prelude::*: let mut v = Vec::new(); v.push(x, GFP_KERNEL)?;",
            ),
        ],
    },
    Instead {
        names: &["Box"],
        options: &[
            ("KBox", "KBox: KBox::new(x, GFP_KERNEL)?"),
            (
                "BoxExt",
                "Box of kernel::prelude::*: Box::new(x, GFP_KERNEL)?",
            ),
        ],
    },
    Instead {
        names: &["String", "format!", "to_string()", "to_owned()", "CString"],
        options: &[
            // The prelude has `fmt!` since the kernel has a module of that name.
            (
                "kernel/fmt.rs",
                "kernel::str::CString: CString::try_from_fmt(fmt!(\"{x}\"))?",
            ),
            (
                "CString",
                "kernel::str::CString: CString::try_from_fmt(kernel::fmt!(\"{x}\"))?",
            ),
        ],
    },
    Instead {
        names: &["Rc", "Arc"],
        options: &[("Arc", "kernel::sync::Arc: Arc::new(x, GFP_KERNEL)?")],
    },
    Instead {
        names: &["Mutex", "RwLock"],
        options: &[(
            "new_mutex",
            "kernel::sync::Mutex, made in place with new_mutex!(x)",
        )],
    },
    Instead {
        names: &["HashMap", "HashSet", "BTreeMap", "BTreeSet"],
        options: &[("RBTree", "kernel::rbtree::RBTree")],
    },
    Instead {
        names: &["Instant", "SystemTime"],
        options: &[
            (
                "Monotonic",
                "kernel::time::Instant::<kernel::time::Monotonic>::now()",
            ),
            ("Ktime", "kernel::time::Ktime::ktime_get()"),
        ],
    },
    Instead {
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

impl StdNames {
    /// Whether a message is about the standard library. Notes the names in it.
    pub(super) fn note(&mut self, message: &Message) -> bool {
        match missing_crate(message) {
            Some(krate @ ("std" | "alloc")) => {
                self.note_paths(message, krate);
                true
            }
            _ => {
                match of_allocator(message).or_else(|| name_in_scope(message).and_then(in_table)) {
                    Some(name) => {
                        self.names.insert(name);
                        true
                    }
                    None => false,
                }
            }
        }
    }

    fn note_paths(&mut self, message: &Message, krate: &str) {
        let mut paths = message.place().map(paths::at).unwrap_or_default();
        paths.retain(|path| path[0] == krate);
        for path in &paths {
            // `std::vec::Vec::new`, `std::fmt::Write`.
            let known = path.iter().rev().find_map(|word| in_table(word));
            let module = path.get(1).map_or("", String::as_str);
            let is_atomic = path.get(2).is_some_and(|word| word == "atomic");
            if let Some(name) = known {
                self.names.insert(name);
            } else if path.iter().any(|word| NOT_IN_CORE.contains(&&**word)) {
                self.others.insert(path.join("::"));
            } else if IN_CORE.contains(&module) || (module == "sync" && is_atomic) {
                let end = if is_atomic { 3 } else { 2 };
                self.in_core.insert(path[1..end].join("::"));
            } else {
                self.others.insert(path.join("::"));
            }
        }
        // `extern crate std`.
        if paths.is_empty() {
            self.in_core.insert(String::new());
        }
    }

    /// Lists what this kernel has instead of the names that were noted.
    pub(super) fn explain(&self, know: &Knowledge) -> Option<String> {
        if self.names.is_empty() && self.in_core.is_empty() && self.others.is_empty() {
            return None;
        }
        let has = Names::of(know);
        let mut text = format!(
            "a module has no standard library. In the kernel, an allocation takes flags and can fail. \
             For the kernel {}, write",
            know.release
        );
        for row in TABLE {
            let used = row.names.iter().copied();
            let used: Vec<&str> = used.filter(|name| self.names.contains(name)).collect();
            let mut options = row.options.iter();
            if let (false, Some((_, instead))) =
                (used.is_empty(), options.find(|(name, _)| has.name(name)))
            {
                text.push_str(&format!("\n  for {}: {instead}", used.join(", ")));
            }
        }
        for module in &self.in_core {
            text.push_str(&match module.as_str() {
                "" => "\n  for std and alloc: core, and what the kernel crate has".to_owned(),
                module => format!("\n  for std::{module}: core::{module}"),
            });
        }
        for path in &self.others {
            let module = path.split("::").nth(1).unwrap_or_default();
            let instead = match OF_PROGRAMS.contains(&module) {
                true => "nothing: only programs have it",
                false => "no name in core; the kernel crate may have something of that kind",
            };
            text.push_str(&format!("\n  for {path}: {instead}"));
        }
        Some(text)
    }
}

/// Whether rustc says that the crate has the name itself, outside of this scope.
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

/// A type that takes an allocator or flags in the kernel, and is used like the standard library's.
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

fn in_table(word: &str) -> Option<&'static str> {
    let mut names = TABLE.iter().flat_map(|row| row.names);
    names
        .find(|name| name.trim_end_matches(['!', '(', ')']) == word)
        .copied()
}

/// The names that the kernel's crate knows, as its metadata spells them.
struct Names(Vec<u8>);

impl Names {
    fn of(know: &Knowledge) -> Names {
        let file = know.kernel_dir.join("rust/libkernel.rmeta");
        Names(regular::read(file).unwrap_or_default())
    }

    fn name(&self, name: &str) -> bool {
        let name = name.as_bytes();
        self.0.windows(name.len()).any(|part| part == name)
    }
}
