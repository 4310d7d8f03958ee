//! `KBUILD_RS_SKIP`: builds nothing and succeeds, for documentation builds and machines without
//! kernel headers.

use std::fs;
use std::path::{Path, PathBuf};

use super::places::output_directory;
use super::{Build, Form};
use crate::Result;
use crate::cargo::{self, Door};
use crate::report::{Artifact, Report};
use crate::sys::{Root, Writer};

/// Whether `KBUILD_RS_SKIP` is set, and this is a build script.
pub(super) fn is_wanted(door: Door) -> bool {
    door.metadata && door.user("KBUILD_RS_SKIP").is_some_and(|v| v != "0")
}

/// Puts an empty file where each `.ko` would be, so that `include_bytes!` compiles.
pub(super) fn placeholders(build: &Build, name: Option<&str>, door: Door) -> Result<Report> {
    let out = output_directory(build, door)?;
    let writer = Writer::new([Root::make(&out)?]);
    let names = names(build, name, door)?;
    let mut modules = Vec::new();
    for name in names {
        let path = out.join(format!("{name}.ko"));
        writer.write_if_changed(&path, b"")?;
        cargo::announce_module(&name, &path);
        modules.push(Artifact { name, path });
    }
    Ok(Report::skipped(out, modules))
}

/// The modules that would be built.
pub(super) fn names(build: &Build, name: Option<&str>, door: Door) -> Result<Vec<String>> {
    Ok(match (name, &build.form) {
        (Some(name), _) => {
            crate::kbuild_file::check_name(name)?;
            vec![name.to_owned()]
        }
        (None, Form::Tree(tree)) => {
            let base = build
                .base
                .clone()
                .or_else(|| door.cargo("CARGO_MANIFEST_DIR").map(PathBuf::from));
            names_in(&base.unwrap_or_default().join(&tree.dir))
        }
        (None, Form::Declared(_)) => Vec::new(),
    })
}

/// The modules that a tree's Kbuild files name in `obj-…`, read as text: without a kernel,
/// nobody can evaluate them.
fn names_in(dir: &Path) -> Vec<String> {
    let text = ["Kbuild", "Makefile"]
        .iter()
        .find_map(|file| fs::read_to_string(dir.join(file)).ok())
        .unwrap_or_default()
        .replace("\\\n", " ");
    let mut names = Vec::new();
    for line in text.lines() {
        let Some((variable, value)) = line.split_once('=') else {
            continue;
        };
        if !variable.trim_start().starts_with("obj-") {
            continue;
        }
        for word in value
            .split('#')
            .next()
            .unwrap_or_default()
            .split_whitespace()
        {
            if let Some(module) = word.strip_suffix(".o") {
                let module = module.rsplit('/').next().unwrap_or(module);
                if !names.iter().any(|n| n == module) {
                    names.push(module.to_owned());
                }
            } else if word.ends_with('/') {
                names.extend(names_in(&dir.join(word)));
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modules_of_a_nested_tree_are_found_without_a_kernel() {
        let dir = std::env::temp_dir().join(format!("kbuild-skip-{}", std::process::id()));
        fs::create_dir_all(dir.join("sub")).unwrap();
        fs::write(
            dir.join("Kbuild"),
            "obj-m := foo.o \\\n sub/\nfoo-y := a.o # obj-m = b.o\n",
        )
        .unwrap();
        fs::write(dir.join("sub/Makefile"), "obj-$(CONFIG_BAR) += x/bar.o\n").unwrap();
        assert_eq!(names_in(&dir), ["foo", "bar"]);
        fs::remove_dir_all(&dir).unwrap();
    }
}
