//! `rust-project.json`: the crates of a module and of its kernel, for rust-analyzer.
//!
//! The data comes from the commands that kbuild saves and from the kernel's source, because
//! packages often lack the kernel's own script for this. Crates that a kernel does not have are
//! left out: each release has other crates.

mod entry;
mod known;
pub(super) mod merge;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::compile_commands::{all_entries, json};
use crate::kbuild::cmd_file;
use crate::make::PathMap;
use crate::stage::{PRIVATE, RUST_ENTRIES, RUST_PROJECT};
use crate::syntax::words;
use crate::sys::{Writer, regular, walk};
use crate::{Kernel, Result};
use entry::{Crate, list};
use known::{KNOWN, Known, MODULE};

pub use merge::merge_rust_projects;

/// The path in a kernel tree of its configuration as flags for rustc.
const CFGS: &str = "include/generated/rustc_cfg";

/// The crates that a kernel's modules depend on.
pub(crate) struct Crates<'a> {
    kernel: &'a Kernel,
    /// The folder of Rust's own sources.
    library: Option<PathBuf>,
    /// The place where rust-analyzer finds its server for procedural macros.
    sysroot: Option<PathBuf>,
    /// The crates of [`KNOWN`] that exist here, with their roots.
    found: Vec<(&'static Known, PathBuf)>,
    /// The `cfg`s of the kernel's configuration, about a thousand, in the form of the file.
    cfgs: String,
}

/// A crate of the module itself.
struct Compiled {
    root: PathBuf,
    /// The arguments of rustc.
    args: Vec<String>,
    /// The folders outside of the module with sources that the crate includes.
    included: Vec<PathBuf>,
}

impl<'a> Crates<'a> {
    pub(crate) fn of(kernel: &'a Kernel, rustc: &Path) -> Self {
        let library = library(rustc, kernel);
        let sysroot = rustc.ancestors().nth(2);
        let sysroot = sysroot.filter(|dir| dir.join("lib/rustlib").is_dir());
        let source = kernel.source_dir();
        let path = |root: &str| match (root.strip_prefix("library/"), &library) {
            (Some(below), Some(library)) => Some(library.join(below)),
            (Some(_), None) => None,
            (None, _) => Some(source.join(root)),
        };
        let mut found: Vec<(&'static Known, PathBuf)> = Vec::new();
        for known in KNOWN {
            for root in known.roots {
                let is_new = found.last().is_none_or(|(last, _)| last.name != known.name);
                if let Some(root) = path(root).filter(|root| is_new && root.is_file()) {
                    found.push((known, root));
                }
            }
        }
        let text = regular::read_to_string(kernel.dir().join(CFGS));
        let mut cfgs = Vec::new();
        for line in text.unwrap_or_default().lines() {
            if let Some(cfg) = line.strip_prefix("--cfg=") {
                cfgs.push(cfg.to_owned());
            }
        }
        Crates {
            kernel,
            library,
            sysroot: sysroot.map(Path::to_owned),
            found,
            cfgs: list(&cfgs),
        }
    }

    /// The existing crates of these names, with their numbers.
    fn numbers<'b>(&self, names: &[&'b str]) -> Vec<(usize, &'b str)> {
        let mut numbers = Vec::new();
        for name in names {
            if let Some(at) = self.found.iter().position(|(known, _)| known.name == *name) {
                numbers.push((at, *name));
            }
        }
        numbers
    }

    /// The entries of the kernel's own crates.
    fn entries(&self) -> Vec<String> {
        let makefile = self.kernel.source_dir().join("rust/Makefile");
        let makefile = regular::read_to_string(makefile).unwrap_or_default();
        let objtree = self.kernel.dir();
        let mut entries = Vec::new();
        for (known, root) in &self.found {
            let of_rust = self
                .library
                .as_ref()
                .is_some_and(|dir| root.starts_with(dir));
            let generated = ["bindings", "uapi", "kernel"].contains(&known.name);
            let own_cfgs = list(&cfgs_of(&makefile, known.name));
            let new = self
                .kernel
                .config("RUSTC_VERSION")
                .and_then(|v| v.parse().ok())
                >= Some(108_700);
            let file = objtree.join(format!("rust/lib{}.so", known.name));
            let folder = root.parent().unwrap_or(root);
            entries.push(
                Crate {
                    name: known.name,
                    root,
                    edition: match known.name {
                        _ if of_rust && new => "2024",
                        "quote" => "2018",
                        _ => "2021",
                    },
                    cfgs: if generated { &self.cfgs } else { &own_cfgs },
                    needs: self.numbers(known.needs),
                    env: environment(objtree),
                    folders: match generated {
                        true => vec![folder.to_owned(), objtree.join("rust")],
                        false => Vec::new(),
                    },
                    excluded: Vec::new(),
                    library: Some(file).filter(|file| file.is_file()),
                    own: false,
                }
                .entry(),
            );
        }
        entries
    }

    /// The crate that a saved command compiled; `None` if it is not a crate.
    fn compiled(&self, text: &str, cwd: &Path, map: &PathMap) -> Option<Compiled> {
        let (_, command) = text.lines().next()?.split_once(":= ")?;
        let source = text
            .lines()
            .find_map(|l| l.strip_prefix("source_")?.split_once(":= "));
        let root = map.source(&cwd.join(source?.1.trim()));
        if root.extension()? != "rs" || !root.is_file() {
            return None;
        }
        let words = words(&command.replace("$(pound)", "#").replace("$$", "$"))?;
        let mut args = Vec::new();
        for word in words {
            let file = word.strip_prefix('@').map(|file| cwd.join(file));
            match file.map(regular::read_to_string) {
                Some(Ok(text)) => args.extend(text.lines().map(str::to_owned)),
                _ => args.push(word),
            }
        }
        // A crate may include sources elsewhere: those that a build script generated.
        let mut included: Vec<PathBuf> = Vec::new();
        for file in cmd_file::parse(text).map(Path::new) {
            let folder = file.parent().unwrap_or(file);
            let is_source = file.is_absolute() && file.extension().is_some_and(|e| e == "rs");
            if is_source && map.source(file) == file && !included.iter().any(|f| f == folder) {
                included.push(folder.to_owned());
            }
        }
        Some(Compiled {
            root,
            args,
            included,
        })
    }

    /// The description of a crate that was never compiled.
    fn expected(&self, root: &Path, flags: &Path) -> Compiled {
        let mut args = vec!["--cfg=MODULE".to_owned()];
        args.extend(MODULE.iter().map(|name| format!("--extern={name}")));
        let of_kernel = self.kernel.dir().join(CFGS);
        for file in [&of_kernel, flags] {
            let text = regular::read_to_string(file).unwrap_or_default();
            args.extend(text.lines().map(str::to_owned));
        }
        Compiled {
            root: root.to_owned(),
            args,
            included: Vec::new(),
        }
    }

    fn entry(
        &self,
        one: &Compiled,
        env: &[(String, PathBuf)],
        bound: &[PathBuf],
    ) -> Option<String> {
        let (root, args) = (&*one.root, &*one.args);
        let values = |flag: &str| {
            let mut values: Vec<&str> = Vec::new();
            for (at, arg) in args.iter().enumerate() {
                match arg.strip_prefix(flag) {
                    Some("") => values.extend(args.get(at + 1).map(String::as_str)),
                    Some(joined) => values.extend(joined.strip_prefix('=')),
                    None => {}
                }
            }
            values
        };
        let mut needs = vec!["core", "compiler_builtins"];
        needs.extend(values("--extern"));
        let needs = self.numbers(&needs);
        let cfgs: Vec<String> = values("--cfg").into_iter().map(str::to_owned).collect();
        let mut environment = environment(self.kernel.dir());
        let mut folders = vec![root.parent().unwrap_or(root).to_owned()];
        for (variable, value) in env {
            environment.push((variable.clone(), value.display().to_string()));
        }
        folders.extend(
            bound
                .iter()
                .filter_map(|file| file.parent())
                .map(Path::to_owned),
        );
        folders.extend(one.included.iter().cloned());
        folders.dedup();
        let excluded = folders
            .iter()
            .skip(1)
            .flat_map(|dir| ["src", "gen", PRIVATE].map(|own| dir.join(own)));
        Some(
            Crate {
                name: &root.file_stem()?.to_string_lossy().replace('-', "_"),
                root,
                edition: values("--edition").first().copied().unwrap_or("2021"),
                cfgs: &list(&cfgs),
                needs,
                env: environment,
                excluded: excluded.collect(),
                folders,
                library: None,
                own: true,
            }
            .entry(),
        )
    }
}

/// The environment variables that the kernel's macros and crates read.
fn environment(objtree: &Path) -> Vec<(String, String)> {
    vec![
        ("OBJTREE".into(), objtree.display().to_string()),
        ("RUST_MODFILE".into(), "module".into()),
    ]
}

/// The folder of Rust's own sources. rustup and distributions put it beside the compiler, or into a
/// folder with the version in its name.
fn library(rustc: &Path, kernel: &Kernel) -> Option<PathBuf> {
    let version = kernel.rustc_version().unwrap_or_default();
    let version = version.split(' ').nth(1).unwrap_or_default();
    let mut places = vec![PathBuf::from(format!("/usr/src/rustc-{version}/library"))];
    for root in rustc.ancestors().skip(2).take(2) {
        for usr in [root, &root.join("usr")] {
            places.push(usr.join(format!("src/rustc-{version}/library")));
            places.push(usr.join("lib/rustlib/src/rust/library"));
        }
    }
    places.reverse();
    places.retain(|dir| dir.join("core/src/lib.rs").is_file());
    fs::canonicalize(places.first()?).ok()
}

/// The `NAME-cfgs` of rust/Makefile. Flags that depend on the compiler's version are left out.
fn cfgs_of(makefile: &str, name: &str) -> Vec<String> {
    let text = makefile.replace("\\\n", " ");
    let value = text.lines().find_map(|line| {
        let value = line.strip_prefix(name)?.strip_prefix("-cfgs")?;
        Some(value.split_once('=')?.1.to_owned())
    });
    let value = value.unwrap_or_default();
    let words = value.split_whitespace().filter(|word| *word != "--cfg");
    let plain = words.filter(|word| !word.contains(['$', '(', ')', ',']));
    plain.map(|word| word.replace('\'', "")).collect()
}

/// The file that a module folder keeps: the kernel's part, an empty line, and one line for each own
/// crate. Empty if there are no such crates. If one of `roots` did not compile, its entry comes
/// from its text and from `flags`, the file with its own flags.
pub(crate) fn entries(
    crates: &Crates<'_>,
    (module_dir, cwd, map): (&Path, &Path, &PathMap),
    (roots, flags): (&[PathBuf], &Path),
    (env, bound): (&[(String, PathBuf)], &[PathBuf]),
) -> Result<String> {
    let mut lines = BTreeSet::new();
    let mut compiled = Vec::new();
    walk(module_dir, &mut |path, _| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') && name.ends_with(".o.cmd") {
            let text = regular::read_to_string(path).unwrap_or_default();
            if let Some(one) = crates.compiled(&text, cwd, map) {
                lines.extend(crates.entry(&one, env, bound));
                compiled.push(one.root);
            }
        }
        Ok(())
    })?;
    for root in roots.iter().filter(|root| !compiled.contains(root)) {
        lines.extend(crates.entry(&crates.expected(root, flags), env, bound));
    }
    if lines.is_empty() {
        return Ok(String::new());
    }
    let sysroot = crates.sysroot.iter();
    let sysroot = sysroot.map(|dir| format!("\"sysroot\":{},\n", json(&dir.to_string_lossy())));
    let mut text = sysroot.collect::<String>() + "\"crates\":[\n";
    text.push_str(&crates.entries().join(",\n"));
    text.push_str("\n\n");
    lines.iter().for_each(|line| text.extend([line, "\n"]));
    Ok(text)
}

/// Joins the entries of all module folders below `shared` into the file in `out`. If there are
/// none, removes that file. Entries for another kernel than `first`'s are left out, because such a
/// file describes one kernel.
pub(crate) fn publish(writer: &Writer, first: &Path, shared: &Path, out: &Path) -> Result<()> {
    let texts = all_entries(writer, first, shared, RUST_ENTRIES)?;
    let parts = texts.iter().filter_map(|text| text.split_once("\n\n"));
    let parts = parts.map(|(kernel, own)| (kernel, own.lines().collect()));
    let file = out.join(RUST_PROJECT);
    match merge::join(parts) {
        Some(text) => writer.write_if_changed(&file, text.as_bytes()),
        None => writer.remove_file(&file).map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crates_cfgs_are_read_in_either_form() {
        let makefile = "core-cfgs = \\\n    --cfg no_fp_fmt_parse\n\
                        syn-cfgs := \\\n    feature=\"full\" \\\n    wrap $(if $(call x,1),y z)\n\
                        rustdoc-core: private x = $(core-cfgs)\n";
        assert_eq!(cfgs_of(makefile, "core"), ["no_fp_fmt_parse"]);
        assert_eq!(cfgs_of(makefile, "syn"), ["feature=\"full\"", "wrap"]);
        assert!(cfgs_of(makefile, "kernel").is_empty());
    }
}
