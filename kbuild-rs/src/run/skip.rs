//! `KBUILD_RS_SKIP` and `DOCS_RS`: builds nothing and succeeds, for documentation builds and
//! machines without kernel headers.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::kbuild::Makefiles;
use crate::resolve::{below_module_folder, check_name, output_directory, refuse_misplaced};
use crate::settings::{Artifact, Module, Report, Settings};
use crate::sys::{Root, Writer};

/// Whether this build script builds nothing. docs.rs sets `DOCS_RS`. With `KBUILD_RS_SKIP=0` the
/// script builds anyway.
pub(crate) fn is_wanted(settings: &Settings) -> bool {
    let environment = &settings.environment;
    if !environment.is_build_script {
        return false;
    }
    let (own, of_docs) = (
        environment.user("KBUILD_RS_SKIP"),
        environment.user("DOCS_RS"),
    );
    own.or(of_docs).is_some_and(|value| value != "0")
}

/// Writes an empty file for each `.ko` and each product, so that `include_bytes!` compiles.
pub(crate) fn placeholders(settings: &Settings, name: Option<&str>) -> Result<Report> {
    let out = output_directory(settings)?;
    let writer = Writer::new([Root::make(&out)?]);
    let names = names(settings, name)?;
    let mut modules = Vec::new();
    for name in names {
        let path = out.join(format!("{name}.ko"));
        writer.write_if_changed(&path, b"")?;
        modules.push(Artifact { name, path });
    }
    let mut products = Vec::new();
    for path in below_module_folder(&settings.products)? {
        let path = out.join(path);
        writer.write_if_changed(&path, b"")?;
        products.push(path);
    }
    Ok(Report::skipped(out, modules, products))
}

/// The modules that would be built.
pub(crate) fn names(settings: &Settings, name: Option<&str>) -> Result<Vec<String>> {
    refuse_misplaced(settings)?;
    Ok(match (name, &settings.module) {
        (Some(name), _) => {
            check_name(name)?;
            vec![name.to_owned()]
        }
        (None, Module::Tree(_)) if !settings.modules.is_empty() => {
            settings
                .modules
                .iter()
                .try_for_each(|name| check_name(name))?;
            settings.modules.clone()
        }
        (None, Module::Tree(tree)) => {
            let base = settings.base.clone().or_else(|| {
                settings
                    .environment
                    .of_cargo("CARGO_MANIFEST_DIR")
                    .map(PathBuf::from)
            });
            names_in(&base.unwrap_or_default().join(&tree.dir))
        }
        (None, Module::Declared(_)) => Vec::new(),
    })
}

/// The modules that a tree's makefiles name in `obj-…`. Without a kernel, make cannot evaluate
/// them.
fn names_in(dir: &Path) -> Vec<String> {
    let (mut names, mut known) = (Vec::new(), HashSet::new());
    // A missing tree has no modules.
    let makefiles = fs::canonicalize(dir).map(|dir| Makefiles::of(&dir));
    let folders = makefiles.unwrap_or_default().folders.into_iter();
    for word in folders.flat_map(|folder| folder.objects) {
        if let Some(module) = word.strip_suffix(".o") {
            let module = module.rsplit('/').next().unwrap_or(module);
            if known.insert(module.to_owned()) {
                names.push(module.to_owned());
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Sink;
    use crate::fixture::Root;
    use crate::settings::{Environment, Tree};

    #[test]
    fn empty_files_stand_for_modules_and_for_other_products() {
        let root = Root::new();
        let tree = Module::Tree(Tree::new("driver".into()));
        let mut settings = Settings::new(tree, Environment::new(false), Sink::silent());
        settings.out_dir = Some(root.path().to_owned());
        settings.products = vec!["sub/fw.bin".into()];
        let report = placeholders(&settings, Some("a")).unwrap();
        let firmware = report.out_dir().join("sub/fw.bin");
        assert_eq!(report.products(), std::slice::from_ref(&firmware));
        for file in [&firmware, report.modules()[0].path()] {
            assert_eq!(fs::read(file).unwrap(), b"");
        }
        settings.products.push("../fw.bin".into());
        placeholders(&settings, Some("a")).unwrap_err();
    }

    #[test]
    fn the_modules_of_a_nested_tree_are_found_without_a_kernel() {
        let root = Root::new();
        root.write(
            "Kbuild",
            "obj-m := foo.o \\\n sub/\nfoo-y := a.o # obj-m = b.o\n",
        );
        root.write("sub/Makefile", "obj-$(CONFIG_BAR) += x/bar.o\n");
        assert_eq!(names_in(root.path()), ["foo", "bar"]);
    }

    #[test]
    fn folders_that_name_themselves_or_each_other_are_read_once() {
        let root = Root::new();
        let write = |folder: &str, text: &str| root.write(&format!("{folder}/Kbuild"), text);
        // Two links at each step would lead to 2^n folders, so the walk remembers visited folders.
        write("self", "obj-m += a.o\nobj-y += ./ ./ ././ ../self/\n");
        root.link("../self", "self/again");
        write("each", "obj-m := a.o\nobj-y += ../other/\n");
        write(
            "other",
            "obj-m := b.o a.o\nobj-y += ../each/ ../self/again/\n",
        );
        for i in 0..40 {
            let next = i + 1;
            write(
                &format!("wide{i}"),
                &format!("obj-y := ../wide{next}/ ../wide{next}/./\nobj-m += w{i}.o\n"),
            );
        }
        assert_eq!(names_in(&root.join("self")), ["a"]);
        assert_eq!(names_in(&root.join("each")), ["a", "b"]);
        assert_eq!(names_in(&root.join("wide0")).len(), 40);
    }

    #[test]
    fn a_path_that_grows_without_end_ends() {
        let root = Root::new();
        // This is as deep as a path can be.
        let mut at = root.create_dir(&"d/".repeat(1500));
        while at.starts_with(root.path()) {
            fs::write(at.join("Kbuild"), "obj-y += d/\nobj-m += m.o\n").unwrap();
            at.pop();
        }
        assert_eq!(names_in(root.path()), ["m"]);
    }
}
