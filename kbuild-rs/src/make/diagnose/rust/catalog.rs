//! Public items of the kernel's Rust crates, read from the kernel's sources.
//!
//! The sources are formatted by rustfmt, so the indentation of a line tells how deep it is nested.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::source_paths::{Leaf, leaves};
use crate::sys::regular;

/// The crates that each module may name, and their roots below `rust/`.
const CRATES: &[(&str, &str)] = &[
    ("kernel", "kernel/lib.rs"),
    ("pin_init", "pin-init/src/lib.rs"),
];

/// The largest number of files read for a crate, and of re-exports followed in a row.
const MAX_FILES: usize = 2_000;
const MAX_STEPS: usize = 4;

/// The items of the crates, by the path of a module: `kernel::sync`.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    modules: BTreeMap<String, Module>,
}

#[derive(Debug, Default)]
struct Module {
    /// Whether other modules and crates can name it, and under which `cfg`.
    public: bool,
    cfg: Option<String>,
    items: BTreeMap<String, Option<String>>,
    uses: Vec<(Leaf, Option<String>)>,
}

/// A path by which a name can be imported, and the `cfg`s under which it exists.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ImportPath {
    pub(super) path: String,
    pub(super) cfgs: BTreeSet<String>,
}

impl Catalog {
    /// Reads the crates below `rust`, the folder of that name in a kernel's source. If it is
    /// missing, the catalog is empty.
    pub(super) fn of(rust: &Path) -> Catalog {
        let mut catalog = Catalog::default();
        for (name, root) in CRATES {
            let file = rust.join(root);
            if file.is_file() {
                catalog.read(name, file);
            }
        }
        // Procedural macros are functions of a crate that `kernel` re-exports.
        let text = regular::read_to_string(rust.join("macros/lib.rs")).unwrap_or_default();
        for (at, line) in text.lines().enumerate() {
            let marked = text.lines().take(at).skip(at.saturating_sub(3));
            if let Some(name) = item(line).filter(|_| marked.clone().any(is_macro_mark)) {
                let module = catalog.modules.entry("kernel::macros".into()).or_default();
                module.public = true;
                module.items.insert(name.to_owned(), None);
            }
        }
        catalog
    }

    pub(super) fn is_empty(&self) -> bool {
        self.modules.is_empty()
    }

    /// All paths by which `name` can be imported: the shortest first, those of a prelude last.
    pub(super) fn find(&self, name: &str) -> Vec<ImportPath> {
        let mut found: Vec<ImportPath> = Vec::new();
        for (path, module) in &self.modules {
            let Some(mut cfgs) = self.cfgs(path) else {
                continue;
            };
            if let Some(of_item) = self.exported(module, path, name, MAX_STEPS) {
                cfgs.extend(of_item);
                let path = format!("{path}::{name}");
                found.push(ImportPath { path, cfgs });
            }
        }
        let rank = |found: &ImportPath| {
            let depth = found.path.matches("::").count();
            (
                found.path.contains("::prelude::"),
                depth,
                found.path.clone(),
            )
        };
        found.sort_by_key(rank);
        found
    }

    /// The `cfg`s of the longest part of a path that leads to a module.
    pub(super) fn cfgs_on_the_way(&self, path: &str) -> BTreeSet<String> {
        let ends = path.rmatch_indices("::").map(|(at, _)| at);
        let mut parts = std::iter::once(path.len())
            .chain(ends)
            .map(|end| &path[..end]);
        parts.find_map(|part| self.cfgs(part)).unwrap_or_default()
    }

    /// The `cfg`s on the way to a module; `None` if a part of the way is not public.
    fn cfgs(&self, path: &str) -> Option<BTreeSet<String>> {
        let mut cfgs = BTreeSet::new();
        let ends = path.match_indices("::").map(|(at, _)| at);
        for end in ends.chain([path.len()]) {
            let module = self.modules.get(&path[..end])?;
            cfgs.extend(module.cfg.clone());
            if !module.public {
                return None;
            }
        }
        Some(cfgs)
    }

    /// The `cfg` of a name that a module has or re-exports; `None` if it does neither.
    fn exported(
        &self,
        module: &Module,
        path: &str,
        name: &str,
        steps: usize,
    ) -> Option<Option<String>> {
        if let Some(cfg) = module.items.get(name) {
            return Some(cfg.clone());
        }
        let child = self.modules.get(&format!("{path}::{name}"));
        if let Some(child) = child.filter(|child| child.public) {
            return Some(child.cfg.clone());
        }
        module.uses.iter().find_map(|(leaf, cfg)| {
            if leaf.name == name {
                return Some(cfg.clone());
            }
            let all_of = (leaf.name == "*" && steps > 0).then(|| absolute(&leaf.path, path))?;
            let target = self.modules.get(&all_of)?;
            self.exported(target, &all_of, name, steps - 1)
                .map(|of_item| of_item.or_else(|| cfg.clone()))
        })
    }

    /// Reads a crate: its root, and the files of its modules.
    fn read(&mut self, name: &str, root: PathBuf) {
        let module = self.modules.entry(name.to_owned()).or_default();
        module.public = true;
        let mut open = vec![(name.to_owned(), root)];
        let mut seen = 0;
        while let Some((path, file)) = open.pop() {
            seen += 1;
            if seen > MAX_FILES {
                return;
            }
            let text = regular::read_to_string(&file).unwrap_or_default();
            let folder = match file.file_stem().and_then(|stem| stem.to_str()) {
                Some("lib" | "mod") => file.with_file_name(""),
                _ => file.with_extension(""),
            };
            for child in self.read_file(name, &path, &text) {
                let below = child[path.len() + 2..].replace("::", "/");
                let files = [format!("{below}.rs"), format!("{below}/mod.rs")];
                let file = files.iter().map(|file| folder.join(file));
                open.extend(file.into_iter().find(|f| f.is_file()).map(|f| (child, f)));
            }
        }
    }

    /// Notes the declarations in a file; returns the modules that have files of their own.
    fn read_file(&mut self, krate: &str, path: &str, text: &str) -> Vec<String> {
        let mut elsewhere = Vec::new();
        // The open modules, and the indentation of their items.
        let mut open = vec![(path.to_owned(), 0)];
        let mut marks = Marks::default();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let text = line.trim_start();
            let indent = line.len() - text.len();
            while open.len() > 1 && text == "}" && open.last().is_some_and(|o| indent < o.1) {
                open.pop();
            }
            let Some((path, depth)) = open.last().cloned() else {
                break;
            };
            if text.is_empty() || text.starts_with("//") || indent != depth {
                continue;
            }
            if text.starts_with("#[") {
                marks.add(text);
                continue;
            }
            let Marks { cfg, exported } = std::mem::take(&mut marks);
            if let Some((public, name, has_body)) = module(text) {
                let child = format!("{path}::{name}");
                let entry = self.modules.entry(child.clone()).or_default();
                (entry.public, entry.cfg) = (public, cfg);
                match has_body {
                    true => open.push((child, depth + 4)),
                    false => elsewhere.push(child),
                }
            } else if let Some(tree) = text.strip_prefix("pub use ") {
                let mut tree = tree.to_owned();
                while !tree.contains(';') {
                    let Some(line) = lines.next() else { break };
                    tree.push('\n');
                    tree.push_str(line);
                }
                let module = self.modules.entry(path).or_default();
                let leaves = leaves(&tree).into_iter();
                module.uses.extend(leaves.map(|leaf| (leaf, cfg.clone())));
            } else if let Some(name) = text.strip_prefix("macro_rules! ").filter(|_| exported) {
                let name = name.split_whitespace().next().unwrap_or_default();
                let root = self.modules.entry(krate.to_owned()).or_default();
                root.items.insert(name.to_owned(), cfg);
            } else if let Some(name) = item(text) {
                let module = self.modules.entry(path).or_default();
                module.items.insert(name.to_owned(), cfg);
            }
        }
        elsewhere
    }
}

/// The meaning of attributes for the item that follows them.
#[derive(Debug, Default)]
struct Marks {
    cfg: Option<String>,
    exported: bool,
}

impl Marks {
    fn add(&mut self, attribute: &str) {
        if let Some(cfg) = attribute.strip_prefix("#[cfg(") {
            self.cfg = cfg.strip_suffix(")]").map(str::to_owned);
        }
        self.exported |= attribute == "#[macro_export]";
    }
}

fn is_macro_mark(line: &str) -> bool {
    line.starts_with("#[proc_macro")
}

/// Whether a module is public, its name, and whether its items follow.
fn module(text: &str) -> Option<(bool, &str, bool)> {
    let (public, rest) = match text.strip_prefix("pub ") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let rest = rest.strip_prefix("mod ")?;
    let name = rest.trim_end_matches([' ', '{', ';', '}']);
    Some((public, name, rest.ends_with('{')))
}

/// The name of the public item that a line declares.
fn item(text: &str) -> Option<&str> {
    const KINDS: &[&str] = &[
        "struct", "enum", "union", "trait", "type", "fn", "const", "static",
    ];
    let rest = text.strip_prefix("pub ")?;
    let mut words = rest.split_whitespace().peekable();
    let mut kind = "";
    while let Some(word) = words.peek() {
        // `pub const unsafe fn`, `pub unsafe extern "C" fn`, `pub static mut`.
        match *word {
            word if KINDS.contains(&word) => kind = word,
            "unsafe" | "extern" | "\"C\"" | "async" | "auto" | "mut" => {}
            _ => break,
        }
        words.next();
    }
    let name = words.next().filter(|_| !kind.is_empty())?;
    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_');
    let name = &name[..end.unwrap_or(name.len())];
    (!name.is_empty() && name != "_").then_some(name)
}

/// A path as seen from the crate's root; `at` is the module that has it.
fn absolute(path: &[String], at: &str) -> String {
    let mut base: Vec<&str> = Vec::new();
    for (number, word) in path.iter().enumerate() {
        match (number, word.as_str()) {
            (0, "crate") => base.extend(at.split("::").next()),
            (0, "self") => base.extend(at.split("::")),
            (0, "super") => {
                base.extend(at.split("::"));
                base.pop();
            }
            (_, "super") => drop(base.pop()),
            (_, word) => base.push(word),
        }
    }
    base.join("::")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    fn catalog() -> (Root, Catalog) {
        let root = Root::new();
        root.write(
            "rust/kernel/lib.rs",
            "pub mod sync;\n#[cfg(CONFIG_NET)]\npub mod net;\nmod hidden;\npub mod prelude;\n\
             pub use hidden::{\n    Shown,\n    Other as Named, //\n};\n#[macro_export]\n\
             macro_rules! pr_info (\n",
        );
        root.write(
            "rust/kernel/sync.rs",
            "mod arc;\npub use self::arc::{Arc};\npub use self::poll::*;\npub mod aref;\nmod poll;\n\
             /// pub struct Quoted;\nimpl Arc {\n    pub fn new() {}\n}\npub mod flags {\n    \
             pub const A: u8 = 1;\n    pub(crate) fn b() {}\n    fn c() {\n        {\n        }\n    }\n\
             \n    pub unsafe fn d() {}\n}\npub unsafe trait Unsafe {\n}\n",
        );
        root.write("rust/kernel/sync/arc.rs", "pub struct Arc<T> {\n}\n");
        root.write("rust/kernel/sync/aref.rs", "pub struct ARef<T>(T);\n");
        root.write("rust/kernel/sync/poll.rs", "pub struct Table;\n");
        root.write("rust/kernel/net.rs", "pub mod phy;\n");
        root.write("rust/kernel/net/phy/mod.rs", "pub enum Driver {\n}\n");
        root.write(
            "rust/kernel/hidden.rs",
            "pub struct Shown;\npub struct Secret;\n",
        );
        root.write(
            "rust/kernel/prelude.rs",
            "pub use crate::sync::aref::ARef;\npub use pin_init::PinInit;\n",
        );
        root.write(
            "rust/pin-init/src/lib.rs",
            "pub unsafe trait PinInit<T> {\n}\n",
        );
        root.write(
            "rust/macros/lib.rs",
            "#[proc_macro]\npub fn module(ts: TokenStream) -> TokenStream {\n",
        );
        let catalog = Catalog::of(&root.join("rust"));
        (root, catalog)
    }

    #[test]
    fn a_name_is_found_where_it_can_be_imported() {
        let (_root, catalog) = catalog();
        let paths = |name: &str| -> Vec<String> {
            catalog.find(name).into_iter().map(|f| f.path).collect()
        };
        for (name, expected) in [
            ("Arc", &["kernel::sync::Arc"][..]),
            (
                "ARef",
                &["kernel::sync::aref::ARef", "kernel::prelude::ARef"],
            ),
            (
                "PinInit",
                &["pin_init::PinInit", "kernel::prelude::PinInit"],
            ),
            ("Table", &["kernel::sync::Table"]),
            ("Shown", &["kernel::Shown"]),
            ("Named", &["kernel::Named"]),
            ("A", &["kernel::sync::flags::A"]),
            ("d", &["kernel::sync::flags::d"]),
            ("Unsafe", &["kernel::sync::Unsafe"]),
            ("pr_info", &["kernel::pr_info"]),
            ("module", &["kernel::macros::module"]),
            ("flags", &["kernel::sync::flags"]),
            ("Secret", &[]),
            ("Quoted", &[]),
            ("new", &[]),
            ("b", &[]),
            ("arc", &[]),
        ] {
            assert_eq!(paths(name), expected, "{name}");
        }
    }

    #[test]
    fn an_item_under_a_configuration_is_known_with_that_configuration() {
        let (_root, catalog) = catalog();
        let found = catalog.find("Driver");
        assert_eq!(found[0].path, "kernel::net::phy::Driver");
        assert_eq!(found[0].cfgs, ["CONFIG_NET".to_owned()].into());
        assert!(catalog.find("Arc")[0].cfgs.is_empty());
        assert_eq!(catalog.cfgs_on_the_way("kernel::net::x::Y").len(), 1);
        assert!(catalog.cfgs_on_the_way("kernel::sync::X").is_empty());
    }

    #[test]
    fn a_kernel_without_sources_has_an_empty_catalog() {
        assert!(Catalog::of(&Root::new().join("rust")).is_empty());
    }
}
