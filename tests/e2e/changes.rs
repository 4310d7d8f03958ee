//! After any change, the products are those of a clean build. Without a change, make is not
//! started.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::SystemTime;

use kbuild_tests::scope;

use crate::scene::*;
use crate::support::kernel_tree::link_headers;
use crate::support::trap::holds;
use crate::support::*;

const A: &str = r#"
#include <linux/module.h>
#include "shared.h"
int a_value(void) { return SHARED; }
MODULE_LICENSE("GPL");
"#;
const SHARED: &str = "#define SHARED 1\nint a_value(void);\n";
const B: &str = "int b_value(void);\nint b_value(void) { return 1; }\n";
const C: &str = "int c_value(void);\nint c_value(void) { return 1; }\n";
const OUTER: &str = "#include <outer.h>\nint o_value(void);\nint o_value(void) { return OUTER; }\n";
const KBUILD: &str = "\
obj-m := one.o two.o
one-y := a.o b.o c.o o.o
ccflags-y := -I$(src)/include
";

const SOURCES: &[(&str, &str)] = &[
    ("a.c", A),
    ("b.c", B),
    ("c.c", C),
    ("o.c", OUTER),
    ("two.c", HELLO),
    ("include/shared.h", SHARED),
];

#[test]
fn what_changed_is_compiled_again_and_nothing_else_whatever_its_time() {
    for kernel in scope::kernels(1).unwrap() {
        let outside = folder(&[("outer.h", "#define OUTER 1\n")]);
        let outer = outside.path().join("outer.h");
        let kbuild = format!("{KBUILD}ccflags-y += -I{}\n", outside.path().display());
        let scene = Scene::tree(&kernel, SOURCES);
        scene.write("Kbuild", &kbuild);
        let file = |name: &str| scene.out.path().join(name);
        // A file with an old time, as `cp -p`, `mv` or a package leave it.
        let write_old = |name: &str, text: &str| {
            scene.write(name, text);
            make_old(&scene.path(name));
        };
        scene.recompiles(&["a.o", "b.o", "c.o", "o.o", "two.o"], "the first build");
        scene.is_fresh("nothing changed");

        let built = fs::metadata(file("two.ko")).unwrap().modified().unwrap();
        scene.all_recompile(&[
            ("a source was edited", &["b.o"], &|| {
                scene.edit("b.c", "return 1", "return 2");
            }),
            ("a header was edited", &["a.o"], &|| {
                scene.edit("include/shared.h", "SHARED 1", "SHARED 22");
            }),
            ("a source was touched", &["two.o"], &|| {
                let source = fs::File::options().append(true).open(scene.path("two.c"));
                source.unwrap().set_modified(SystemTime::now()).unwrap();
            }),
        ]);
        let now = fs::metadata(file("two.ko")).unwrap().modified().unwrap();
        assert_eq!(now, built, "a product that is the same keeps its time");

        scene.all_recompile(&[
            ("an old source restored in its place", &["b.o"], &|| {
                write_old("b.c.orig", &B.replace("return 1", "return 0"));
                copy(&scene.path("b.c.orig"), &scene.path("b.c"));
            }),
            ("an old header moved into place", &["a.o"], &|| {
                write_old("old.h", &SHARED.replace('1', "9"));
                fs::rename(scene.path("old.h"), scene.path("include/shared.h")).unwrap();
            }),
            ("an old source moved into place", &["c.o"], &|| {
                write_old("old.c", &C.replace('1', "3"));
                fs::rename(scene.path("old.c"), scene.path("c.c")).unwrap();
            }),
            ("an old header outside of the tree", &["o.o"], &|| {
                edit(&outer, "OUTER 1", "OUTER 5");
                make_old(&outer);
            }),
        ]);

        scene.all_recompile(&[
            ("a source was renamed", &["d.o"], &|| {
                fs::rename(scene.path("c.c"), scene.path("d.c")).unwrap();
                scene.edit("Kbuild", "c.o", "d.o");
            }),
            ("a flag for one object", &["b.o"], &|| {
                scene.edit("Kbuild", "one-y", "CFLAGS_b.o := -O1\none-y");
            }),
        ]);

        scene.all_recompile(&[
            ("a product was deleted", &[], &|| {
                fs::remove_file(file("one.ko")).unwrap();
            }),
            ("a product was overwritten", &[], &|| {
                fs::write(file("two.ko"), "broken").unwrap();
            }),
        ]);

        a_source_and_a_module_leave(&scene);

        scene.all_recompile(&[
            ("the module came back", &[], &|| {
                scene.edit("Kbuild", "obj-m := one.o", "obj-m := one.o two.o");
            }),
            ("a flag for all", &["a.o", "d.o", "o.o", "two.o"], &|| {
                scene.edit("Kbuild", "ccflags-y :=", "ccflags-y := -DNEW=1");
            }),
        ]);
        scene.is_as_clean("after all of it");
        scene.is_fresh("after all of it");
    }
}

/// Removes a source, then a module, from the tree of the test above.
fn a_source_and_a_module_leave(scene: &Scene) {
    let foreign = scene.out.path().join("foreign.ko");
    scene.remove("b.c");
    // The second build fails too, so it does not use a leftover.
    for what in ["b.c is gone, the Kbuild wants it", "b.c is still gone"] {
        let said = refused(&mut scene.command(), 1);
        let is_said = said.contains("b.o") && said.contains("No rule");
        assert!(is_said, "{what}: {said}");
    }
    if scope::is_full() {
        scene.fails_as_clean("without b.c");
    }
    fs::write(&foreign, "not ours").unwrap();
    scene.edit("Kbuild", " b.o", "");
    scene.edit("Kbuild", "one.o two.o", "one.o");
    assert_eq!(compiled(&scene.build()), Vec::<String>::new());
    let left: Vec<_> = modules(scene.out.path()).into_keys().collect();
    assert_eq!(left, ["foreign.ko", "one.ko"]);
    for gone in ["b.o", "two.ko"] {
        assert!(!scene.stage().join(gone).exists(), "{gone}");
    }
    fs::remove_file(&foreign).unwrap();
    scene.is_fresh("a source and a module have left");
}

#[test]
fn a_header_that_comes_first_now_and_a_link_that_leads_elsewhere_are_noticed() {
    for kernel in scope::kernels(0).unwrap() {
        let sdk = folder(&[
            ("v1/shared.h", "#define SHARED \"sdk 1\"\n"),
            ("v2/shared.h", "#define SHARED \"sdk 2\"\n"),
        ]);
        let current = sdk.path().join("current");
        symlink("v1", &current).unwrap();
        let kbuild = format!(
            "obj-m := a.o\nccflags-y := -I$(src)/include -I{}\n",
            current.display()
        );
        let scene = Scene::tree(
            &kernel,
            &[
                (
                    "a.c",
                    "#include <linux/module.h>\n#include \"shared.h\"\n#include \"odd/x.h\"\n\
                     MODULE_INFO(shared, SHARED);\nMODULE_LICENSE(\"GPL\");\n",
                ),
                ("Kbuild", &kbuild),
            ],
        );
        let header = |path: &str, value: &str| {
            scene.write(path, &format!("#define SHARED \"{value}\"\n"));
            make_old(&scene.path(path));
        };
        let link = |target: &str, name: &str| {
            let _ = fs::remove_file(scene.path(name));
            symlink(target, scene.path(name)).unwrap();
        };
        let finds = |value: &str, what: &str| {
            scene.recompiles(&["a.o"], what);
            let module = &modules(scene.out.path())["a.ko"];
            let wanted = format!("shared={value}\0");
            assert!(
                holds(module, wanted.as_bytes()),
                "{what} on {}",
                kernel.release
            );
        };
        for version in ["v1", "v2", "v3"] {
            header(&format!("{version}/shared.h"), version);
        }
        // The path leaves the tree and comes back.
        let own = scene.source.path().file_name().unwrap().to_str().unwrap();
        scene.write("c/x.h", "");
        fs::create_dir(scene.path("odd")).unwrap();
        link(&format!("../../{own}/c/x.h"), "odd/x.h");
        link("v1", "include");
        finds("v1", "a link to a folder");
        link("v2", "include");
        finds("v2", "a link to another folder");
        header("v2/shared.h", "v2 again");
        finds("v2 again", "a header behind the link");
        fs::remove_file(scene.path("include")).unwrap();
        fs::create_dir(scene.path("include")).unwrap();
        link("../v3/shared.h", "include/shared.h");
        finds("v3", "a folder in the place of a link");
        link("../v1/shared.h", "include/shared.h");
        finds("v1", "a link to another file");
        // The source's own folder is searched first.
        header("shared.h", "beside the source");
        finds("beside the source", "a header before another");
        scene.remove("shared.h");
        finds("v1", "the header is gone again");
        scene.remove("include/shared.h");
        finds("sdk 1", "a header behind a link outside of the tree");
        fs::remove_file(&current).unwrap();
        symlink("v2", &current).unwrap();
        finds("sdk 2", "a link outside of the tree that leads elsewhere");
        scene.is_fresh("after the headers");
    }
}

#[test]
fn a_kernel_header_with_an_old_time_recompiles_what_includes_it_and_a_new_symvers_everything() {
    for kernel in scope::kernels(0).unwrap() {
        let scratch = tempfile::tempdir().unwrap();
        let private = link_headers(&kernel, scratch.path());
        let header = private.common.join("include/linux/crc7.h");
        let symvers = private.kdir.join("Module.symvers");
        let [original, symbols] = [&header, &symvers].map(|file| {
            let text = fs::read_to_string(file).unwrap();
            // The file is still a link into the lab.
            fs::remove_file(file).unwrap();
            fs::write(file, &text).unwrap();
            text
        });
        let replace = |file: &Path, text: &str| {
            fs::write(file, text).unwrap();
            make_old(file);
        };
        let scene = Scene::tree(
            &private,
            &[
                (
                    "user.c",
                    "#include <linux/module.h>\n#include <linux/crc7.h>\n#ifdef ADDED\n\
                     int added(void);\nint added(void) { return ADDED; }\n#endif\n\
                     MODULE_LICENSE(\"GPL\");\n",
                ),
                ("other.c", HELLO),
                ("Kbuild", "obj-m := user.o other.o\n"),
            ],
        );
        scene.build();
        let first = modules(scene.out.path());
        replace(&header, &format!("{original}#define ADDED 7\n"));
        scene.recompiles(&["user.o"], "a kernel header changed");
        assert_ne!(modules(scene.out.path()), first);
        replace(&header, &original);
        scene.recompiles(&["user.o"], "the kernel header is as it was");
        assert_same_modules(&modules(scene.out.path()), &first, "as it was");
        scene.is_fresh("after the kernel header");

        let changed: String = symbols
            .lines()
            .map(|line| match line.split_once('\t') {
                Some((_, rest)) if rest.starts_with("module_layout\t") => {
                    format!("0x12345678\t{rest}\n")
                }
                _ => format!("{line}\n"),
            })
            .collect();
        assert_ne!(changed, symbols);
        replace(&symvers, &changed);
        let output = scene.recompiles(&["other.o", "user.o"], "another kernel");
        assert!(output.err().contains("Module.symvers changed"));
        assert_ne!(modules(scene.out.path()), first);
    }
}

#[test]
fn a_rule_of_the_kbuilds_own_that_changes_is_run_again() {
    for kernel in scope::kernels(0).unwrap() {
        let scene = Scene::tree(
            &kernel,
            &[
                (
                    "a.c",
                    "#include <linux/module.h>\n#include \"made.h\"\n\
                     MODULE_INFO(made, MADE);\nMODULE_LICENSE(\"GPL\");\n",
                ),
                (
                    "Kbuild",
                    "obj-m := a.o\nccflags-y := -I$(obj)\n$(obj)/a.o: $(obj)/made.h\n\
                     $(obj)/made.h: $(src)/made.in\n\tsed 's/@N@/1/' $< > $@\n",
                ),
                ("made.in", "#define MADE \"@N@\"\n"),
            ],
        );
        let makes = |value: &str, what: &str| {
            scene.recompiles(&["a.o"], what);
            let module = &modules(scene.out.path())["a.ko"];
            let wanted = format!("made={value}\0");
            assert!(
                holds(module, wanted.as_bytes()),
                "{what} on {}",
                kernel.release
            );
            scene.is_fresh(what);
        };
        makes("1", "a header made by a rule");
        scene.edit("made.in", "@N@", "@N@+5");
        make_old(&scene.path("made.in"));
        makes("1+5", "what the rule reads has changed");
        scene.edit("Kbuild", "/1/", "/2/");
        make_old(&scene.path("Kbuild"));
        makes("2+5", "the rule has changed");
    }
}
