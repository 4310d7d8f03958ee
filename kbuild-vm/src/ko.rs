//! What a module file says about itself, as far as its loading needs it.

use std::fs;
use std::path::{Path, PathBuf};

use object::{Object, ObjectSection, ObjectSymbol};

use crate::guest::Arch;
use crate::{Error, Result};

/// A module that a guest is to load.
#[derive(Clone, Debug)]
pub struct Ko {
    /// The file.
    pub path: PathBuf,
    /// The name that the kernel uses: without dashes.
    pub name: String,
    /// The release of the kernel that it was built for: the first word of `vermagic`.
    pub release: String,
    /// The processor; `None` for one that guests cannot have.
    pub arch: Option<Arch>,
    /// The modules that must be loaded before it.
    pub depends: Vec<String>,
    /// The symbols that it offers to other modules.
    pub(crate) exports: Vec<String>,
    /// The symbols that it needs from the kernel and from other modules.
    pub(crate) imports: Vec<String>,
    /// Whether it has suites of KUnit.
    pub(crate) has_suites: bool,
    pub(crate) bytes: Vec<u8>,
}

impl Ko {
    /// Reads a module; it may be compressed with xz, zstd or gzip.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::NotAModule`], and those of the program that unpacks it.
    pub fn read(path: impl Into<PathBuf>) -> Result<Ko> {
        let path = path.into();
        let bytes = fs::read(&path).map_err(Error::file(&path))?;
        let bytes = crate::modules::unpacked(&path.to_string_lossy(), bytes)?;
        Ko::parse(&path, bytes).map_err(|why| Error::NotAModule { path, why })
    }

    fn parse(path: &Path, bytes: Vec<u8>) -> std::result::Result<Ko, String> {
        let file = object::File::parse(&*bytes).map_err(|error| error.to_string())?;
        let section = file
            .section_by_name(".modinfo")
            .ok_or("it has no .modinfo")?;
        let info = section.data().map_err(|error| error.to_string())?;
        let field = |key: &str| {
            let mut entries = info.split(|byte| *byte == 0);
            entries.find_map(|entry| {
                let value = std::str::from_utf8(entry).ok()?.strip_prefix(key)?;
                value.strip_prefix('=').map(str::to_owned)
            })
        };
        let stem = path.file_name().unwrap_or_default().to_string_lossy();
        let stem = stem.split_once(".ko").map_or(&*stem, |(stem, _)| stem);
        let name = field("name").unwrap_or_else(|| stem.replace('-', "_"));
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(format!("its name is `{}`", name.escape_debug()));
        }
        let vermagic = field("vermagic").ok_or("it has no vermagic")?;
        let depends = field("depends").unwrap_or_default();
        let (mut exports, mut imports) = (Vec::new(), Vec::new());
        for symbol in file.symbols() {
            let Ok(symbol_name) = symbol.name() else {
                continue;
            };
            if let Some(export) = symbol_name.strip_prefix("__ksymtab_") {
                exports.push(export.to_owned());
            } else if symbol.is_undefined() && !symbol_name.is_empty() {
                imports.push(symbol_name.to_owned());
            }
        }
        let arch = match file.architecture() {
            object::Architecture::X86_64 => Some(Arch::X86_64),
            object::Architecture::Aarch64 => Some(Arch::Arm64),
            _ => None,
        };
        Ok(Ko {
            path: path.to_owned(),
            name,
            release: vermagic.split(' ').next().unwrap_or_default().to_owned(),
            arch,
            depends: depends
                .split(',')
                .filter(|name| !name.is_empty())
                .map(|name| name.replace('-', "_"))
                .collect(),
            exports,
            imports,
            has_suites: file.section_by_name(".kunit_test_suites").is_some(),
            bytes,
        })
    }
}

/// Parts of the names of functions with which a module lets the kernel call it later.
const LATER: &[&str] = &[
    "timer",
    "work",
    "kthread",
    "call_rcu",
    "call_srcu",
    "tasklet",
    "irq",
    "register",
    "async_schedule",
    "usermodehelper",
];

/// Whether these modules may leave something behind that the kernel calls after their unload.
pub(crate) fn may_be_called_later(modules: &[Ko]) -> bool {
    let mut imports = modules.iter().flat_map(|one| &one.imports);
    imports.any(|name| LATER.iter().any(|part| name.contains(part)))
}

/// Sorts modules so that each comes after the ones that it needs, and otherwise keeps their order.
///
/// # Errors
/// [`Error::Modules`] if two have the same name, or if modules need each other.
pub(crate) fn in_order(modules: Vec<Ko>) -> Result<Vec<Ko>> {
    for (at, one) in modules.iter().enumerate() {
        if let Some(other) = modules[..at].iter().find(|other| other.name == one.name) {
            let why = format!(
                "{} and {} are both the module {}: name only one of them",
                other.path.display(),
                one.path.display(),
                one.name
            );
            return Err(Error::Modules { why });
        }
    }
    let mut left = modules;
    let mut order: Vec<Ko> = Vec::new();
    while !left.is_empty() {
        let free = |one: &Ko| {
            !left
                .iter()
                .any(|other| other.name != one.name && needs(one, other))
        };
        let Some(at) = left.iter().position(free) else {
            let names: Vec<&str> = left.iter().map(|one| &*one.name).collect();
            let why = format!("these modules need each other: {}", names.join(", "));
            return Err(Error::Modules { why });
        };
        order.push(left.remove(at));
    }
    Ok(order)
}

/// Whether a module needs another one. modpost only lists a module in `depends` if it had the symbols
/// of that module.
fn needs(one: &Ko, other: &Ko) -> bool {
    one.depends.contains(&other.name)
        || one
            .imports
            .iter()
            .any(|symbol| other.exports.contains(symbol))
}

/// The names in `depends` that none of these modules has: the kernel's own.
pub(crate) fn in_tree(modules: &[Ko]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in modules.iter().flat_map(|one| &one.depends) {
        if !names.contains(name) && !modules.iter().any(|one| one.name == *name) {
            names.push(name.clone());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ko(name: &str, depends: &[&str], exports: &[&str], imports: &[&str]) -> Ko {
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Ko {
            path: format!("{name}.ko").into(),
            name: name.into(),
            release: "6.12".into(),
            arch: Some(Arch::X86_64),
            depends: own(depends),
            exports: own(exports),
            imports: own(imports),
            has_suites: false,
            bytes: Vec::new(),
        }
    }

    fn names(modules: &[Ko]) -> Vec<&str> {
        modules.iter().map(|one| &*one.name).collect()
    }

    #[test]
    fn a_module_that_sets_timers_may_be_called_later_and_one_that_only_prints_may_not() {
        let prints = ko("prints", &[], &[], &["_printk", "param_ops_int"]);
        assert!(!may_be_called_later(std::slice::from_ref(&prints)));
        for name in ["mod_timer", "queue_delayed_work_on", "__register_chrdev"] {
            let other = ko("other", &[], &[], &["_printk", name]);
            assert!(may_be_called_later(&[prints.clone(), other]), "{name}");
        }
    }

    #[test]
    fn modules_load_after_those_that_they_name_or_whose_symbols_they_use() {
        let modules = vec![
            ko("top", &["middle", "crc_itu_t"], &[], &[]),
            ko("middle", &[], &["middle_get"], &["base_get", "printk"]),
            ko("alone", &[], &[], &["printk"]),
            ko("base", &["crc_itu_t"], &["base_get"], &[]),
        ];
        assert_eq!(in_tree(&modules), ["crc_itu_t"]);
        let order = in_order(modules).unwrap();
        assert_eq!(names(&order), ["alone", "base", "middle", "top"]);
    }

    #[test]
    fn a_cycle_and_a_name_that_comes_twice_are_errors_with_names() {
        let cycle = vec![ko("a", &["b"], &[], &[]), ko("b", &["a"], &[], &[])];
        let error = in_order(cycle).unwrap_err().to_string();
        assert_eq!(error, "these modules need each other: a, b");
        let twice = vec![ko("a", &[], &[], &[]), ko("a", &[], &[], &[])];
        let error = in_order(twice).unwrap_err().to_string();
        assert!(error.contains("both the module a"), "{error}");
    }

    #[test]
    fn a_file_that_is_not_a_module_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.ko");
        fs::write(&path, "text").unwrap();
        let error = Ko::read(&path).unwrap_err().to_string();
        assert!(error.contains("x.ko is not a kernel module: "), "{error}");
    }
}
