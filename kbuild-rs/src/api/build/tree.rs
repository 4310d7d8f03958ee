//! Settings of a module tree: the folder to stage, the commands before make, the files published
//! beside the modules. Each is an error for a declared module.

use std::ffi::OsStr;
use std::path::Path;

use super::Build;
use crate::settings::{Module, Tree};

impl Build {
    /// Sets the folder to stage, if it is not the module tree itself: a tree whose Makefile
    /// reads `../common` needs `tree_root("..")`. Relative to the module tree.
    pub fn tree_root(&mut self, dir: impl AsRef<Path>) -> &mut Self {
        self.of_tree("tree_root", |t| t.tree_root = Some(dir.as_ref().to_owned()))
    }

    /// Leaves files or folders of a module tree out of the build. The pattern is matched against
    /// the path below the tree root: `*` matches any characters but `/`, `**` matches any; a
    /// pattern without `/` matches a name at any depth.
    pub fn exclude(&mut self, glob: &str) -> &mut Self {
        self.of_tree("exclude", |t| t.excludes.push(glob.to_owned()))
    }

    /// Adds a command that prepares a module tree (a `configure` script, a generator). `sh -c` runs
    /// it in the stage, in the module tree, before make starts. It gets make's environment, and the
    /// kernel tree in `KDIR`. It runs the first time and whenever a
    /// [`prepare_input`](Self::prepare_input) has changed. A [placeholder](Self::make_var) in it
    /// becomes one word.
    pub fn prepare(&mut self, command: impl AsRef<OsStr>) -> &mut Self {
        self.of_tree("prepare", |t| t.prepare.push(command.as_ref().to_owned()))
    }

    /// Adds a file of the tree that [`prepare`](Self::prepare) reads, relative to the module
    /// tree. If none is given, a change to any file of the tree runs the command again.
    pub fn prepare_input(&mut self, path: impl AsRef<Path>) -> &mut Self {
        self.of_tree("prepare_input", |t| {
            t.prepare_inputs.push(path.as_ref().to_owned())
        })
    }

    /// Adds a file to publish beside the modules of a tree: firmware, a device tree overlay, a
    /// helper program. A rule of the tree's Kbuild makes it (`always-y += fw.bin`). The path is
    /// relative to the module tree, and the same in the output directory; see
    /// [`Report::products`](crate::Report::products).
    ///
    /// It is an error if make does not make it. A [target](Self::target) replaces the modules and the
    /// products.
    pub fn product(&mut self, path: impl AsRef<Path>) -> &mut Self {
        self.settings.products.push(path.as_ref().to_owned());
        self.of_tree("product", |_| {})
    }

    /// Changes a module tree; for a declared module, the build fails and names the setter.
    fn of_tree(&mut self, setter: &'static str, change: impl FnOnce(&mut Tree)) -> &mut Self {
        match &mut self.settings.module {
            Module::Tree(tree) => change(tree),
            Module::Declared(_) => self.misplace(setter),
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use crate::{Build, ErrorKind, Result};

    fn refused<T: std::fmt::Debug>(build: &mut Build, result: fn(&Build) -> Result<T>) -> String {
        build.cargo_metadata(false).on_message(|_| {});
        let error = result(build).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        error.to_string()
    }

    #[test]
    fn a_setter_of_the_other_kind_of_module_fails_the_build_and_is_named() {
        type Set = fn(&mut Build) -> &mut Build;
        let of_sources: [(&str, Set); 3] = [
            ("file", |build| build.file("a.c")),
            ("file", |build| build.files(["a.c"]).ldflag("-z")),
            ("ldflag", |build| build.ldflag("-z").file("a.c")),
        ];
        for (setter, set) in of_sources {
            let mut build = Build::tree("driver");
            let text = refused(set(&mut build), Build::try_compile_all);
            assert!(
                text.starts_with(&format!("Build::{setter} is for a module from sources")),
                "{text}"
            );
            assert!(text.contains("driver is a module tree"), "{text}");
        }
        let of_trees: [(&str, Set); 5] = [
            ("tree_root", |build| build.tree_root("..")),
            ("exclude", |build| build.exclude("*.orig")),
            ("prepare", |build| build.prepare("true")),
            ("prepare_input", |build| build.prepare_input("a")),
            ("product", |build| build.product("fw.bin")),
        ];
        for (setter, set) in of_trees {
            let mut build = Build::new();
            let text = refused(set(build.file("a.c")), |build| build.try_compile("a"));
            assert!(
                text.starts_with(&format!("Build::{setter} is for a module tree")),
                "{text}"
            );
            let text = refused(&mut build, |build| build.plan(Some("a")));
            assert!(
                text.starts_with(&format!("Build::{setter} is for a module tree")),
                "{text}"
            );
        }
    }
}
