//! A provider, its user, and a module tree beside them: built, built again, installed.

use std::fs;
use std::path::Path;

use kbuild_tests::run;
use kbuild_tests::snapshot::Snapshot;

use crate::project::*;
use crate::support::*;

const NOTHING: [&str; 0] = [];

#[test]
fn a_change_rebuilds_exactly_its_dependents() {
    for with in corners(1) {
        let project = Project::named(with, "chain");
        project.configured(&[]);
        let source = Snapshot::take(project.source()).unwrap();
        assert_eq!(project.builds(), ["old", "ring", "user"], "{with:?}");
        assert_untouched(&source, &project.source());
        assert_eq!(project.builds(), NOTHING, "{with:?}");
        let loads = |module: &str| info(&project.out().join(module));
        assert_eq!(loads("user.ko").depends, ["ring"]);
        assert_eq!(loads("old_sub.ko").description.unwrap(), "Was there before");

        // The user of the symbols cannot see this change.
        project.edit("ring.c", "return RING_MAX", "return 1 + RING_MAX");
        assert_eq!(project.builds(), ["ring"], "{with:?}");
        project.edit("include/ring.h", "int ring_push", "extern int ring_push");
        assert_eq!(project.builds(), ["ring", "user"], "{with:?}");
        project.edit("templates/version.txt", "1.0", "1.1");
        assert_eq!(project.builds(), ["user"], "{with:?}");
        assert_eq!(loads("user.ko").version.unwrap(), "1.1");
        project.edit("old/sub/old_sub.c", "before", "long before");
        assert_eq!(project.builds(), ["old"], "{with:?}");
        // A new symbol changes the file that modpost reads for the user.
        project.edit(
            "ring.c",
            "EXPORT_SYMBOL_GPL(ring_push);",
            "EXPORT_SYMBOL_GPL(ring_push);\nint ring_size = 4;\nEXPORT_SYMBOL_GPL(ring_size);",
        );
        assert_eq!(project.builds(), ["ring", "user"], "{with:?}");
        assert_eq!(project.builds(), NOTHING, "{with:?}");

        // A flag with special characters of shells, make and generator expressions.
        let greeting = "it's $(word), <a> & 100 %";
        project.configured(&[&format!("-DGREETING={greeting}")]);
        assert_eq!(project.builds(), ["user"], "{with:?}");
        assert_eq!(loads("user.ko").description.unwrap(), greeting);
        project.configured(&[]);
        assert_eq!(project.builds(), NOTHING, "{with:?}");
    }
}

#[test]
fn a_build_in_the_source_folder_leaves_every_source_as_it_was() {
    let project = Project::named(CORNERS[0], "chain").in_source();
    let before = Snapshot::take_with_content(project.source()).unwrap();
    project.configured(&[]);
    assert_eq!(project.builds(), ["old", "ring", "user"]);
    assert_eq!(project.builds(), NOTHING);
    let after = Snapshot::take_with_content(project.source()).unwrap();
    let mut changed = before.differences(&after);
    // The folder records new files of CMake and the build.
    changed.retain(|line| !line.contains(": is new ") && !line.starts_with("the directory itself"));
    assert_eq!(changed, NOTHING);
}

#[test]
fn a_tree_that_holds_the_build_folder_is_built_without_it() {
    let lists = format!(
        "cmake_minimum_required(VERSION 3.22)\nproject(tree LANGUAGES NONE)\n{PACKAGE}\
         kbuild_add_module(hello KBUILD .)\n"
    );
    let files = [
        ("CMakeLists.txt", &*lists),
        ("Kbuild", "obj-m := hello.o\n"),
        ("hello.c", HELLO),
    ];
    // With Ninja, because CMake's Makefile would be in the place of the tree's own.
    let in_source = Project::new(CORNERS[1], &files).in_source();
    let beside = Project::new(CORNERS[1], &files).below_source();
    for project in [in_source, beside] {
        project.configured(&[]);
        assert_eq!(project.builds(), ["hello"]);
        let own = project.build_dir().join("CMakeFiles/hello.dir/depfile");
        let depfile = fs::read_to_string(own).unwrap();
        let (_, prerequisites) = depfile.split_once(':').unwrap();
        let source = project.source();
        let mut named: Vec<_> = prerequisites
            .split(" \\\n")
            .filter_map(|path| Path::new(path.trim()).strip_prefix(&source).ok())
            .collect();
        named.sort();
        assert_eq!(
            named,
            ["CMakeLists.txt", "Kbuild", "hello.c"].map(Path::new)
        );
    }
}

#[test]
fn modules_are_installed_where_modprobe_looks_component_by_component() {
    let with = CORNERS[1];
    let project = Project::named(with, "chain");
    project.configured(&["-DINSTALL_MOD_PATH=/image"]);
    project.builds();
    let root = tempfile::tempdir().unwrap();
    let mut install = project.cmake();
    install.arg("--install").arg(project.build_dir());
    install.env("DESTDIR", root.path());
    run::checked(install.args(["--component", "drivers"]), LIMIT).unwrap();
    let modules = root
        .path()
        .join("image/lib/modules")
        .join(project.release());
    assert_eq!(installed(&modules.join("updates")), ["ring.ko", "user.ko"]);
    assert!(!modules.join("extra").exists());
}

fn info(module: &Path) -> kbuild::ModuleInfo {
    kbuild::ModuleInfo::read(module).unwrap()
}
