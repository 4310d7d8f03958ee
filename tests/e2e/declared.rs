//! Declared modules: sources, folders and flags listed by the caller.

use std::fs;
use std::path::Path;
use std::process::Command;

use kbuild_tests::run;
use kbuild_tests::scope;

use crate::scene::*;
use crate::support::trap::holds;
use crate::support::*;

const MAIN: &str = r#"
#include <linux/module.h>
#include "own.h"
#include <outer.h>
int assembled(void);
int shipped(void);
static int __init begin(void) { return OWN + OUTER + assembled() + shipped() + GIVEN; }
module_init(begin);
MODULE_LICENSE("GPL");
"#;

const ASSEMBLY: &str = "\
#include <linux/linkage.h>
#include \"own.h\"
\t.text
SYM_FUNC_START(assembled)
\tmov $GIVEN, %eax
\tret
SYM_FUNC_END(assembled)
";

/// An object in the form in which vendors ship it.
fn ship(dir: &Path, value: u32) {
    write(
        dir,
        &[(
            "s.c",
            &format!("int shipped(void);\nint shipped(void) {{ return {value}; }}\n"),
        )],
    );
    let mut gcc = Command::new("gcc");
    let flags = "-c -O2 -ffreestanding -mcmodel=kernel -mno-red-zone -fno-pic -fcf-protection=none \
                 -fno-asynchronous-unwind-tables s.c -o blob.o_shipped";
    gcc.args(flags.split(' ').filter(|f| !f.is_empty()))
        .current_dir(dir);
    run::checked(&mut gcc, LIMIT).unwrap();
}

#[test]
fn sources_of_all_kinds_and_folders_with_odd_names_build_and_rebuild() {
    for kernel in scope::kernels(1).unwrap() {
        let elsewhere = folder(&[
            ("inc with blanks/outer.h", "#define OUTER 1\n"),
            ("gen dir/made.c", "int made;\n"),
        ]);
        let include = elsewhere.path().join("inc with blanks");
        let made = elsewhere.path().join("gen dir/made.c");
        let sources = ["src/main.c", "arch/asm.S", "src/blob.o_shipped"];
        let mut scene = Scene::with(&kernel, &[], &["--name", "mix", "-DGIVEN=4"]);
        // The base is the working directory.
        let base = tempfile::Builder::new().prefix("a base ").tempdir();
        scene.source = base.unwrap();
        scene.write("src/main.c", MAIN);
        scene.write("src/own.h", "#define OWN 1\n");
        scene.write("arch/asm.S", ASSEMBLY);
        scene.write("arch/own.h", "\n");
        ship(&scene.path("src"), 3);
        fs::remove_file(scene.path("src/s.c")).unwrap();
        scene.args.extend(sources.map(String::from));
        scene.args.extend([
            made.display().to_string(),
            "-I".into(),
            include.display().to_string(),
        ]);
        scene.recompiles(&["asm.o", "made.o", "main.o"], "the first build");
        scene.is_fresh("the first build");
        scene.all_recompile(&[
            ("an old header beside a source", &["main.o"], &|| {
                scene.edit("src/own.h", "OWN 1", "OWN 2");
                make_old(&scene.path("src/own.h"));
            }),
            ("a header of the assembly", &["asm.o"], &|| {
                scene.edit("arch/own.h", "\n", "// beside the assembly\n");
            }),
            ("a generated source", &["made.o"], &|| {
                edit(&made, "made", "remade");
            }),
        ]);
        scene.all_recompile(&[
            ("a header in a folder with blanks", &["main.o"], &|| {
                edit(&include.join("outer.h"), "OUTER 1", "OUTER 2");
            }),
            ("the shipped object", &[], &|| ship(&scene.path("src"), 9)),
        ]);
        scene.is_as_clean("after all of it");
        scene.is_fresh("after all of it");
    }
}

#[test]
fn configs_of_the_modules_own_are_seen_by_its_kbuild_and_its_sources() {
    let source = r#"
#include <linux/module.h>
#if IS_MODULE(CONFIG_FOO)
MODULE_INFO(foo, "a module");
#endif
#if IS_BUILTIN(CONFIG_BAR)
MODULE_INFO(bar, "built in");
#endif
#if !IS_ENABLED(CONFIG_OFF)
MODULE_INFO(off, "off");
#endif
MODULE_LICENSE("GPL");
"#;
    let kbuild = "obj-m += other.o\nobj-$(CONFIG_FOO) += foo.o\nobj-$(CONFIG_BAR) += bar.o\n\
                  obj-$(CONFIG_OFF) += off.o\n";
    for kernel in scope::kernels(0).unwrap() {
        let names = ["foo.c", "bar.c", "off.c", "other.c"];
        let mut scene = Scene::tree(&kernel, &names.map(|name| (name, source)));
        scene.write("Kbuild", kbuild);
        for config in ["FOO=m", "BAR=y", "CONFIG_OFF=n"] {
            scene.args.extend(["--config".into(), config.into()]);
        }
        scene.build();
        let modules = modules(scene.out.path());
        assert_eq!(modules.keys().collect::<Vec<_>>(), ["foo.ko", "other.ko"]);
        for (name, module) in &modules {
            for told in ["foo=a module\0", "bar=built in\0", "off=off\0"] {
                assert!(holds(module, told.as_bytes()), "{name}: no {told}");
            }
        }
    }
}

#[test]
fn a_new_header_before_another_is_found_where_nothing_is_staged() {
    let source = "#include <linux/module.h>\n#include \"x.h\"\n#include <y.h>\n\
                  MODULE_INFO(xy, X Y);\nMODULE_LICENSE(\"GPL\");\n";
    let scene = Scene::with(
        &kernel_at(0),
        &[
            ("src/a.c", source),
            ("first/none.h", ""),
            ("second/x.h", "#define X \"second \"\n"),
            ("second/y.h", "#define Y \"second\"\n"),
        ],
        &["--name", "a", "src/a.c", "-I", "first", "-I", "second"],
    );
    let write_old = |path: &str, text: &str| {
        scene.write(path, text);
        make_old(&scene.path(path));
    };
    let finds = |wanted: &str, what: &str| {
        scene.recompiles(&["a.o"], what);
        let wanted = format!("xy={wanted}\0");
        let module = &modules(scene.out.path())["a.ko"];
        assert!(holds(module, wanted.as_bytes()), "{what}: no {wanted}");
        scene.is_fresh(what);
    };
    finds("second second", "the first build");
    write_old("src/x.h", "#define X \"own \"\n");
    finds("own second", "a header beside the source");
    write_old("first/y.h", "#define Y \"first\"\n");
    finds("own first", "a header in the first folder");
    scene.remove("src/x.h");
    finds("second first", "a header is gone");
}
