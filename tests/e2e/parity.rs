//! The modules and their bytes are the same as plain make's.
//!
//! `loading.rs` compares real modules and the examples, and then loads them.

use std::fs;
use std::path::Path;
use std::process::Command;

use kbuild_tests::lab;
use kbuild_tests::run;
use kbuild_tests::scope;
use kbuild_tests::snapshot::Snapshot;

use crate::scene::oldest_and_newest;
use crate::support::trap::holds;
use crate::support::*;

#[test]
fn a_module_tree_gives_the_bytes_of_plain_make_and_says_the_paths_that_plain_make_lets_it_say() {
    let c = format!(
        "{HELLO}\n#include \"where.h\"\n#include \"near.h\"\n\
         MODULE_INFO(file_of_source, __FILE__);\n"
    );
    let files = [
        (
            "Kbuild",
            "obj-m := sub/\nsubdir-ccflags-y := -I$(src)/include\n",
        ),
        ("sub/Kbuild", "obj-m := where.o\n"),
        ("sub/where.c", &c),
        ("sub/near.h", "MODULE_INFO(file_of_near, __FILE__);\n"),
        (
            "include/where.h",
            "MODULE_INFO(file_of_header, __FILE__);\n",
        ),
    ];
    for kernel in oldest_and_newest() {
        let source = folder(&files);
        let out = tempfile::tempdir().unwrap();
        let before = Snapshot::take(source.path()).unwrap();
        let tree = Snapshot::take(&kernel.kdir).unwrap();
        built(build(&kernel, out.path()).arg(source.path()));
        assert_untouched(&before, source.path());
        assert_untouched(&tree, &kernel.kdir);
        let again = built(build(&kernel, out.path()).arg(source.path()));
        assert!(!started_make(&again), "{}", again.err());

        // This builds in place, without a path map.
        let mut make = kernel.plain_make(source.path());
        run::checked(make.args([PAHOLE, "modules"]), LIMIT).unwrap();
        let ours = modules(out.path());
        assert_same_modules(&ours, &modules(source.path()), &kernel.release);
        let said = files_in(&ours["where.ko"]);
        assert_eq!(said.len(), 3, "{said:?}");
    }
}

/// The values of the `file_of_…` entries in a module.
fn files_in(module: &[u8]) -> Vec<String> {
    let entries = module.split(|byte| *byte == 0);
    let found = entries.filter(|text| text.starts_with(b"file_of_"));
    found
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .collect()
}

/// A Makefile that serves both `make` by hand and kbuild, sources outside its folder, and an object
/// without a source.
const BESIDE_COMMON: &[(&str, &str)] = &[
    (
        "driver/Makefile",
        "ifneq ($(KERNELRELEASE),)\n\
         obj-m := both.o\n\
         both-y := main.o ../common/shared.o blob.o\n\
         ccflags-y := -I$(src)/../common -I$(src)/include\n\
         else\n\
         KDIR ?= /lib/modules/$(shell uname -r)/build\n\
         all:\n\
         \t$(MAKE) -C $(KDIR) M=$(CURDIR)\n\
         endif\n",
    ),
    (
        "driver/main.c",
        "#include <linux/module.h>\n#include \"shared.h\"\n#include \"own.h\"\n\
         static int __init both_init(void) { return shared(OWN); }\n\
         module_init(both_init);\nMODULE_LICENSE(\"GPL\");\n",
    ),
    ("driver/include/own.h", "#define OWN 3\n"),
    ("common/shared.h", "int shared(int number);\n"),
    (
        "common/shared.c",
        "#include \"shared.h\"\nint shared(int number) { return number - 3; }\n",
    ),
    // Authors add this file because modpost fails without it since 6.1.
    ("driver/.blob.o.cmd", ""),
];

#[test]
fn a_makefile_for_both_uses_sources_beside_the_module_folder_and_a_shipped_object_build_as_with_plain_make()
 {
    let source = folder(BESIDE_COMMON);
    object(&source.path().join("driver"));
    for kernel in scope::kernels(1).unwrap() {
        let out = tempfile::tempdir().unwrap();
        let mut ours = build(&kernel, out.path());
        ours.arg(source.path().join("driver"))
            .args(["--tree-root", ".."]);
        built(&mut ours);
        let plain = plain_modules(&kernel, source.path(), "driver", source.path(), &[]);
        assert_same_modules(&modules(out.path()), &plain, &kernel.release);
        assert!(!started_make(&built(&mut ours)), "{}", kernel.release);
    }
}

/// A declared module with all kinds of inputs: folders with headers of one name, an assembler
/// source, an object without a source.
const DECLARED: &[(&str, &str)] = &[
    (
        "main.c",
        "#include <linux/module.h>\n#include <api.h>\n#include \"a/one.h\"\n\
         static int __init all_init(void)\n{\n\
         \tpr_info(\"all: %s %d %d %d %d\\n\", TEXT, one(), two(), three(), shipped());\n\
         \treturn 0;\n}\n\
         static void __exit all_exit(void) { }\n\
         module_init(all_init);\nmodule_exit(all_exit);\nMODULE_INFO(file, __FILE__);\n\
         MODULE_LICENSE(\"GPL\");\n",
    ),
    ("a/one.h", "int one(void);\n"),
    ("a/config.h", "#define NUMBER 1\n"),
    (
        "a/one.c",
        "#include \"one.h\"\n#include \"config.h\"\nint one(void) { return NUMBER; }\n",
    ),
    ("b/config.h", "#define NUMBER 2\n"),
    (
        "b/two.c",
        "#include <api.h>\n#include \"config.h\"\nint two(void) { return NUMBER; }\n",
    ),
    (
        "asm/entry.S",
        "#include <linux/linkage.h>\n#include \"numbers.h\"\n\
         SYM_FUNC_START(three)\n\tmovl $NUMBER, %eax\n\tRET\nSYM_FUNC_END(three)\n",
    ),
    ("asm/numbers.h", "#define NUMBER 3\n"),
    (
        "include/api.h",
        "int two(void);\nint three(void);\nint shipped(void);\n",
    ),
];

const TEXT: &str = r#"a "quoted" text, $HOME and $(shell echo no)"#;

const KBUILD: &str = "obj-m := all.o\n\
    all-y := main.o a/one.o b/two.o asm/entry.o blob.o\n\
    ccflags-y := -I$(src)/include @$(src)/defines\n\
    asflags-y := -I$(src)/include @$(src)/defines\n";

#[test]
fn a_declared_module_has_the_bytes_of_the_same_one_with_a_kbuild_by_hand() {
    let source = folder(DECLARED);
    object(source.path());
    let text = TEXT.replace('\\', "\\\\").replace('"', "\\\"");
    for kernel in scope::kernels(2).unwrap() {
        let out = tempfile::tempdir().unwrap();
        let mut ours = build(&kernel, out.path());
        ours.current_dir(source.path())
            .args(["--name", "all"])
            .args([
                "main.c",
                "a/one.c",
                "b/two.c",
                "asm/entry.S",
                "blob.o_shipped",
            ])
            .args(["-I", "include"])
            .args(["-D", &format!("TEXT=\"{text}\"")]);
        built(&mut ours);

        let by_hand = folder(&[]);
        let copied = by_hand.path().join("copy");
        copy(source.path(), &copied);
        let quoted = format!("TEXT=\"{text}\"")
            .replace('\\', "\\\\")
            .replace('"', "\\\"");
        write(
            &copied,
            &[
                ("Kbuild", KBUILD),
                // Since 6.1 modpost fails without it, and kbuild writes none.
                (".blob.o.cmd", ""),
                ("defines", &format!("\"-D{quoted}\"\n")),
            ],
        );
        let plain = plain_modules(&kernel, &copied, "", source.path(), &[]);
        assert_same_modules(&modules(out.path()), &plain, &kernel.release);
        assert!(!started_make(&built(&mut ours)), "{}", kernel.release);
    }
}

/// An object without a source.
fn object(dir: &Path) {
    let source = "int shipped(void); int shipped(void) { return 4; }\n";
    let mut gcc = Command::new("gcc");
    gcc.args(["-c", "-O2", "-mcmodel=kernel", "-fno-pic", "-mno-sse"])
        .args(["-fno-asynchronous-unwind-tables", "-fcf-protection=none"])
        .args(["-o", "blob.o_shipped", "blob.c"])
        .current_dir(dir);
    fs::write(dir.join("blob.c"), source).unwrap();
    run::checked(&mut gcc, LIMIT).unwrap();
    fs::remove_file(dir.join("blob.c")).unwrap();
}

/// Since 6.13 kbuild names sources relative to the module folder, and its rule for shipped files
/// only works in subfolders.
#[test]
fn a_declared_module_has_the_bytes_of_the_same_one_by_hand_where_kbuild_runs_in_the_modules_folder()
{
    if let Some(why) = lab::why_not("7.2") {
        return println!("not run: 7.2: {why}");
    }
    let kernel = lab::kernel("7.2").unwrap();
    let c = format!(
        "{HELLO}\nint shipped(void);\nint called(void);\nint called(void) {{ return shipped(); }}\n\
         MODULE_INFO(file, __FILE__);\n"
    );
    let source = folder(&[("module/main.c", &c)]);
    object(source.path());
    let out = tempfile::tempdir().unwrap();
    let mut ours = build(&kernel, out.path());
    ours.current_dir(source.path())
        .args(["--name", "all", "module/main.c", "blob.o_shipped"]);
    built(&mut ours);
    let by_hand = folder(&[
        (
            "Kbuild",
            "obj-m := all.o\nall-y := module/main.o blob.o\n\
             $(obj)/blob.o: $(obj)/blob.o_shipped\n\tcat $< > $@\n",
        ),
        (".blob.o.cmd", ""),
    ]);
    copy(&source.path().join("."), by_hand.path());
    let plain = plain_modules(&kernel, by_hand.path(), "", source.path(), &[]);
    let ours = modules(out.path());
    assert!(holds(&ours["all.ko"], b"file=module/main.c\0"));
    assert_same_modules(&ours, &plain, &kernel.release);
}
