//! After any change, the products are those of a clean build; without one, make is not started.

use std::fs;

use kbuild_tests::lab::LabKernel;
use kbuild_tests::scope;

use crate::scene::*;
use crate::support::*;

const A: &str = r#"
#include <linux/module.h>
#include "shared.h"
int a_value(void) { return SHARED; }
MODULE_LICENSE("GPL");
"#;
const B: &str = "int b_value(void);\nint b_value(void) { return 1; }\n";
const KBUILD: &str = "\
obj-m := one.o two.o
one-y := a.o b.o
ccflags-y := -I$(src)/include
";

/// Two modules; one of them has two sources, of which one includes the shared header.
fn tree(kernel: &LabKernel) -> Scene {
    Scene::tree(
        kernel,
        &[
            ("a.c", A),
            ("b.c", B),
            ("two.c", HELLO),
            ("include/shared.h", "#define SHARED 1\nint a_value(void);\n"),
            ("Kbuild", KBUILD),
        ],
    )
}

#[test]
fn an_edited_source_or_header_recompiles_what_includes_it_and_nothing_else() {
    for kernel in scope::kernels(2).unwrap() {
        let scene = tree(&kernel);
        scene.compiles(&["a.o", "b.o", "two.o"], "the first build");
        scene.is_fresh("nothing changed");
        scene.edit("b.c", "return 1", "return 2");
        scene.compiles(&["b.o"], "one source edited");
        scene.edit("include/shared.h", "SHARED 1", "SHARED 22");
        scene.compiles(&["a.o"], "a header edited");
        scene.is_fresh("after the edits");
    }
}

#[test]
fn a_touched_source_is_compiled_and_the_product_keeps_its_mtime() {
    let scene = tree(&kernel_at(1));
    scene.build();
    let product = scene.out.path().join("one.ko");
    let before = fs::metadata(&product).unwrap().modified().unwrap();
    let file = fs::File::options()
        .append(true)
        .open(scene.path("b.c"))
        .unwrap();
    file.set_modified(std::time::SystemTime::now()).unwrap();
    scene.compiles(&["b.o"], "a source touched");
    assert_eq!(fs::metadata(&product).unwrap().modified().unwrap(), before);
}

#[test]
fn an_older_version_that_is_restored_with_its_old_mtime_is_compiled() {
    for kernel in scope::kernels(0).unwrap() {
        let scene = tree(&kernel);
        scene.write("b.c.orig", &B.replace("return 1", "return 0"));
        make_old(&scene.path("b.c.orig"));
        scene.build();
        // As `cp -p` and `mv` do it.
        copy(&scene.path("b.c.orig"), &scene.path("b.c"));
        scene.compiles(&["b.o"], "an old source restored");
        scene.write("old.h", "#define SHARED 9\nint a_value(void);\n");
        make_old(&scene.path("old.h"));
        fs::rename(scene.path("old.h"), scene.path("include/shared.h")).unwrap();
        scene.compiles(&["a.o"], "an old header moved into place");
    }
}

#[test]
fn a_source_that_is_deleted_is_missed_as_in_a_clean_build() {
    for kernel in scope::kernels(1).unwrap() {
        let scene = tree(&kernel);
        scene.build();
        scene.remove("b.c");
        let (ours, clean) = scene.fails_as_clean("b.c is gone, the Kbuild wants it");
        for text in [&ours, &clean] {
            assert!(text.contains("b.o") && text.contains("No rule"), "{text}");
        }
        // It fails again, and does not find anything that is left.
        scene.fails_as_clean("b.c is still gone");
        scene.edit("Kbuild", "a.o b.o", "a.o");
        scene.builds_as_clean("b.c is gone, the Kbuild knows");
        assert!(!scene.stage().join("b.o").exists());
    }
}

#[test]
fn a_source_that_is_renamed_with_its_old_mtime_is_compiled() {
    for kernel in scope::kernels(0).unwrap() {
        let scene = tree(&kernel);
        make_old(&scene.path("b.c"));
        scene.build();
        fs::rename(scene.path("b.c"), scene.path("c.c")).unwrap();
        scene.edit("Kbuild", "b.o", "c.o");
        let output = scene.builds_as_clean("b.c became c.c");
        assert!(compiled(&output).contains(&"c.o".to_owned()));
        // Two that change places.
        scene.write("b.c", &B.replace("1", "3"));
        make_old(&scene.path("b.c"));
        fs::rename(scene.path("b.c"), scene.path("c.c")).unwrap();
        scene.compiles(&["c.o"], "another file became c.c");
    }
}

#[test]
fn a_module_that_leaves_obj_m_leaves_the_output_directory() {
    for kernel in scope::kernels(1).unwrap() {
        let scene = tree(&kernel);
        scene.build();
        fs::write(scene.out.path().join("foreign.ko"), "not ours").unwrap();
        scene.edit("Kbuild", "one.o two.o", "one.o");
        scene.build();
        let left: Vec<_> = modules(scene.out.path()).into_keys().collect();
        assert_eq!(left, ["foreign.ko", "one.ko"]);
        assert!(!scene.stage().join("two.ko").exists());
        fs::remove_file(scene.out.path().join("foreign.ko")).unwrap();
        scene.is_fresh("after the module has left");
        scene.edit("Kbuild", "obj-m := one.o", "obj-m := one.o two.o");
        scene.builds_as_clean("the module came back");
    }
}

#[test]
fn a_product_that_somebody_deletes_or_replaces_comes_back() {
    let scene = tree(&kernel_at(0));
    scene.build();
    fs::remove_file(scene.out.path().join("one.ko")).unwrap();
    scene.compiles(&[], "one.ko was deleted");
    fs::write(scene.out.path().join("two.ko"), "broken").unwrap();
    scene.compiles(&[], "two.ko was overwritten");
}

#[test]
fn a_changed_flag_in_the_kbuild_recompiles() {
    let scene = tree(&kernel_at(2));
    scene.build();
    scene.edit(
        "Kbuild",
        "ccflags-y :=",
        "CFLAGS_b.o := -fno-common\nccflags-y := -DNEW=1",
    );
    scene.compiles(&["a.o", "b.o", "two.o"], "flags for all");
    scene.edit("Kbuild", "CFLAGS_b.o := -fno-common", "CFLAGS_b.o := -O1");
    scene.compiles(&["b.o"], "a flag for one");
}

#[test]
fn a_kernel_header_with_an_old_mtime_recompiles_what_includes_it() {
    for kernel in scope::kernels(2).unwrap() {
        let (_dir, private) = private_kernel(&kernel);
        let header = private.common.join("include/linux/crc7.h");
        let original = fs::read_to_string(&header).unwrap();
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
        fs::write(&header, format!("{original}#define ADDED 7\n")).unwrap();
        make_old(&header);
        scene.compiles(&["user.o"], "a kernel header changed");
        fs::write(&header, original).unwrap();
        make_old(&header);
        scene.compiles(&["user.o"], "the kernel header is as it was");
        scene.is_fresh("after the kernel header");
    }
}

#[test]
fn a_new_symvers_of_the_kernel_means_a_build_from_nothing() {
    let (_dir, private) = private_kernel(&kernel_at(1));
    let scene = tree(&private);
    scene.build();
    let symvers = private.kdir.join("Module.symvers");
    let text = fs::read_to_string(&symvers).unwrap();
    let changed: String = text
        .lines()
        .map(|line| match line.split_once('\t') {
            Some((_, rest)) if rest.starts_with("module_layout\t") => {
                format!("0x12345678\t{rest}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    assert_ne!(changed, text);
    fs::write(&symvers, changed).unwrap();
    make_old(&symvers);
    let output = scene.builds_as_clean("another kernel");
    assert!(output.err().contains("Module.symvers changed"));
}

#[test]
fn a_header_outside_of_the_tree_is_a_prerequisite() {
    let outside = folder(&[("outer.h", "#define SHARED 1\nint a_value(void);\n")]);
    let scene = tree(&kernel_at(0));
    scene.write("include/shared.h", "#include <outer.h>\n");
    let kbuild = format!("{KBUILD}ccflags-y += -I{}\n", outside.path().display());
    scene.write("Kbuild", &kbuild);
    scene.build();
    scene.is_fresh("with a header outside");
    edit(&outside.path().join("outer.h"), "SHARED 1", "SHARED 5");
    make_old(&outside.path().join("outer.h"));
    scene.compiles(&["a.o"], "the header outside was edited");
}

#[test]
fn a_new_header_that_stands_before_another_is_found() {
    let scene = tree(&kernel_at(1));
    scene.build();
    // The source's own folder is searched first.
    scene.write("shared.h", "#define SHARED 77\nint a_value(void);\n");
    make_old(&scene.path("shared.h"));
    scene.builds_as_clean("a header before another");
    scene.remove("shared.h");
    scene.builds_as_clean("the header is gone again");
    scene.is_fresh("after the headers");
}

#[test]
fn a_link_that_leads_elsewhere_now_changes_what_was_read_through_it() {
    let scene = tree(&kernel_at(2));
    let version = |n: u32| format!("#define SHARED {n}\nint a_value(void);\n");
    fs::remove_dir_all(scene.path("include")).unwrap();
    scene.write("v1/shared.h", &version(1));
    scene.write("v2/shared.h", &version(2));
    scene.write("v3/shared.h", &version(3));
    for n in 1..=3 {
        make_old(&scene.path(&format!("v{n}/shared.h")));
    }
    let link = |target: &str, name: &str| {
        let _ = fs::remove_file(scene.path(name));
        std::os::unix::fs::symlink(target, scene.path(name)).unwrap();
    };
    link("v1", "include");
    scene.build();
    link("v2", "include");
    scene.builds_as_clean("a link to a folder");
    fs::write(scene.path("v2/shared.h"), version(20)).unwrap();
    make_old(&scene.path("v2/shared.h"));
    scene.compiles(&["a.o"], "a header behind the link");
    fs::remove_file(scene.path("include")).unwrap();
    fs::create_dir(scene.path("include")).unwrap();
    link("../v3/shared.h", "include/shared.h");
    scene.builds_as_clean("a folder in the place of a link");
    link("../v1/shared.h", "include/shared.h");
    scene.builds_as_clean("a link to a file");
}

#[test]
fn a_rule_of_the_kbuilds_own_that_changes_is_run_again() {
    for kernel in scope::kernels(0).unwrap() {
        let scene = Scene::tree(
            &kernel,
            &[
                (
                    "a.c",
                    "#include <linux/module.h>\n#include \"made.h\"\nint n(void);\n\
                     int n(void) { return MADE; }\nMODULE_LICENSE(\"GPL\");\n",
                ),
                (
                    "Kbuild",
                    "obj-m := a.o\nccflags-y := -I$(obj)\n$(obj)/a.o: $(obj)/made.h\n\
                     $(obj)/made.h: $(src)/made.in\n\tsed 's/@N@/1/' $< > $@\n",
                ),
                ("made.in", "#define MADE @N@\n"),
            ],
        );
        scene.compiles(&["a.o"], "a header made by a rule");
        scene.is_fresh("nothing changed");
        scene.edit("made.in", "MADE @N@", "MADE (@N@+5)");
        make_old(&scene.path("made.in"));
        scene.compiles(&["a.o"], "what the rule reads has changed");
        scene.edit("Kbuild", "/1/", "/2/");
        make_old(&scene.path("Kbuild"));
        scene.compiles(&["a.o"], "the rule has changed");
        scene.is_fresh("after the rule");
    }
}
