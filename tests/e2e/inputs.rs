//! Inputs that no `.cmd` file names, changes that do not matter, and folders that trade places.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use kbuild_tests::lab::LabKernel;
use kbuild_tests::scope;

use crate::scene::*;
use crate::support::trap::holds;
use crate::support::*;

/// `HELLO` with a string in it.
fn hello_with(include: &str, expression: &str) -> String {
    format!(
        "{include}\n{HELLO}\nconst char *rev(void);\nconst char *rev(void) {{ return {expression}; }}\n"
    )
}

/// A module whose sources, rules and flags each come from another kind of file; some of them are in
/// `outside`.
fn watched(kernel: &LabKernel, outside: &Path) -> Scene {
    let place = outside.display();
    let kbuild = format!(
        "obj-m := lab.o\n\
         lab-y := main.o fw.o own.o\n\
         ccflags-y := -I$(obj)\n\
         asflags-y := -I$(src)\n\
         include {place}/sdk.mk $(src)/vendor.inc\n\
         ldflags-y += -T{place}/x.lds\n\
         KBUILD_EXTRA_SYMBOLS := {place}/lab.symvers\n\
         $(obj)/main.o: $(obj)/regs.h $(obj)/gen.h\n\
         $(obj)/regs.h: {place}/regs.txt\n\tcp $< $@\n\
         $(obj)/main.o: $(obj)/phony.h\n\
         $(obj)/phony.h: always ;\n\
         .PHONY: always\nalways: {place}/always.txt\n\tcmp -s $< $(obj)/phony.h || cp $< $(obj)/phony.h\n\
         $(obj)/gen.h:\n\techo '#define LAB_GEN \"$(GEN)\"' > $@\n\
         $(obj)/own.o: $(src)/own.c\n\
         \t$(CC) -fno-pic -mcmodel=kernel -c -o $@ $<\n\
         \t> $(obj)/.own.o.cmd\n"
    );
    let main = hello_with(
        "#include \"regs.h\"\n#include \"phony.h\"\n#include \"gen.h\"",
        "SDK \" \" LAB_REGS \" \" LAB_GEN \" \" ALWAYS",
    );
    Scene::tree(
        kernel,
        &[
            ("main.c", &main),
            (
                "fw.S",
                ".section .rodata\n.globl fw\nfw: .incbin \"fw.bin\"\n",
            ),
            ("fw.bin", "firmware-one"),
            ("own.c", "#include \"own.h\"\nchar own_text[] = OWN;\n"),
            ("own.h", "#define OWN \"own-one\"\n"),
            ("vendor.inc", "GEN := gen-one\n"),
            ("notes/README.md", "about"),
            ("Kbuild", &kbuild),
        ],
    )
}

#[test]
fn files_of_any_name_and_place_that_make_and_its_rules_read_are_watched() {
    for kernel in scope::kernels(0).unwrap() {
        let outside = folder(&[
            ("sdk.mk", "ccflags-y += -DSDK=\\\"sdk-one\\\"\n"),
            ("regs.txt", "#define LAB_REGS \"regs-one\"\n"),
            ("always.txt", "#define ALWAYS \"always-one\"\n"),
            ("x.lds", "SECTIONS { .lab : { LONG(0x31656e6f) } }\n"),
            (
                "lab.symvers",
                "0x00000001\tlab_other\tother\tEXPORT_SYMBOL\t\n",
            ),
        ]);
        let scene = watched(&kernel, outside.path());
        let module = || modules(scene.out.path()).remove("lab.ko").unwrap();
        let has = |text: &str| {
            assert!(
                holds(&module(), text.as_bytes()),
                "{text} on {}",
                kernel.release
            )
        };
        scene.build();
        for text in [
            "sdk-one",
            "regs-one",
            "gen-one",
            "firmware-one",
            "own-one",
            "one1",
        ] {
            has(text);
        }
        scene.is_fresh("nothing changed");
        scene.write("notes/README.md", "more about it");
        assert_eq!(compiled(&scene.build()), Vec::<String>::new());

        let out_of_tree = |name: &str| outside.path().join(name);
        edit(&out_of_tree("sdk.mk"), "sdk-one", "sdk-two");
        edit(&out_of_tree("regs.txt"), "regs-one", "regs-two");
        make_old(&out_of_tree("regs.txt"));
        scene.build();
        has("sdk-two");
        has("regs-two");
        edit(&out_of_tree("x.lds"), "0x31656e6f", "0x326f7774");
        scene.edit("fw.bin", "one", "two");
        assert_eq!(compiled(&scene.build()), ["fw.o"]);
        has("firmware-two");
        has("two2");
        edit(&out_of_tree("always.txt"), "one", "two");
        scene.build();
        has("always-two");
        scene.edit("vendor.inc", "gen-one", "gen-two");
        scene.build();
        has("gen-two");
        scene.edit("own.h", "own-one", "own-two");
        scene.build();
        has("own-two");
        edit(&out_of_tree("lab.symvers"), "0x00000001", "0x00000002");
        let said = scene.build();
        assert!(started_make(&said), "{}", said.err());
        scene.is_fresh("all of it was built");
        scene.is_as_clean("after all changes");
    }
}

#[test]
fn two_dots_behind_a_link_lead_where_the_file_system_says() {
    let sdk = folder(&[
        ("v1/drv/api.h", "#include \"../common/types.h\"\n"),
        ("v1/common/types.h", "#define REV \"rev-one\"\n"),
        // The path's text would lead to this file.
        ("include/common/types.h", "#define REV \"wrong\"\n"),
    ]);
    symlink("../v1/drv", sdk.path().join("include/drv")).unwrap();
    let kbuild = format!(
        "obj-m := a.o\nccflags-y := -I{}/include\n",
        sdk.path().display()
    );
    let mut scene = Scene::tree(
        &kernel_at(1),
        &[
            ("a.c", &hello_with("#include <drv/api.h>", "REV")),
            ("Kbuild", &kbuild),
        ],
    );
    let deps = folder(&[]);
    let deps = deps.path().join("a.d");
    scene
        .args
        .extend(["--depfile".to_owned(), deps.display().to_string()]);
    scene.build();
    scene.is_fresh("nothing changed");
    let text = fs::read_to_string(&deps).unwrap();
    assert!(text.contains("v1/common/types.h"), "{text}");
    assert!(
        !text.contains("..") && !text.contains("include/common"),
        "{text}"
    );
    edit(&sdk.path().join("include/common/types.h"), "wrong", "other");
    scene.is_fresh("another file of that name changed");
    edit(&sdk.path().join("v1/common/types.h"), "rev-one", "rev-two");
    scene.build();
    assert!(holds(&modules(scene.out.path())["a.ko"], b"rev-two"));
    // The link now leads elsewhere.
    write(
        sdk.path(),
        &[
            ("v2/common/types.h", "#define REV \"rev-three\"\n"),
            ("v2/drv/api.h", "#include \"../common/types.h\"\n"),
        ],
    );
    fs::remove_file(sdk.path().join("include/drv")).unwrap();
    symlink("../v2/drv", sdk.path().join("include/drv")).unwrap();
    scene.build();
    assert!(holds(&modules(scene.out.path())["a.ko"], b"rev-three"));
}

#[test]
fn another_mode_another_name_and_another_place_of_the_same_file_compile_nothing() {
    let outside = folder(&[("outer.h", "#define OUTER \"outer\"\n")]);
    let outer = outside.path().join("outer.h");
    let kbuild = format!(
        "obj-m := both.o\nboth-y := one.o two.o\nccflags-y := -I{}\n",
        outside.path().display()
    );
    let scene = Scene::tree(
        &kernel_at(0),
        &[
            ("one.c", HELLO),
            (
                "two.c",
                "#include <outer.h>\nconst char *two(void);\nconst char *two(void) { return OUTER; }\n",
            ),
            ("Kbuild", &kbuild),
        ],
    );
    scene.build();
    let mode = |path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(scene.path("one.c"), 0o600);
    mode(outer.clone(), 0o600);
    fs::hard_link(scene.path("two.c"), outside.path().join("two.c")).unwrap();
    scene.is_fresh("modes and links");
    // `cp -p`, `rsync` and archives do the same.
    let replace = |path: &Path| {
        copy(path, &path.with_extension("copy"));
        fs::rename(path.with_extension("copy"), path).unwrap();
    };
    replace(&scene.path("one.c"));
    replace(&outer);
    scene.is_fresh("copies with the same times");
    // The same size and time, but other content.
    let time = fs::metadata(&outer).unwrap().modified().unwrap();
    edit(&outer, "\"outer\"", "\"OUTER\"");
    let file = fs::File::options().write(true).open(&outer).unwrap();
    file.set_modified(time).unwrap();
    assert_eq!(compiled(&scene.build()), ["two.o"]);
    scene.edit("one.c", "bye", "BYE");
    assert_eq!(compiled(&scene.build()), ["one.o"]);
    scene.is_fresh("modes of long ago");
}

#[test]
fn a_wildcard_over_sources_finds_no_products() {
    for kernel in scope::kernels(2).unwrap() {
        let kbuild = "obj-m := $(patsubst $(src)/%.c,%.o,$(wildcard $(src)/*.c))\nobj-m += sub/\n";
        let scene = Scene::tree(
            &kernel,
            &[
                ("a.c", HELLO),
                ("b.c", HELLO),
                ("sub/c.c", HELLO),
                (
                    "sub/Kbuild",
                    "obj-m := $(notdir $(basename $(shell find $(src) -name '*.c'))).o\n",
                ),
                ("Kbuild", kbuild),
            ],
        );
        scene.build();
        scene.edit("a.c", "bye", "BYE");
        let said = scene.build().err();
        assert_eq!(compiled_in(&said), ["a.o"]);
        // modpost's output is there again, unchanged.
        assert!(!said.contains("b.mod.o"), "{said}");
        scene.write("d.c", HELLO);
        scene.edit("a.c", "MODULE_LICENSE", "int broken\nMODULE_LICENSE");
        refused(&mut scene.command(), 1);
        scene.edit("a.c", "int broken\n", "");
        scene.build();
        scene.is_as_clean("after a failure");
        scene.is_fresh("nothing changed");
    }
}

#[test]
fn folders_that_trade_places_while_make_runs_are_noticed() {
    let outside = folder(&[
        ("inc/rev.h", "#define REV \"rev-one\"\n"),
        ("other/rev.h", "#define REV \"rev-two\"\n"),
    ]);
    let at = |name: &str| outside.path().join(name);
    let (place, hold) = (outside.path().display(), at("hold"));
    // When a.o exists, the build waits until the test lets it continue.
    let kbuild = format!(
        "obj-m := m.o\nm-y := a.o b.o\nccflags-y := -I{place}/inc\n\
         $(obj)/b.o: $(obj)/wait.h\n\
         $(obj)/wait.h: | $(obj)/a.o\n\
         \ttouch {place}/there; while [ -e {0} ]; do sleep 0.1; done; touch $@\n",
        hold.display()
    );
    let scene = Scene::tree(
        &kernel_at(1),
        &[
            ("a.c", &hello_with("#include <rev.h>", "REV")),
            ("b.c", "int b;\n"),
            ("Kbuild", &kbuild),
        ],
    );
    fs::write(&hold, "").unwrap();
    std::thread::scope(|scope| {
        let building = scope.spawn(|| scene.build());
        let start = Instant::now();
        while !at("there").exists() {
            assert!(start.elapsed() < Duration::from_secs(300) && !building.is_finished());
            std::thread::sleep(Duration::from_millis(50));
        }
        fs::rename(at("inc"), at("gone")).unwrap();
        fs::rename(at("other"), at("inc")).unwrap();
        fs::remove_file(&hold).unwrap();
        building.join().unwrap();
    });
    assert!(holds(&modules(scene.out.path())["m.ko"], b"rev-one"));
    assert_eq!(compiled(&scene.build()), ["a.o"]);
    assert!(holds(&modules(scene.out.path())["m.ko"], b"rev-two"));
    scene.is_fresh("nothing changed");
}

#[test]
fn inputs_behind_shell_flags_makes_of_their_own_and_computed_names_are_watched() {
    for kernel in scope::kernels(1).unwrap() {
        let outside = folder(&[
            ("regs.txt", "#define LAB_REGS \"regs-one\"\n"),
            ("flags.txt", "#define FLAGS \"flags-one\"\n"),
            ("fw.bin", "firmware-one"),
            ("inner.lds", "SECTIONS { .lab : { LONG(0x31656e6f) } }\n"),
            ("x.lds", "INCLUDE inner.lds\n"),
            ("own.txt", ".section .rodata\n.ascii \"own-one\"\n"),
        ]);
        let place = outside.path().display();
        // The object was checked before the other make has built its header.
        let kbuild = format!(
            "SHELL := /bin/bash\n.SHELLFLAGS := -eu -o pipefail -c\n\
             obj-m := lab.o\nlab-y := main.o own.o\nccflags-y := -I$(obj)\n\
             $(obj)/own.S: {place}/own.txt\n\tcp $< $@\n\
             $(obj)/own.o: $(obj)/own.S\n\t$(CC) -c -o $@ $<; > $(obj)/.own.o.cmd\n\
             ldflags-y += -L{place} -T{place}/x.lds\n\
             $(obj)/main.o: $(obj)/flags.h | generated\n\
             $(obj)/flags.h: {place}/flags.txt\n\tcat $< | cat > $@\n\
             .PHONY: generated\ngenerated:\n\t@$(MAKE) -s -C $(src)/gen regs.h\n"
        );
        let make = format!("regs.h: {place}/regs.txt\n\t@cp $< $@\n");
        let incbin = format!(
            "#define INCBIN(name, file) asm(\".section .rodata\\n\" #name \": \
             .incbin \\\"\" file \"\\\"\\n.previous\")\nINCBIN(fw, \"{place}/fw.bin\");\n"
        );
        let main = hello_with(
            "#include \"gen/regs.h\"\n#include \"flags.h\"",
            "LAB_REGS \" \" FLAGS",
        );
        let scene = Scene::tree(
            &kernel,
            &[
                ("main.c", &(main + &incbin)),
                ("gen/Makefile", &make),
                ("Kbuild", &kbuild),
            ],
        );
        scene.build();
        scene.is_fresh("nothing changed");
        for (file, from, to, text) in [
            ("regs.txt", "regs-one", "regs-two", "regs-two"),
            ("flags.txt", "flags-one", "flags-two", "flags-two"),
            ("fw.bin", "firmware-one", "firmware-two", "firmware-two"),
            ("own.txt", "own-one", "own-two", "own-two"),
            ("inner.lds", "0x31656e6f", "0x326f7774", "two2"),
        ] {
            edit(&outside.path().join(file), from, to);
            make_old(&outside.path().join(file));
            scene.build();
            let module = modules(scene.out.path()).remove("lab.ko").unwrap();
            let release = &kernel.release;
            assert!(holds(&module, text.as_bytes()), "{text} on {release}");
        }
        scene.is_fresh("all of it was built");
    }
}

#[test]
fn a_file_that_two_folders_of_one_root_generate_is_new_for_both() {
    let outside = folder(&[("regs.txt", "#define REGS \"regs-one\"\n")]);
    let regs = outside.path().join("regs.txt");
    let rule = format!("$(obj)/../common/gen.h: {}\n\tcp $< $@\n", regs.display());
    let kbuild = |name: &str| {
        format!(
            "obj-m := {name}.o\nccflags-y := -I$(obj)/../common\n\
             $(obj)/{name}.o: $(obj)/../common/gen.h\ninclude $(src)/../common/common.mk\n"
        )
    };
    let source = hello_with("#include \"gen.h\"", "REGS");
    let scene = Scene::with(
        &kernel_at(2),
        &[
            ("common/common.mk", &rule),
            ("a/a.c", &source),
            ("a/Kbuild", &kbuild("a")),
            ("b/b.c", &source),
            ("b/Kbuild", &kbuild("b")),
        ],
        &["a", "b", "--tree-root", ".."],
    );
    scene.build();
    edit(&regs, "regs-one", "regs-two");
    scene.build();
    let modules = modules(scene.out.path());
    assert!(holds(&modules["a.ko"], b"regs-two") && holds(&modules["b.ko"], b"regs-two"));
    let again = scene.build();
    assert!(!started_make(&again), "{}", again.err());
    // Each build has kept the files that the other has built since.
    scene.edit("a/a.c", "bye", "BYE");
    assert_eq!(compiled(&scene.build()), ["a.o"]);
}
