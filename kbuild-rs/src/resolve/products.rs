//! Checks the files beside the modules that the caller asks for.

use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::Sources;
use crate::kbuild::Folder;
use crate::make::MODULES;
use crate::settings::Settings;
use crate::stage::{COMPILE_COMMANDS, PRIVATE, RUST_PROJECT};
use crate::syntax::is_carryable;
use crate::{Error, Result};

/// The products beside the modules, relative to the module folder.
pub(crate) fn products(
    settings: &Settings,
    sources: &Sources,
    goals: &[String],
    out: &Path,
) -> Result<Vec<PathBuf>> {
    let products = below_module_folder(&settings.products)?;
    let Some(first) = products.first() else {
        return Ok(products);
    };
    let Sources::Tree { root, .. } = sources else {
        return Ok(products);
    };
    // An output directory below the root is not part of the tree.
    let in_tree = |path: &&PathBuf| root.starts_with(out) && out.join(path).starts_with(root);
    if let Some(path) = products.iter().find(in_tree) {
        return Err(Error::input(format!(
            "the product {} would be written into the module tree, where it may replace a source. \
             Choose an output directory other than {}",
            path.display(),
            out.display()
        )));
    }
    if !goals.iter().any(|target| target == MODULES) {
        return Err(Error::input(format!(
            "the product {} is only built together with the modules, but this build names other \
             targets ({}): add the target `modules`, or leave out the product or the targets",
            first.display(),
            goals.join(", ")
        )));
    }
    Ok(products)
}

/// Lines for the makefile that every make reads first. kbuild only builds the files in `extra-y`
/// with the kernel's image. So these rules without a recipe add them to the goal of
/// `scripts/Makefile.build` (up to 6.1 `__build`, then `$(obj)/`).
pub(crate) fn asked_of_kbuild(
    products: &[PathBuf],
    sources: &Sources,
    module_dir: &Path,
) -> Vec<u8> {
    let mut lines = String::new();
    let Sources::Tree { dir, .. } = sources else {
        return Vec::new();
    };
    for product in products {
        let folder = product.parent().unwrap_or(Path::new(""));
        let makefiles = Folder::read(&dir.join(folder), dir);
        if !makefiles.lines.iter().any(|l| l.text.contains("extra-")) {
            continue;
        }
        let name = product.file_name().unwrap_or_default().to_string_lossy();
        // Since 6.13, folders are relative to the module folder.
        let relative = Path::new(".").join(folder);
        let named = [&module_dir.join(folder), &relative, folder];
        let named = named.map(|path| path.display().to_string());
        let named = named.map(|path| path.trim_end_matches('/').to_owned());
        lines.push_str(&format!(
            "ifneq ($(filter {},$(obj)),)\n$(obj)/ __build: $(obj)/{name}\nendif\n",
            named.join(" ").trim_end()
        ));
    }
    lines.into_bytes()
}

/// Products as paths below the module folder, each once.
///
/// # Errors
/// A path that leads elsewhere, that make cannot handle, or that a build publishes anyway.
pub(crate) fn below_module_folder(named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut products: Vec<PathBuf> = Vec::new();
    for product in named {
        let is_below = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        let path: PathBuf = product
            .components()
            .filter(|part| *part != Component::CurDir)
            .collect();
        let is_file =
            !path.as_os_str().is_empty() && !product.as_os_str().as_bytes().ends_with(b"/");
        if !product.components().all(is_below) || !is_file || !is_carryable(&path) {
            return Err(Error::input(format!(
                "{product:?} cannot be a product: name a file below the module tree, as in fw.bin \
                 or sub/fw.bin, without `..`, blanks and characters that are special to make"
            )));
        }
        if let Some(why) = taken(&path) {
            return Err(Error::input(format!(
                "{} cannot be a product: {why}",
                path.display()
            )));
        }
        if !products.contains(&path) {
            products.push(path);
        }
    }
    Ok(products)
}

/// The reason why a path in the output directory is reserved.
fn taken(path: &Path) -> Option<&'static str> {
    let name = path.file_name().unwrap_or_default().as_bytes();
    let ends = |ends: &[&[u8]]| ends.iter().any(|end| name.ends_with(end));
    if ends(&[b".ko"]) {
        Some("modules are always published")
    } else if ends(&[b".symvers"]) {
        Some("the symvers is always published")
    } else if name == b"modules.order" || ends(&[b".mod", b".mod.c", b".mod.o", b".cmd"]) {
        Some("it is a file that kbuild needs for its own work")
    } else if path.starts_with(PRIVATE) {
        Some("the folder is private to kbuild-rs")
    } else if path == Path::new(COMPILE_COMMANDS) || path == Path::new(RUST_PROJECT) {
        Some("each build writes this file for editors")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(products: &[&str]) -> Result<Vec<PathBuf>> {
        let products: Vec<_> = products.iter().map(PathBuf::from).collect();
        below_module_folder(&products)
    }

    #[test]
    fn a_product_is_a_file_below_the_module_folder() {
        let found = of(&["fw.bin", "./fw.bin", "sub/./x", "tool", "a.o"]).unwrap();
        assert_eq!(found, ["fw.bin", "sub/x", "tool", "a.o"].map(PathBuf::from));
        for bad in [
            "",
            ".",
            "/fw.bin",
            "../fw.bin",
            "a/../b",
            "dir/",
            "a b",
            "$(x)",
            "a;b",
            "a\nb",
        ] {
            let error = of(&[bad]).unwrap_err().to_string();
            assert!(error.contains("below the module tree"), "{bad:?}: {error}");
        }
    }

    #[test]
    fn a_file_that_a_build_publishes_anyway_cannot_be_a_product() {
        for (bad, why) in [
            ("a.ko", "modules are"),
            ("sub/a.ko", "modules are"),
            ("Module.symvers", "the symvers is"),
            ("a.mod.c", "kbuild needs"),
            ("modules.order", "kbuild needs"),
            (".a.o.cmd", "kbuild needs"),
            ("compile_commands.json", "for editors"),
            ("rust-project.json", "for editors"),
            (".kbuild/x", "private"),
        ] {
            let error = of(&[bad]).unwrap_err().to_string();
            assert!(error.contains(bad) && error.contains(why), "{error}");
        }
    }
}
