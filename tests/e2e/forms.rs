//! Module trees of users: the staged files, and the built modules.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use kbuild_tests::snapshot::Snapshot;
use kbuild_tests::{plain, run, scope};

use crate::scene::*;
use crate::support::trap::holds;
use crate::support::*;

type Modules = BTreeMap<String, Vec<u8>>;

/// A module that needs `function` from another of its sources.
fn main_of(function: &str) -> String {
    format!(
        "#include <linux/module.h>\n#include \"{function}.h\"\n\
         static int __init begin(void) {{ return {function}(); }}\nmodule_init(begin);\n\
         MODULE_LICENSE(\"GPL\");\n"
    )
}

fn sh(dir: &Path, script: &str) -> String {
    let mut sh = Command::new("sh");
    sh.args(["-ec", script]).current_dir(dir);
    leave_git(&mut sh);
    run::checked(&mut sh, LIMIT).unwrap().out()
}

/// Checks that the modules and bytes are the same as plain make's of a copy.
fn assert_as_plain(scene: &Scene, what: &str) {
    let source = fs::canonicalize(scene.source.path()).unwrap();
    let plain = plain_modules(&scene.kernel, &source, "", &source, &[]);
    assert_same_modules(&modules(scene.out.path()), &plain, what);
}

#[test]
fn folders_shipped_files_and_sources_from_elsewhere_build_as_with_plain_make() {
    for kernel in scope::kernels(0).unwrap() {
        let scene = Scene::tree(
            &kernel,
            &[
                ("Kbuild", "obj-m := foo.o\nobj-m += dir1/\n"),
                // This file is for people. kbuild prefers the Kbuild beside it.
                ("Makefile", "all:\n\t$(MAKE) -C $(KDIR) M=$(CURDIR)\n"),
                ("foo.c", HELLO),
                (
                    "dir1/Makefile",
                    "ifneq ($(KERNELRELEASE),)\nobj-m := bar.o\nbar-y := main.o lib/util.o table.o\n\
                     ccflags-y := -I$(src)/include -I$(src)/lib\nobj-m += dir2/\nelse\nall:\n\tfalse\nendif\n",
                ),
                ("dir1/main.c", &main_of("util")),
                ("dir1/include/util.h", "int util(void);\nint table(void);\n"),
                (
                    "dir1/lib/util.c",
                    "#include \"util.h\"\nint util(void) { return table(); }\n",
                ),
                (
                    "dir1/table.c_shipped",
                    "#include \"util.h\"\nint table(void) { return 0; }\n",
                ),
                (
                    "dir1/dir2/Kbuild",
                    "obj-m := baz.o qux.o\nbaz-y := ../dir2/deep/baz.o\n",
                ),
                ("dir1/dir2/deep/baz.c", HELLO),
                ("dir1/dir2/qux.c", HELLO),
            ],
        );
        scene.build();
        assert_eq!(modules(scene.out.path()).len(), 4);
        if scope::is_full() {
            assert_as_plain(&scene, &kernel.release);
        }
        scene.edit("dir1/lib/util.c", "table()", "table() + 0");
        scene.edit("dir1/table.c_shipped", "return 0", "return 1");
        let output = scene.build();
        let wanted = ["table.o", "util.o"];
        assert_eq!(compiled(&output), wanted, "{}", output.err());
        assert_as_plain(&scene, &kernel.release);
    }
}

#[test]
fn a_tree_that_was_built_in_place_is_built_completely() {
    for kernel in scope::kernels(0).unwrap() {
        let scene = Scene::tree(
            &kernel,
            &[
                ("main.c", &main_of("util")),
                (
                    "util.c",
                    "#include \"util.h\"\nint util(void) { return 0; }\n",
                ),
                ("util.h", "int util(void);\n"),
                ("Kbuild", "obj-m := one.o two.o\none-y := main.o util.o\n"),
                ("two.c", HELLO),
            ],
        );
        let source = fs::canonicalize(scene.source.path()).unwrap();
        let in_place = |target: &str| {
            let mut make = plain::make(&kernel, &source, &source, &source);
            run::checked(make.arg(target), LIMIT).unwrap();
            modules(&source)
        };
        let compiles = |objects: &[&str], plain: &Modules, what: &str| {
            let output = scene.build();
            assert_eq!(compiled(&output), objects, "{what}: {}", output.err());
            assert_same_modules(&modules(scene.out.path()), plain, what);
        };
        let plain = in_place("modules");
        compiles(&["main.o", "two.o", "util.o"], &plain, "after plain make");
        // Plain make runs again with other code, and then its `clean`.
        scene.edit("util.c", "return 0", "return 1");
        let plain = in_place("modules");
        compiles(&["util.o"], &plain, "plain make once more");
        in_place("clean");
        compiles(&[], &plain, "after make clean");
    }
}

#[test]
fn links_are_kept_or_followed_by_where_they_lead() {
    let outside = folder(&[
        (
            "shared/outer.c",
            "int outer(void);\nint outer(void) { return 1; }\n",
        ),
        ("outer.h", "int outer(void);\n"),
    ]);
    let scene = Scene::tree(
        &kernel_at(0),
        &[
            ("main.c", &main_of("outer")),
            (
                "Kbuild",
                "obj-m := one.o\none-y := main.o shared/outer.o inner/inner.o rest.o\nccflags-y := -I$(src)\n",
            ),
            ("rest.c", ""),
            (
                "real/inner.c",
                "#include <inner.h>\nint inner(void) { return 2; }\n",
            ),
            ("real/inner.h", "int inner(void);\n"),
        ],
    );
    symlink(outside.path().join("shared"), scene.path("shared")).unwrap();
    symlink(outside.path().join("outer.h"), scene.path("outer.h")).unwrap();
    symlink(scene.path("real"), scene.path("inner")).unwrap();
    symlink("real/inner.h", scene.path("inner.h")).unwrap();
    symlink("/no/such/place", scene.path("dangling")).unwrap();
    symlink("/lib/modules/0.0.0/build", scene.path("build")).unwrap();
    symlink(&scene.kernel.kdir, scene.path("kernel")).unwrap();
    scene.build();
    let stage = scene.stage();
    let target = |name: &str| fs::read_link(stage.join(name)).ok();
    assert_eq!(target("inner").as_deref(), Some(Path::new("real")));
    assert_eq!(
        target("inner.h").as_deref(),
        Some(Path::new("real/inner.h"))
    );
    assert_eq!(
        target("dangling").as_deref(),
        Some(Path::new("/no/such/place"))
    );
    assert_eq!(target("kernel").as_deref(), Some(&*scene.kernel.kdir));
    assert_eq!(
        target("build").as_deref(),
        Some(Path::new("/lib/modules/0.0.0/build"))
    );
    assert!(stage.join("shared").is_dir() && target("shared").is_none());
    assert!(target("outer.h").is_none());

    // The targets of links: a source outside, one inside, a header outside.
    let outer = |name: &str| outside.path().join(name);
    edit(&outer("shared/outer.c"), "return 1", "return 3");
    scene.edit("real/inner.c", "return 2", "return 4");
    edit(&outer("outer.h"), "outer(void)", "outer( void )");
    let output = scene.build();
    let wanted = ["inner.o", "main.o", "outer.o"];
    assert_eq!(compiled(&output), wanted, "{}", output.err());
    assert_as_plain(&scene, "links");
}

#[test]
fn a_link_that_leads_back_is_an_error_that_names_it() {
    let scene = Scene::tree(
        &kernel_at(0),
        &[("a.c", HELLO), ("sub/x", ""), ("Kbuild", "obj-m := a.o\n")],
    );
    for (target, why) in [
        ("itself", "leads to itself"),
        ("../..", "contains this tree"),
        ("/", "contains this tree"),
    ] {
        let link = scene.path("sub/itself");
        symlink(target, &link).unwrap();
        let before = Snapshot::take(scene.source.path()).unwrap();
        let text = refused(&mut scene.command(), 2);
        assert!(text.contains("sub/itself"), "{text}");
        assert!(text.contains(why) && text.contains("exclude it"), "{text}");
        assert!(modules(scene.out.path()).is_empty());
        assert_untouched(&before, scene.source.path());
        fs::remove_file(&link).unwrap();
    }
    // A link that leads up inside of the tree stays a link, as in a build by make.
    symlink("..", scene.path("sub/up")).unwrap();
    symlink("/", scene.path("sub/root")).unwrap();
    let mut command = scene.command();
    built(command.args(["--exclude", "root"]));
    let up = fs::read_link(scene.stage().join("sub/up"));
    assert_eq!(up.unwrap(), Path::new(".."));
}

#[test]
fn version_control_outputs_and_caches_are_not_staged_and_read_only_files_are() {
    let mut scene = Scene::tree(
        &kernel_at(0),
        &[
            ("src/a.c", HELLO),
            (
                "Kbuild",
                "obj-m := src/a.o\n$(obj)/src/a.o: $(obj)/src/made.h\n$(obj)/src/made.h:\n\techo '//' > $@\n",
            ),
            (".git/HEAD", "ref: refs/heads/main\n"),
            (".svn/entries", ""),
            ("sub/.hg/store", ""),
            (
                "target/CACHEDIR.TAG",
                "Signature: 8a477f597d28d172789f06886806bc55\n# cargo\n",
            ),
            ("target/debug/big.c", "int"),
            ("docs/huge.txt", ""),
            ("docs/tools/huge.txt", ""),
            ("tools/huge.txt", ""),
            ("tools/huge.bin", ""),
            ("keep/CACHEDIR.TAG", "no signature"),
            ("other/x", ""),
        ],
    );
    scene
        .args
        .extend(["--exclude", "*.bin", "--exclude", "docs/*.txt"].map(String::from));
    let set = |folder: u32, file: u32| {
        fs::set_permissions(scene.path("src"), fs::Permissions::from_mode(folder)).unwrap();
        fs::set_permissions(scene.path("src/a.c"), fs::Permissions::from_mode(file)).unwrap();
    };
    // Two output directories inside of the tree, one of which belongs to another build.
    let build = |out: &str| built(&mut scene.command_to(&scene.path(out)));
    set(0o555, 0o444);
    build("out");
    set(0o755, 0o644);
    scene.edit("src/a.c", "bye", "farewell");
    set(0o555, 0o444);
    assert!(started_make(&build("out")), "the source was edited");
    build("other/out");
    let [ours, clean] = ["out", "other/out"].map(|out| modules(&scene.path(out)));
    assert_same_modules(&ours, &clean, "read-only, edited");
    let again = build("out");
    assert!(!started_make(&again), "an output directory is no source");
    set(0o755, 0o644);
    let stage = sh(
        &scene.path("out/.kbuild"),
        "cd */stage && find . -type f | sort",
    );
    for line in [
        "./src/a.c",
        "./tools/huge.txt",
        "./docs/tools/huge.txt",
        "./keep/CACHEDIR.TAG",
    ] {
        assert!(stage.lines().any(|l| l == line), "no {line} in\n{stage}");
    }
    for part in [
        ".git",
        ".svn",
        ".hg",
        "target",
        "out",
        "huge.bin",
        "./docs/huge",
    ] {
        assert!(!stage.contains(part), "{part} is in\n{stage}");
    }
}

#[test]
fn a_makefile_gets_its_own_folder_and_a_warning_about_the_running_kernel() {
    for kernel in scope::kernels(0).unwrap() {
        let scene = Scene::tree(
            &kernel,
            &[
                (
                    "sub/a.c",
                    "#include <linux/module.h>\n#include <linux/stringify.h>\n#include <answers.h>\n\
                     MODULE_INFO(found, __stringify(FOUND));\nMODULE_LICENSE(\"GPL\");\n",
                ),
                (
                    "Makefile",
                    "KVER := $(shell uname -r)\nobj-m := a.o\na-y := sub/a.o\n\
                     ccflags-y := -I$(PWD)/inc -DKVER=$(KVER)\n\
                     ccflags-y += -DFOUND=$(shell find $(src) -type f -name '*.txt' | wc -l)\n",
                ),
                ("inc/answers.h", "// found\n"),
                ("sub/one.txt", ""),
            ],
        );
        let found = |text: &str| {
            let modules = modules(scene.out.path());
            assert!(holds(&modules["a.ko"], text.as_bytes()), "no {text}");
        };
        let said = scene.build().err();
        found("\0found=1\0");
        let is_warning = |line: &&str| line.contains("warning:");
        let warning = said.lines().find(is_warning).unwrap_or(&said);
        for part in ["Makefile", "uname -r", &kernel.release] {
            assert!(warning.contains(part), "{said}");
        }
        scene.write("sub/two.txt", "");
        assert_eq!(compiled(&scene.build()), ["a.o"], "one file more to find");
        found("\0found=2\0");
    }
}

#[test]
fn git_in_a_makefile_answers_for_the_source_and_writes_nothing_there() {
    let scene = Scene::tree(
        &kernel_at(0),
        &[
            (
                "a.c",
                "#include <linux/module.h>\nMODULE_VERSION(VERSION);\nMODULE_LICENSE(\"GPL\");\n",
            ),
            (
                "Makefile",
                "obj-m := a.o\nVERSION := $(shell git describe --tags --dirty --always)\n\
                 ccflags-y := -DVERSION='\"$(VERSION)\"'\n",
            ),
        ],
    );
    let git = |script: &str| {
        sh(
            scene.source.path(),
            &format!(
                "export GIT_CONFIG_NOSYSTEM=1 HOME=/nonexistent GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b \
             GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b; {script}"
            ),
        )
    };
    // OUT is in the repository too, and must not count as a change.
    git("git init -q . && git add -A && git commit -qm one && git tag v1");
    let version = |what: &str| {
        let before = Snapshot::take_with_content(scene.path(".git")).unwrap();
        if scope::is_full() {
            scene.builds_as_clean(what);
        } else {
            scene.build();
        }
        assert_untouched(&before, &scene.path(".git"));
        let module = &modules(scene.out.path())["a.ko"];
        let text = String::from_utf8_lossy(module);
        let from = text.find("\0version=").or(text.find("version=")).unwrap();
        text[from..].trim_start_matches('\0')["version=".len()..]
            .split('\0')
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(version("a clean repository"), "v1");
    scene.is_fresh("nothing changed");
    scene.write("notes", "untracked\n");
    assert_eq!(version("an untracked file"), "v1");
    scene.edit("a.c", "GPL", "GPL v2");
    assert_eq!(version("an edited file"), "v1-dirty");
    git("git commit -qam two");
    // The settings of this machine count in the build too.
    let described = sh(scene.source.path(), "git describe --tags");
    assert_eq!(version("a new commit"), described.trim());
    git("git gc -q && git tag v2");
    assert_eq!(version("a new tag"), "v2");
    if scope::is_full() {
        git("git gc -q");
        assert_eq!(version("packed references"), "v2");
        git("git commit -qm three --allow-empty && git tag v3");
        assert_eq!(version("and another commit"), "v3");
    }
}
