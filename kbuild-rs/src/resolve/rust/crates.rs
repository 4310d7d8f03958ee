//! The Rust sources of a build, and the compiler for them. Sources that a Kbuild names under a
//! condition are not checked, because only make knows whether they are compiled.

use std::path::{Path, PathBuf};

use crate::kbuild::{Folder, Makefiles};
use crate::kernel::{RustRequest, Rustc, Toolchain};
use crate::settings::Settings;
use crate::{Error, Kernel, Result};

/// The crates that a build compiles.
#[derive(Debug, Default)]
pub(crate) struct Crates {
    /// The crates that are compiled in any case.
    pub(crate) certain: Vec<PathBuf>,
    /// The crates that a Kbuild compiles under a condition that only make can decide.
    pub(crate) perhaps: Vec<PathBuf>,
}

impl Crates {
    pub(crate) fn certain(roots: &[PathBuf]) -> Crates {
        Crates {
            certain: roots.to_vec(),
            perhaps: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.certain.is_empty() && self.perhaps.is_empty()
    }

    /// The crates in the makefiles of a module tree, read as text. With `more`, there may be other
    /// crates, which only appear during the build.
    pub(crate) fn of_tree(dir: &Path, more: bool) -> Crates {
        let mut crates = Crates::default();
        if more {
            crates.perhaps.push(dir.to_owned());
        }
        let makefiles = Makefiles::of(dir);
        for folder in &makefiles.folders {
            for (word, is_certain) in words(folder) {
                let Some(stem) = word.strip_suffix(".o") else {
                    continue;
                };
                let source = folder.dir.join(format!("{stem}.rs"));
                let in_c = ["c", "S"].map(|end| folder.dir.join(format!("{stem}.{end}")));
                if source.is_file() && !in_c.iter().any(|file| file.is_file()) {
                    match is_certain {
                        true => crates.certain.push(source),
                        false => crates.perhaps.push(source),
                    }
                }
            }
        }
        crates
    }

    /// The compiler for the crates, if one of them is to be compiled for this kernel.
    ///
    /// # Errors
    /// Every problem that would make rustc fail, if rustc certainly runs.
    pub(crate) fn rustc(
        &self,
        settings: &Settings,
        kernel: &Kernel,
        tools: &Toolchain,
        request: &RustRequest<'_>,
    ) -> Result<Option<Rustc>> {
        let find = || {
            kernel.check_rust_metadata()?;
            let rustc = kernel.rustc(request)?;
            if let Some(warning) = kernel.check_rust_llvm(tools)? {
                settings.sink.warning("other-llvm-than-rustc", &warning);
            }
            Ok(Some(rustc))
        };
        match (self.certain.first(), self.perhaps.first()) {
            (Some(source), _) => {
                kernel.check_rust(source)?;
                for source in &self.certain {
                    kernel.check_crate_name(source)?;
                }
                find()
            }
            (None, Some(_)) if kernel.has_rust() => {
                let warn = |error: Error| {
                    let text = error.to_string();
                    settings.sink.warning("rust-may-fail", &text);
                };
                for source in self.perhaps.iter().filter(|source| source.is_file()) {
                    kernel.check_crate_name(source).unwrap_or_else(warn);
                }
                find().or_else(|error| {
                    warn(error);
                    Ok(None)
                })
            }
            _ => Ok(None),
        }
    }
}

/// The words of a folder's assignments, and whether each one applies to every kernel.
fn words(folder: &Folder) -> impl Iterator<Item = (&str, bool)> {
    folder.assignments().flat_map(|a| {
        let of_kbuild = a.name.contains("-m") || a.name.contains("-y");
        let is_certain = a.condition.is_none() && of_kbuild && !a.name.contains('$');
        a.value
            .split_whitespace()
            .map(move |word| (word, is_certain))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_under_a_condition_are_told_from_those_that_always_count() {
        let root = crate::fixture::Root::new();
        root.write(
            "Kbuild",
            "obj-m := a.o \\\n b.o # c.o\nobj-$(CONFIG_RUST) += d.o\nifdef X\n\
             a-y += e.o\nendif\na-objs-y = f.o\nX := g.o\n",
        );
        let folder = Folder::read(root.path(), root.path());
        let all: Vec<(&str, bool)> = words(&folder).collect();
        let certain: Vec<&str> = all.iter().filter(|w| w.1).map(|w| w.0).collect();
        assert_eq!(certain, ["a.o", "b.o", "f.o"]);
        assert_eq!(all.len(), 6);
    }

    #[test]
    fn the_crates_of_a_tree_are_those_that_its_kbuild_files_name() {
        let root = crate::fixture::Root::new();
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
