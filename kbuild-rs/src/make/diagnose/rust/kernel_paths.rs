//! Paths into the kernel's crates that rustc does not find: the kernel has the name elsewhere,
//! under another configuration, or not at all.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use super::catalog::{Catalog, ImportPath};
use super::listener::sorted;
use super::message::Message;
use super::unresolved::{PRIVATE, paths_in};
use crate::make::diagnose::BuildFacts;
use crate::make::diagnose::rules::{Example, Explains, Rule, example};
use crate::sys::regular;

const MAX_SHOWN: usize = 3;

pub(in crate::make::diagnose) static RULES: &[Rule] = &[
    Rule {
        name: "rust-bindings-item",
        explains: Explains::Paths(
            |path| path.in_bindings.then_some(&path.name),
            |names, facts| {
                let names = sorted(names);
                let (it, item) = match &names[..] {
                    [_] => ("it", "item"),
                    _ => ("them", "items"),
                };
                format!(
                    "kernel::bindings of the kernel {} does not declare {}: it only has the C \
                     items that the kernel's own Rust code uses. To declare {it} for your module, \
                     write a header (helper.h) that includes the kernel's header. Name your header \
                     and the {item}:\n    --bindings helper.h --bindings-item \
                     '{}'\n(Build::bindings, bindings_item; in CMake, BINDINGS, BINDINGS_ITEMS; in \
                     Meson, bindings, bindings_items). Include the declarations in your \
                     crate:\n    mod helper {{ include!(env!(\"HELPER_BINDINGS\")); }}\nFor a \
                     macro or a static inline function, write a C function that calls it, and \
                     declare that function",
                    facts.release,
                    names.join(", "),
                    names.join("|")
                )
            },
        ),
        examples: (
            example(
                "error[E0432]: unresolved import `kernel::bindings::gone`",
                &["does not declare gone: ", "--bindings-item 'gone'\n"],
            ),
            &[in_source(
                "error[E0425]: cannot find function `gone` in crate `bindings`\n --> \
                 {dir}/a.rs:2:20",
                &["--bindings-item 'gone'\n"],
            )],
        ),
    },
    Rule {
        name: "rust-path-in-unknown-kernel",
        explains: Explains::Path(
            |path| !path.has_sources,
            |path, facts| {
                format!(
                    "the kernel {} has no {}. The kernel crate differs from release to release. \
                     Look for {} in rust/kernel of that kernel's source",
                    facts.release, path.wanted, path.name
                )
            },
        ),
        examples: (
            example(
                "error[E0432]: unresolved import `kernel::types::ARef`\n --> /none.rs:1:5",
                &[
                    "the kernel 6.1.0 has no kernel::types::ARef",
                    "Look for ARef in rust/kernel",
                ],
            ),
            &[],
        ),
    },
    Rule {
        name: "rust-path-switched-off",
        explains: Explains::Path(
            |path| !path.missing_cfgs.is_empty(),
            |path, facts| switched_off(&path.wanted, &path.missing_cfgs, &facts.release),
        ),
        examples: (
            in_source(
                "error[E0432]: unresolved import `kernel::net::Socket`",
                &[
                    "kernel::net::Socket only exists in kernels built with CONFIG_NET,",
                    "\n    #[cfg(CONFIG_NET)]",
                ],
            ),
            &[in_source(
                "error[E0432]: unresolved import `kernel::net::Other`",
                &["kernels built with CONFIG_NET"],
            )],
        ),
    },
    Rule {
        name: "rust-item-elsewhere",
        explains: Explains::Path(|path| !path.places.is_empty(), elsewhere),
        examples: (
            in_source(
                "error[E0432]: unresolved import `kernel::sync::aref::ARef`",
                &[
                    "It has ARef at another path (kernel::prelude::* also has it). Import it from \
                     there:\n    use kernel::types::ARef;",
                ],
            ),
            &[
                in_source(
                    "error[E0433]: cannot find `old` in `kernel`\n --> {dir}/a.rs:1:18",
                    &["\n    use kernel::types::ARef;"],
                ),
                in_source(
                    "error[E0432]: unresolved import `kernel::c::Many`",
                    &["the one that you mean:\n    use kernel::a::Many;\n    use kernel::b::Many;"],
                ),
                in_source(
                    "error[E0603]: trait `Hidden` is private\n --> {dir}/a.rs:3:20",
                    &["\n    use kernel::a::Hidden;"],
                ),
            ],
        ),
    },
    Rule {
        name: "rust-item-switched-off",
        explains: Explains::Path(
            |path| !path.rustc_proposes && path.switched_off.is_some(),
            |path, facts| {
                let found = path.switched_off.as_ref();
                found.map_or_else(String::new, |found| {
                    switched_off(&found.path, &found.cfgs, &facts.release)
                })
            },
        ),
        examples: (
            in_source(
                "error[E0432]: unresolved import `kernel::types::Socket`",
                &["kernel::net::Socket only exists in kernels built with CONFIG_NET,"],
            ),
            &[],
        ),
    },
    Rule {
        name: "rust-item-absent",
        explains: Explains::Paths(
            |path| (!path.rustc_proposes).then_some(&path.wanted),
            |paths, facts| {
                format!(
                    "the kernel {} has no {}, and its Rust crates have nothing else of that name. \
                     These crates differ from release to release. Read this kernel's sources:\n    \
                     {}",
                    facts.release,
                    sorted(paths).join(", "),
                    facts.kernel_source.join("rust/kernel").display()
                )
            },
        ),
        examples: (
            in_source(
                "error[E0432]: unresolved import `kernel::types::Gone`",
                &["has no kernel::types::Gone, and its Rust crates have nothing else"],
            ),
            &[],
        ),
    },
];

/// An example with a small kernel, and a source at whose places the examples point.
const fn in_source(output: &'static str, explained: &'static [&'static str]) -> Example {
    example(output, explained).with(&[
        (
            "a.rs",
            "fn f() { kernel::old::ARef::new() }\nfn f() { bindings::gone() }\nuse \
             kernel::types::Hidden;\n",
        ),
        (
            "k/rust/kernel/lib.rs",
            "pub mod types;\n#[cfg(CONFIG_NET)]\npub mod net;\npub mod a;\npub mod b;\npub mod \
             prelude;\n",
        ),
        (
            "k/rust/kernel/types.rs",
            "pub struct ARef;\nuse crate::a::Hidden;\n",
        ),
        ("k/rust/kernel/net.rs", "pub struct Socket;\n"),
        (
            "k/rust/kernel/a.rs",
            "pub struct Many;\npub trait Hidden {}\n",
        ),
        ("k/rust/kernel/b.rs", "pub struct Many;\n"),
        ("k/rust/kernel/prelude.rs", "pub use crate::types::ARef;\n"),
        ("k/include/generated/rustc_cfg", "--cfg=CONFIG_PCI\n"),
    ])
}

/// A path into the kernel's crates that rustc does not find, and the kernel's alternatives.
#[derive(Debug, Default)]
pub(in crate::make::diagnose) struct MissingPath {
    /// The path up to the item that is missing, and that item's name.
    pub(super) wanted: String,
    name: String,
    /// Whether the name is one of C. The sources do not list such names.
    in_bindings: bool,
    has_sources: bool,
    /// Whether rustc itself proposes a text, if the kernel has no alternative.
    rustc_proposes: bool,
    /// The `cfg`s of the path that this kernel does not set.
    missing_cfgs: BTreeSet<String>,
    /// The places that have the name.
    places: Vec<ImportPath>,
    /// A place that only has the name under another configuration.
    switched_off: Option<ImportPath>,
}

/// The paths in a message that rustc does not find. Reads the kernel's sources once, if there is a
/// path to look up.
pub(super) fn missing(
    message: &Message,
    facts: &BuildFacts,
    catalog: &OnceCell<Catalog>,
) -> Vec<MissingPath> {
    let read = || Catalog::of(&facts.kernel_source.join("rust"));
    let look_up = |(path, at): (Vec<String>, usize)| {
        let missing = MissingPath {
            wanted: path[..=at].join("::"),
            name: path[at].clone(),
            in_bindings: at > 0 && path[at - 1] == "bindings",
            ..MissingPath::default()
        };
        match missing.in_bindings {
            true => Some(missing),
            false => missing.look_up(message, facts, catalog.get_or_init(read)),
        }
    };
    paths_in(message).into_iter().filter_map(look_up).collect()
}

impl MissingPath {
    /// Adds the catalog's entries for the name; `None` if the catalog has that very path.
    fn look_up(
        self,
        message: &Message,
        facts: &BuildFacts,
        catalog: &Catalog,
    ) -> Option<MissingPath> {
        let config = Config::of(facts);
        let is_on = |found: &ImportPath| found.cfgs.iter().all(|cfg| config.allows(cfg));
        let found = catalog.find(&self.name).into_iter();
        let (places, switched_off): (Vec<ImportPath>, Vec<ImportPath>) = found.partition(is_on);
        if places.iter().any(|found| found.path == self.wanted) {
            return None;
        }
        let exact = switched_off.iter().find(|found| found.path == self.wanted);
        let mut missing_cfgs = match exact {
            Some(found) => found.cfgs.clone(),
            None => catalog.cfgs_on_the_way(&self.wanted),
        };
        missing_cfgs.retain(|cfg| !config.allows(cfg));
        let mut words = message.words();
        let is_misspelt = words.any(|text| text.contains("similar name exists"));
        Some(MissingPath {
            has_sources: !catalog.is_empty(),
            rustc_proposes: is_misspelt || message.code == PRIVATE,
            missing_cfgs,
            places,
            switched_off: switched_off.into_iter().next(),
            ..self
        })
    }
}

fn switched_off(path: &str, cfgs: &BTreeSet<String>, release: &str) -> String {
    let cfgs: Vec<&str> = cfgs.iter().map(String::as_str).collect();
    let condition = match &cfgs[..] {
        [cfg] => (*cfg).to_owned(),
        cfgs => format!("all({})", cfgs.join(", ")),
    };
    format!(
        "{path} only exists in kernels built with {}, and the kernel {release} is not one of them. \
         Build for another kernel, or put this line before the code that needs {path}:\n    \
         #[cfg({condition})]",
        cfgs.join(" and ")
    )
}

/// Names the places that have the name.
fn elsewhere(missing: &MissingPath, facts: &BuildFacts) -> String {
    let name = &missing.name;
    let (preluded, others): (Vec<&ImportPath>, Vec<&ImportPath>) = missing
        .places
        .iter()
        .partition(|found| found.path.starts_with("kernel::prelude::"));
    let paths: Vec<&str> = others.iter().map(|found| found.path.as_str()).collect();
    let no_path = format!(
        "the kernel {} does not have {}.",
        facts.release, missing.wanted
    );
    let prelude = match preluded.is_empty() {
        true => "",
        false => " (kernel::prelude::* also has it)",
    };
    match &paths[..] {
        [] => format!("{no_path} Its prelude has {name}:\n    use kernel::prelude::*;"),
        [path] => format!(
            "{no_path} It has {name} at another path{prelude}. Import it from there:\n    \
             use {path};"
        ),
        paths => {
            let more = match paths.len().saturating_sub(MAX_SHOWN) {
                0 => String::new(),
                more => format!("\n    … and {more} more"),
            };
            let uses = paths.iter().take(MAX_SHOWN);
            let uses: String = uses.map(|path| format!("\n    use {path};")).collect();
            format!(
                "{no_path} It has several other items called {name}{prelude}. Import the one that \
                 you mean:{uses}{more}"
            )
        }
    }
}

/// The options of the kernel that Rust code sees.
struct Config(BTreeSet<String>);

impl Config {
    fn of(facts: &BuildFacts) -> Config {
        let file = facts.kernel_dir.join("include/generated/rustc_cfg");
        let text = regular::read_to_string(file).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.strip_prefix("--cfg="));
        Config(lines.map(str::to_owned).collect())
    }

    /// Whether a `cfg` may hold. A `cfg` that is not a plain option is unknown here, so it may.
    fn allows(&self, cfg: &str) -> bool {
        let cfg = cfg.replace(' ', "");
        let plain = cfg.starts_with("CONFIG_") && !cfg.contains('(');
        !plain || self.0.is_empty() || self.0.contains(&cfg)
    }
}
