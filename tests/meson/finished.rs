//! Results for other programs: installed modules, and compile commands for an editor.

use std::fs;
use std::path::Path;

use kbuild_tests::run;
use serde_json::Value;

use crate::chain::chain;
use crate::project::*;
use crate::support::*;

#[test]
fn modules_are_installed_where_modprobe_looks_tag_by_tag_and_whole() {
    for with in corners(0) {
        let project = chain(with);
        project.set_up(&[]);
        project.builds();
        let install = |more: &[&str]| {
            let root = tempfile::tempdir().unwrap();
            let mut install = project.meson();
            install.args(["install", "-C"]).arg(project.build_dir());
            install.args(more).arg("--destdir").arg(root.path());
            run::checked(&mut install, LIMIT).unwrap();
            root
        };
        let folder = Path::new("lib/modules").join(&project.kernel().release);
        let below = |folder: &Path, names: &[&str]| -> Vec<String> {
            let paths = names.iter().map(|name| folder.join(name));
            paths.map(|p| p.to_str().unwrap().to_owned()).collect()
        };
        let root = install(&["--tags", "drivers"]);
        let drivers = ["ring.ko", "user.ko"];
        let drivers = below(&folder.join("updates"), &drivers);
        assert_eq!(files_below(root.path()), drivers, "{with:?}");
        let root = install(&["--tags", "runtime"]);
        let old = below(&folder.join("extra"), &["old.ko", "old_sub.ko"]);
        assert_eq!(files_below(root.path()), old, "{with:?}");

        // A module cannot be loaded without its symbols.
        let root = install(&["--strip"]);
        let installed = fs::read(root.path().join(&drivers[1])).unwrap();
        assert!(installed == fs::read(project.out("user.ko")).unwrap());
    }
}

#[test]
fn compile_commands_have_modules_beside_programs_after_each_build_and_setup() {
    for with in corners(1) {
        let files = [
            (
                "meson.build",
                "project('editor', 'c', meson_version: '>=1.0')\n\
                 executable('program', 'program.c')\n\
                 import('kbuild').module('hello', 'hello.c', defines: 'LEVEL=3')\n",
            ),
            ("program.c", "int main(void) { return 0; }\n"),
            ("hello.c", HELLO),
        ];
        let project = Project::new(with, &files);
        project.set_up(&[]);
        project.builds();
        let entries = || -> Vec<(String, String)> {
            let text = fs::read(project.out("compile_commands.json")).unwrap();
            let entries: Vec<Value> = serde_json::from_slice(&text).unwrap();
            let entries = entries.iter().map(|entry| {
                let file = Path::new(entry["file"].as_str().unwrap());
                let name = file.file_name().unwrap().to_str().unwrap();
                (name.to_owned(), entry.to_string())
            });
            entries.collect()
        };
        let names = || -> Vec<String> { entries().into_iter().map(|(name, _)| name).collect() };
        assert_eq!(names(), ["program.c", "hello.c"], "{with:?}");
        let hello = entries().pop().unwrap().1;
        assert!(hello.contains("-DLEVEL=3"), "{hello}");
        let source = project.source().join("hello.c");
        assert!(hello.contains(source.to_str().unwrap()), "{hello}");
        project.set_up(&["--reconfigure"]);
        assert_eq!(names(), ["program.c", "hello.c"], "{with:?}");
    }
}

#[test]
fn a_build_that_shows_its_commands_shows_those_of_modules_too() {
    for with in corners(0) {
        let files = [
            (
                "meson.build",
                "project('verbose', meson_version: '>=1.0')\n\
                 import('kbuild').module('hello', 'hello.c')\n",
            ),
            ("hello.c", HELLO),
        ];
        let project = Project::new(with, &files);
        project.set_up(&[]);
        let mut compile = project.meson();
        compile.args(["compile", "-v", "-C"]);
        let said = built(compile.arg(project.build_dir())).out();
        assert!(said.contains("-D__KERNEL__"), "{with:?}\n{said}");
        project.edit("hello.c", "bye", "good bye");
        let said = built(&mut project.ninja(&[])).out();
        assert!(!said.contains("-D__KERNEL__"), "{with:?}\n{said}");
    }
}
