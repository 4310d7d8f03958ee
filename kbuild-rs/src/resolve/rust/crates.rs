//! Which sources of a build are Rust, and the compiler for them.

use std::path::{Path, PathBuf};

use crate::kernel::{RustRequest, Rustc, Toolchain};
use crate::settings::Settings;
use crate::sys::{normal, regular};
use crate::{Error, Kernel, Result};

/// The crates that a build compiles.
#[derive(Debug, Default)]
pub(crate) struct Crates {
    /// Those that are compiled in any case.
    pub(crate) certain: Vec<PathBuf>,
    /// Those that a Kbuild compiles under a condition, which only make can tell.
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

    /// Those that the Kbuild files of a module tree name, read as text; with `more`, there may be
    /// others, which only come to be when the tree is built.
    pub(crate) fn of_tree(dir: &Path, more: bool) -> Crates {
        let mut crates = Crates::default();
        if more {
            crates.perhaps.push(dir.to_owned());
        }
        let mut open = vec![dir.to_owned()];
        let mut seen = vec![dir.to_owned()];
        while let Some(dir) = open.pop() {
            let text = ["Kbuild", "Makefile"]
                .iter()
                .find_map(|name| regular::read_to_string(dir.join(name)).ok())
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
                settings.sink.warning(&warning);
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
                let warn = |error: Error| settings.sink.warning(&error.to_string());
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

/// The words of a Kbuild file's assignments, and whether each stands there whatever the kernel is.
fn words(makefile: &str) -> Vec<(String, bool)> {
    let mut words = Vec::new();
    // Of each condition around a line, whether kbuild always comes here.
    let mut conditions: Vec<Option<bool>> = Vec::new();
    for line in makefile.replace("\\\n", " ").lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut parts = line.split_whitespace();
        match parts.next().unwrap_or_default() {
            first @ ("ifeq" | "ifneq" | "ifdef" | "ifndef") => {
                conditions.push(is_kbuild(first, &parts.collect::<String>()));
                continue;
            }
            "else" => {
                if let Some(last) = conditions.last_mut() {
                    *last = last.map(|comes| !comes).filter(|_| parts.next().is_none());
                }
                continue;
            }
            "endif" => {
                conditions.pop();
                continue;
            }
            _ => {}
        }
        // What a person's make reads, who calls ksettings.
        if conditions.contains(&Some(false)) {
            continue;
        }
        if let Some((variable, value)) = line.split_once('=') {
            let of_kbuild = variable.contains("-m") || variable.contains("-y");
            let certain = !conditions.contains(&None) && of_kbuild && !variable.contains('$');
            let value = value.split_whitespace().map(str::to_owned);
            words.extend(value.map(|word| (word, certain)));
        }
    }
    words
}

/// Whether a condition holds in kbuild, where it asks for `KERNELRELEASE`: one file then serves the
/// person who calls make and ksettings. `None` for any other.
fn is_kbuild(word: &str, condition: &str) -> Option<bool> {
    match (word, condition) {
        ("ifneq", "($(KERNELRELEASE),)" | "(,$(KERNELRELEASE))") => Some(true),
        ("ifeq", "($(KERNELRELEASE),)" | "(,$(KERNELRELEASE))") => Some(false),
        ("ifdef", "KERNELRELEASE") => Some(true),
        ("ifndef", "KERNELRELEASE") => Some(false),
        _ => None,
    }
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
    fn what_is_for_kbuild_alone_in_a_makefile_for_both_is_certain() {
        let assigned = |text: &str| -> Vec<String> {
            let said = words(text).into_iter();
            said.map(|(word, certain)| format!("{word} {certain}"))
                .collect()
        };
        for (kbuild, other) in [
            ("ifneq ($(KERNELRELEASE),)", "else"),
            ("ifdef KERNELRELEASE", "else"),
            ("ifneq  ( $(KERNELRELEASE) , )", "  else # by hand"),
        ] {
            let text = format!("{kbuild}\nobj-m := a.o\n{other}\nobj-m := b.o\nendif\nx-y := c.o");
            assert_eq!(assigned(&text), ["a.o true", "c.o true"]);
        }
        for (other, kbuild) in [
            ("ifeq ($(KERNELRELEASE),)", "else"),
            ("ifndef KERNELRELEASE", "else"),
        ] {
            let text = format!("{other}\nobj-m := a.o\n{kbuild}\nobj-m := b.o\nendif");
            assert_eq!(assigned(&text), ["b.o true"]);
        }
        let nested = "ifdef KERNELRELEASE\nifdef CONFIG_RUST\nobj-m := a.o\nendif\nendif\n\
                      ifeq ($(X),)\nelse ifdef KERNELRELEASE\nobj-m += b.o\nelse\nobj-m += c.o\nendif";
        assert_eq!(assigned(nested), ["a.o false", "b.o false", "c.o false"]);
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
