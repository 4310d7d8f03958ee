//! Setters that have no meaning for the module that is built.

use crate::settings::{Module, Settings};
use crate::{Error, Result};

/// Refuses a build on which a setter of the other kind of module was called. Without a word, the
/// caller would get a module that lacks what it asked for.
pub(crate) fn refuse_misplaced(settings: &Settings) -> Result<()> {
    let Some(setter) = settings.misplaced else {
        return Ok(());
    };
    Err(Error::input(match &settings.module {
        Module::Tree(tree) => format!(
            "Build::{setter} is for a module from sources (Build::new), and {} is a module tree \
             (Build::tree): remove the call, and say it in the tree's Kbuild",
            tree.dir.display()
        ),
        Module::Declared(_) => format!(
            "Build::{setter} is for a module tree (Build::tree), and this module is built from \
             sources (Build::new): remove the call"
        ),
    }))
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
