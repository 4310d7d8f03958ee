//! Modules that are declared: sources, folders and flags listed by the caller.

use std::fs;
use std::path::Path;
use std::process::Command;

use kbuild_tests::run;
use kbuild_tests::scope;

use crate::scene::*;
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

/// An object as vendors ship it.
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
        let mut scene = Scene::with(
            &kernel,
            &[
                ("a base/src/main.c", MAIN),
                ("a base/src/own.h", "#define OWN 1\n"),
                ("a base/arch/asm.S", ASSEMBLY),
                ("a base/arch/own.h", "\n"),
            ],
            &[
                "--name",
                "mix",
                "src/main.c",
                "arch/asm.S",
                "src/blob.o_shipped",
            ],
        );
        let base = scene.path("a base");
        ship(&base.join("src"), 3);
        fs::remove_file(base.join("src/s.c")).unwrap();
        scene.args.push(
            elsewhere
                .path()
                .join("gen dir/made.c")
                .display()
                .to_string(),
        );
        let include = elsewhere.path().join("inc with blanks");
        scene.args.extend([
            "-I".into(),
            include.display().to_string(),
            "-DGIVEN=4".into(),
        ]);
        let source = scene.source;
        scene.source = folder(&[]);
        copy(&base, &scene.path("."));
        drop(source);
        // The base is the working directory, whose path holds a blank as well.
        let inner = scene.path("a base");
        let with_base = |mut command: Command| {
            command.current_dir(&inner);
            command
        };
        let build = || built(&mut with_base(scene.command()));
        let as_clean = |objects: &[&str], what: &str| {
            let output = build();
            let out = tempfile::tempdir().unwrap();
            built(&mut with_base(scene.command_to(out.path())));
            let what = format!("{what} on {}", kernel.release);
            assert_same_modules(&modules(scene.out.path()), &modules(out.path()), &what);
            assert_eq!(compiled(&output), objects, "{what}\n{}", output.err());
            assert!(!started_make(&build()), "{what}: again");
        };
        as_clean(&["asm.o", "made.o", "main.o"], "the first build");
        edit(&inner.join("src/own.h"), "OWN 1", "OWN 2");
        as_clean(&["main.o"], "the header beside a source");
        make_old(&inner.join("src/own.h"));
        as_clean(&["main.o"], "the header became old");
        edit(&include.join("outer.h"), "OUTER 1", "OUTER 2");
        as_clean(&["main.o"], "a header in a folder with blanks");
        edit(&elsewhere.path().join("gen dir/made.c"), "made", "remade");
        as_clean(&["made.o"], "a generated source");
        ship(&inner.join("src"), 9);
        as_clean(&[], "the shipped object");
        edit(&inner.join("arch/own.h"), "\n", "// beside the assembly\n");
        as_clean(&["asm.o"], "a header of the assembly");
    }
}

#[test]
fn a_config_of_the_modules_own_is_seen_by_its_kbuild_and_its_sources() {
    let source = r#"
#include <linux/module.h>
#if IS_MODULE(CONFIG_FOO)
static const char state[] __attribute__((used)) = "foo is a module";
#elif IS_BUILTIN(CONFIG_FOO)
static const char state[] __attribute__((used)) = "foo is built in";
#elif !IS_ENABLED(CONFIG_FOO)
static const char state[] __attribute__((used)) = "foo is off";
#endif
MODULE_LICENSE("GPL");
"#;
    for kernel in scope::kernels(0).unwrap() {
        let mut scene = Scene::tree(
            &kernel,
            &[
                ("foo.c", source),
                ("other.c", source),
                ("Kbuild", "obj-$(CONFIG_FOO) += foo.o\nobj-m += other.o\n"),
            ],
        );
        let plain = scene.args.clone();
        for (value, state, with_foo) in [
            ("FOO=m", "foo is a module", true),
            ("CONFIG_FOO=n", "foo is off", false),
            ("FOO=y", "foo is built in", false),
        ] {
            scene.args = plain.clone();
            scene.args.extend(["--config".into(), value.into()]);
            scene.builds_as_clean(value);
            let modules = modules(scene.out.path());
            let text = String::from_utf8_lossy(&modules["other.ko"]);
            assert!(text.contains(state), "{value} on {}", kernel.release);
            assert_eq!(modules.contains_key("foo.ko"), with_foo, "{value}");
        }
    }
}

#[test]
fn a_new_header_before_another_is_found_where_nothing_is_staged() {
    let scene = Scene::with(
        &kernel_at(1),
        &[
            (
                "src/a.c",
                "#include <linux/module.h>\n#include \"x.h\"\n#include <y.h>\nint n(void);\nint n(void) { return X + Y; }\nMODULE_LICENSE(\"GPL\");\n",
            ),
            ("first/none.h", ""),
            ("second/x.h", "#define X 1\n"),
            ("second/y.h", "#define Y 1\n"),
        ],
        &["--name", "a", "src/a.c", "-I", "first", "-I", "second"],
    );
    scene.build();
    scene.is_fresh("nothing changed");
    scene.write("src/x.h", "#define X 100\n");
    make_old(&scene.path("src/x.h"));
    scene.builds_as_clean("a header beside the source");
    scene.write("first/y.h", "#define Y 100\n");
    make_old(&scene.path("first/y.h"));
    scene.builds_as_clean("a header in the first folder");
    scene.remove("src/x.h");
    scene.builds_as_clean("a header is gone");
    scene.is_fresh("after the headers");
}
