//! Checks the order of imports: in the library and in the program, a folder only imports folders
//! that come later. Also checks that only the writer of the library writes files, and that files
//! are short.
//!
//! The sources are parsed, without the tests in them.
#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, and takes their helpers for something else"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use syn::visit::{self, Visit};

/// A crate, and its folders in the order of their imports.
struct House {
    sources: &'static str,
    root: &'static str,
    order: &'static [&'static str],
}

const LIBRARY: House = House {
    sources: "kbuild-rs/src",
    root: "lib.rs",
    order: &[
        "api", "cargo", "run", "resolve", "editor", "module", "stage", "make", "kbuild",
        "settings", "kernel", "jobs", "sys", "syntax", "error",
    ],
};

const PROGRAM: House = House {
    sources: "kbuild-cli/src",
    root: "main.rs",
    order: &["commands", "builds", "ui", "args", "process"],
};

/// Functions and types of the standard library that write files.
const WRITERS: &[&str] = &[
    "fs::copy",
    "fs::create_dir",
    "fs::create_dir_all",
    "fs::hard_link",
    "fs::remove_dir",
    "fs::remove_dir_all",
    "fs::remove_file",
    "fs::rename",
    "fs::set_permissions",
    "fs::symlink",
    "fs::write",
    "fs::File::create",
    "fs::File::create_new",
    "fs::OpenOptions",
    "File::create",
    "File::create_new",
    "unix::fs::symlink",
];

/// Files of the library outside of `sys/` that may name a writer, with the reason.
const MAY_WRITE: &[(&str, &str)] = &[(
    "jobs/channel.rs",
    "opens a jobserver's pipe or fifo, which holds tokens and is no file of ours",
)];

/// The limit of lines in a file.
const LONGEST: usize = 400;

/// A path in the sources, as an absolute one, and the file that names it.
struct Named {
    file: PathBuf,
    path: Vec<String>,
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap().to_owned()
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Path>()
                .is_ok_and(|path| path.is_ident("test"))
    })
}

/// Collects the paths in a crate's modules.
struct Reader {
    sources: PathBuf,
    file: PathBuf,
    /// The module that is being read, as a path in the crate.
    module: Vec<String>,
    named: Vec<Named>,
    /// The names at the crate's root, and the folders that they come from.
    at_root: BTreeMap<String, String>,
}

impl Reader {
    fn of(house: &House) -> Reader {
        let sources = root().join(house.sources);
        let mut reader = Reader {
            file: sources.join(house.root),
            sources,
            module: Vec::new(),
            named: Vec::new(),
            at_root: BTreeMap::new(),
        };
        reader.read();
        reader
    }

    fn read(&mut self) {
        let text = fs::read_to_string(&self.file).unwrap();
        let parsed = syn::parse_file(&text).unwrap();
        self.visit_file(&parsed);
    }

    /// The file of a module that the current file declares.
    fn file_of(&self, name: &str) -> PathBuf {
        let folder = self
            .module
            .iter()
            .fold(self.sources.clone(), |f, m| f.join(m));
        let flat = folder.join(format!("{name}.rs"));
        match flat.is_file() {
            true => flat,
            false => folder.join(name).join("mod.rs"),
        }
    }

    fn add(&mut self, path: Vec<String>) {
        let mut path = path;
        match path.first().map(String::as_str) {
            Some("crate") => drop(path.remove(0)),
            Some("self") => drop(path.splice(..1, self.module.clone())),
            Some("super") => {
                let mut at = self.module.clone();
                while path.first().is_some_and(|first| first == "super") {
                    path.remove(0);
                    at.pop();
                }
                path.splice(..0, at);
            }
            _ => path.insert(0, String::new()),
        }
        let file = self.file.strip_prefix(&self.sources).unwrap().to_owned();
        self.named.push(Named { file, path });
    }

    fn add_tree(&mut self, before: &[String], tree: &syn::UseTree) {
        let and = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(part) => self.add_tree(&and(&part.ident), &part.tree),
            syn::UseTree::Name(name) => self.add(and(&name.ident)),
            syn::UseTree::Rename(name) => self.add(and(&name.ident)),
            syn::UseTree::Glob(_) => self.add(before.to_vec()),
            syn::UseTree::Group(group) => {
                group
                    .items
                    .iter()
                    .for_each(|tree| self.add_tree(before, tree));
            }
        }
    }
}

impl<'a> Visit<'a> for Reader {
    fn visit_item_mod(&mut self, module: &'a syn::ItemMod) {
        if is_for_tests(&module.attrs) {
            return;
        }
        let name = module.ident.to_string();
        if module.content.is_some() {
            self.module.push(name);
            visit::visit_item_mod(self, module);
        } else {
            let file = std::mem::replace(&mut self.file, PathBuf::new());
            self.file = file.clone();
            self.file = self.file_of(&name);
            self.module.push(name);
            self.read();
            self.file = file;
        }
        self.module.pop();
    }

    fn visit_item_fn(&mut self, function: &'a syn::ItemFn) {
        if !is_for_tests(&function.attrs) {
            visit::visit_item_fn(self, function);
        }
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        let before = self.named.len();
        if !is_for_tests(&item.attrs) {
            self.add_tree(&[], &item.tree);
        }
        if self.module.is_empty() && matches!(item.vis, syn::Visibility::Public(_)) {
            // Names of a `pub use room::Item` at the crate's root. The root names its own modules
            // without `crate`.
            for named in &self.named[before..] {
                let (first, last) = (named.path.get(1), named.path.last());
                if let (Some(first), Some(last)) = (first, last) {
                    self.at_root.insert(last.clone(), first.clone());
                }
            }
        }
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let path_of = |path: &syn::Path| -> Vec<String> {
            path.segments.iter().map(|s| s.ident.to_string()).collect()
        };
        self.add(path_of(path));
        visit::visit_path(self, path);
    }
}

/// The imports: (the importing folder, the imported folder) and the place.
fn imports(house: &House) -> Vec<(String, String, String)> {
    let reader = Reader::of(house);
    let is_room = |name: &str| house.order.contains(&name);
    let mut imports = Vec::new();
    for named in &reader.named {
        let from = named
            .file
            .iter()
            .next()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let Some(first) = named.path.first().filter(|_| is_room(&from)) else {
            continue;
        };
        let to = match is_room(first) {
            true => first,
            false => match reader.at_root.get(first) {
                Some(room) => room,
                None => continue,
            },
        };
        if *to != from {
            let path = format!("{}: {}", named.file.display(), named.path.join("::"));
            imports.push((from, to.clone(), path));
        }
    }
    imports
}

fn check_order(house: &House) {
    let place = |room: &str| house.order.iter().position(|one| *one == room).unwrap();
    let imports = imports(house);
    // Each folder but the last imports a later one, so this shows that the reader works.
    assert!(imports.len() > 10 * house.order.len(), "{}", imports.len());
    let up: Vec<_> = imports
        .iter()
        .filter(|(from, to, _)| place(to) <= place(from))
        .map(|(_, _, path)| path)
        .collect();
    assert!(
        up.is_empty(),
        "these import a folder that stands before their own ({}):\n{up:#?}",
        house.order.join(", ")
    );
}

#[test]
fn the_librarys_folders_only_import_folders_that_come_later() {
    check_order(&LIBRARY);
}

#[test]
fn the_programs_folders_only_import_folders_that_come_later() {
    check_order(&PROGRAM);
}

#[test]
fn every_folder_has_a_place_in_the_order() {
    for house in [LIBRARY, PROGRAM] {
        let folders = fs::read_dir(root().join(house.sources)).unwrap().flatten();
        for folder in folders.filter(|entry| entry.path().is_dir()) {
            let name = folder.file_name().into_string().unwrap();
            assert!(house.order.contains(&&*name), "{}/{name}", house.sources);
        }
    }
}

#[test]
fn nothing_below_the_api_knows_cargo() {
    let of_cargo = |import: &(String, String, String)| import.1 == "cargo" && import.0 != "api";
    let who: Vec<_> = imports(&LIBRARY).into_iter().filter(of_cargo).collect();
    assert!(who.is_empty(), "{who:#?}");
}

#[test]
fn nothing_is_written_but_by_the_writer() {
    let writes = |named: &&Named| {
        let path = named.path.join("::");
        let is_ours = named.path.first().is_some_and(|first| !first.is_empty());
        !is_ours
            && WRITERS
                .iter()
                .any(|writer| path.ends_with(&format!("::{writer}")))
    };
    let reader = Reader::of(&LIBRARY);
    let found = reader.named.iter().filter(writes);
    let files: Vec<_> = found.map(|named| named.file.to_string_lossy()).collect();
    assert!(!files.is_empty(), "the reader sees no writers");
    let outside: Vec<_> = files
        .iter()
        .filter(|file| !file.starts_with("sys/"))
        .filter(|file| !MAY_WRITE.iter().any(|(known, _)| known == *file))
        .collect();
    assert!(outside.is_empty(), "{outside:#?}");
    for (file, reason) in MAY_WRITE {
        assert!(files.iter().any(|known| known == file), "{file}: {reason}");
    }
}

#[test]
fn the_code_that_resolves_a_build_names_no_writer() {
    let writes = |named: &&Named| {
        let last = named.path.last().map_or("", String::as_str);
        let in_path = named.path.iter().any(|part| part == "Writer");
        named.file.starts_with("resolve") && (in_path || last == "make_private_root")
    };
    let reader = Reader::of(&LIBRARY);
    let found = reader.named.iter().filter(writes);
    let found: Vec<_> = found.map(|named| named.path.join("::")).collect();
    assert!(found.is_empty(), "{found:#?}");
}

/// Every build with the library compiles these crates.
#[test]
fn the_library_takes_at_most_eight_crates() {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--offline", "--locked", "--package", "kbuild-rs"])
        .args([
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .current_dir(root());
    let output = tree.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let names = text
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let crates: BTreeSet<&str> = names.collect();
    assert!(crates.contains("rustix") && crates.len() <= 8, "{crates:?}");
}

#[test]
fn files_are_short() {
    fn look(folder: &Path, long: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            let is_source = path
                .extension()
                .is_some_and(|e| e == "rs" || e == "cmake" || e == "py");
            if entry.file_type().unwrap().is_dir() {
                look(&path, long);
            } else if is_source {
                let lines = fs::read_to_string(&path).unwrap().lines().count();
                if lines > LONGEST {
                    long.push(format!("{}: {lines}", path.display()));
                }
            }
        }
    }
    let mut long = Vec::new();
    for folder in [
        "kbuild-rs",
        "kbuild-cli",
        "kbuild-vm",
        "xtask",
        "tests",
        "cmake-module",
        "meson-module",
    ] {
        look(&root().join(folder), &mut long);
    }
    assert!(long.is_empty(), "more than {LONGEST} lines: {long:#?}");
}
