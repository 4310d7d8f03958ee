//! Builds with Rust in them: which sources are, the compiler for them, what it is told.

mod settings;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use super::Build;
use super::variables::without_equals;
use crate::cargo::Door;
use crate::files::{is_carryable, normal};
use crate::kbuild_file::{Layout, argument_file};
use crate::kernel::{RustRequest, Rustc, Toolchain, of_rustup};
use crate::make::{PathMap, find_program};
use crate::{Error, ErrorKind, Kernel, Result};

/// The file that tells of the compiler, among a module folder's private ones.
pub(super) const NOTE: &str = "rustc";

/// The crates that a build compiles.
#[derive(Debug, Default)]
pub(super) struct Crates {
    /// Those that are compiled in any case.
    pub(super) certain: Vec<PathBuf>,
    /// Those that a Kbuild compiles under a condition, which only make can tell.
    pub(super) perhaps: Vec<PathBuf>,
}

impl Crates {
    pub(super) fn certain(roots: &[PathBuf]) -> Crates {
        Crates {
            certain: roots.to_vec(),
            perhaps: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.certain.is_empty() && self.perhaps.is_empty()
    }

    /// Those that the Kbuild files of a module tree name, read as text. Whoever names a compiler
    /// (`asked`) may know of others, which only come to be when the tree is built.
    pub(super) fn of_tree(dir: &Path, asked: bool) -> Crates {
        let mut crates = Crates::default();
        if asked {
            crates.perhaps.push(dir.to_owned());
        }
        let mut open = vec![dir.to_owned()];
        let mut seen = vec![dir.to_owned()];
        while let Some(dir) = open.pop() {
            let text = ["Kbuild", "Makefile"]
                .iter()
                .find_map(|name| fs::read_to_string(dir.join(name)).ok())
                .unwrap_or_default();
            for (word, certain) in words(&text) {
                if let Some(below) = word.strip_suffix('/') {
                    let below = normal(&dir.join(below));
                    // No kernel nests folders as deep; a link may lead back.
                    if below.components().count() < 64 && !seen.contains(&below) {
                        seen.push(below.clone());
                        open.push(below);
                    }
                } else if let Some(stem) = word.strip_suffix(".o") {
                    let source = dir.join(format!("{stem}.rs"));
                    let in_c = ["c", "S"].map(|end| dir.join(format!("{stem}.{end}")));
                    if source.is_file() && !in_c.iter().any(|file| file.is_file()) {
                        match certain {
                            true => crates.certain.push(source),
                            false => crates.perhaps.push(source),
                        }
                    }
                }
            }
        }
        crates
    }

    /// The compiler for them, where any of them is to be compiled for this kernel.
    ///
    /// # Errors
    /// Whatever would make rustc fail, where it is certain that it runs.
    pub(super) fn rustc(
        &self,
        build: &Build,
        kernel: &Kernel,
        tools: &Toolchain,
        request: &RustRequest<'_>,
    ) -> Result<Option<Rustc>> {
        let find = || {
            let rustc = kernel.rustc(request)?;
            if let Some(warning) = kernel.check_rust_llvm(tools)? {
                build.sink.warning(&warning);
            }
            Ok(Some(rustc))
        };
        match (self.certain.first(), self.perhaps.first()) {
            (Some(source), _) => {
                kernel.check_rust(source)?;
                find()
            }
            (None, Some(_)) if kernel.has_rust() => find().or_else(|error: Error| {
                build.sink.warning(&error.to_string());
                Ok(None)
            }),
            _ => Ok(None),
        }
    }
}

/// The words of a Kbuild file's assignments, and whether each stands there whatever the kernel is.
fn words(makefile: &str) -> Vec<(String, bool)> {
    let mut words = Vec::new();
    let mut conditions = 0_usize;
    for line in makefile.replace("\\\n", " ").lines() {
        let line = line.split('#').next().unwrap_or_default();
        let first = line.split_whitespace().next().unwrap_or_default();
        if matches!(first, "ifeq" | "ifneq" | "ifdef" | "ifndef") {
            conditions += 1;
        } else if first == "endif" {
            conditions = conditions.saturating_sub(1);
        } else if let Some((variable, value)) = line.split_once('=') {
            let of_kbuild = variable.contains("-m") || variable.contains("-y");
            let certain = conditions == 0 && of_kbuild && !variable.contains('$');
            let value = value.split_whitespace().map(str::to_owned);
            words.extend(value.map(|word| (word, certain)));
        }
    }
    words
}

/// Where a compiler may be: in `PATH`, where Cargo has its own, where rustup keeps them.
pub(super) fn request<'a>(
    door: Door,
    rustc: Option<&'a str>,
    path: &'a OsStr,
    note: &Path,
) -> RustRequest<'a> {
    let mut others: Vec<PathBuf> = door.cargo("RUSTC").map(PathBuf::from).into_iter().collect();
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = set("RUSTUP_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(Path::new(&set("HOME")?).join(".rustup")));
    others.extend(home.iter().flat_map(|home| of_rustup(home)));
    others.retain(|file| file.is_absolute());
    RustRequest {
        rustc,
        path,
        others,
        known: fs::read(note).unwrap_or_default(),
    }
}

/// What goes into `KRUSTFLAGS`: prefix maps that turn stage paths into source paths in messages,
/// debug information and `file!()`. rustc reads an argument a line.
pub(super) fn map_file(map: &PathMap) -> Result<Vec<u8>> {
    let mut args: Vec<OsString> = Vec::new();
    let mut add = |from: &OsStr, to: &Path| {
        let mut arg = OsString::from("--remap-path-prefix=");
        arg.push(from);
        arg.push("=");
        arg.push(without_equals(to));
        args.push(arg);
    };
    for (stage, source) in map.pairs() {
        add(stage.as_os_str(), source);
        if let Some((staged, by_hand)) = map.relative(stage, source) {
            add(staged.as_os_str(), &by_hand);
        }
    }
    argument_file(&args)
}

/// The bindgen for the headers that Rust sources call, where there are any; rustc is told in
/// `env` what came of them.
///
/// # Errors
/// [`ErrorKind::ToolNotFound`] where it is not here.
pub(super) fn bindgen(
    layout: &Layout,
    named: Option<&str>,
    env: &mut Vec<(OsString, OsString)>,
) -> Result<Option<PathBuf>> {
    if layout.bound.is_empty() {
        return Ok(None);
    }
    for bound in &layout.bound {
        env.push(((&bound.variable).into(), (&bound.file).into()));
    }
    let name = named.unwrap_or("bindgen");
    let found = match name.contains('/') {
        true => std::path::absolute(name).ok().filter(|file| file.is_file()),
        false => find_program(name, env),
    };
    match found.filter(|file| is_carryable(file)) {
        Some(file) => Ok(Some(file)),
        None => Err(Error::new(
            ErrorKind::ToolNotFound,
            format!(
                "the program {name} declares C headers for Rust (bindings), and is not here: \
                 install bindgen (Debian, Ubuntu), bindgen-cli (Fedora), rust-bindgen (Arch), or \
                 run `cargo install bindgen-cli`; KBUILD_RS_BINDGEN names one that is not in PATH"
            ),
        )),
    }
}

/// The clippy that belongs to a compiler: it is that compiler, with more lints.
///
/// # Errors
/// [`ErrorKind::ToolNotFound`] where it is not beside it.
pub(super) fn clippy(rustc: &Rustc) -> Result<PathBuf> {
    let driver = rustc.file.with_file_name("clippy-driver");
    match driver.is_file() {
        true => Ok(driver),
        false => Err(Error::new(
            ErrorKind::ToolNotFound,
            format!(
                "clippy is not beside the rustc that compiles this module: there is no {}; to get \
                 it: rustup component add clippy, or the package rust-clippy (clippy on Fedora)",
                driver.display()
            ),
        )),
    }
}

/// What the compiler reads besides the crates that its dep-info tells of.
pub(super) fn whole(kernel: &Kernel, rustc: &Rustc) -> Vec<PathBuf> {
    let mut files = kernel.rust_files();
    // What is compiled against them goes, and nothing else.
    files.retain(|file| !file.extension().is_some_and(|e| e == "rmeta" || e == "so"));
    files.retain(|file| file.is_file());
    files.push(rustc.file.clone());
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_under_a_condition_are_told_from_those_that_always_count() {
        let text = "obj-m := a.o \\\n b.o # c.o\nobj-$(CONFIG_RUST) += d.o\nifdef X\n\
                    a-y += e.o\nendif\na-objs-y = f.o\nX := g.o\n";
        let all = words(text);
        let certain: Vec<&str> = all.iter().filter(|w| w.1).map(|w| &*w.0).collect();
        assert_eq!(certain, ["a.o", "b.o", "f.o"]);
        assert_eq!(all.len(), 6);
    }

    #[test]
    fn the_crates_of_a_tree_are_those_that_its_kbuild_files_name() {
        let root = crate::kernel::fixture::Root::new();
        root.write(
            "Kbuild",
            "obj-m += one.o sub/ ./\nobj-$(CONFIG_RUST) += two.o\n",
        );
        root.write("sub/Makefile", "obj-m := x.o\nx-y := three.o four.o\n");
        for file in [
            "one.rs",
            "two.rs",
            "sub/three.rs",
            "sub/four.c",
            "sub/four.rs",
            "main.rs",
        ] {
            root.write(file, "");
        }
        let crates = Crates::of_tree(root.path(), false);
        assert_eq!(
            crates.certain,
            [root.join("one.rs"), root.join("sub/three.rs")]
        );
        assert_eq!(crates.perhaps, [root.join("two.rs")]);
    }
}
