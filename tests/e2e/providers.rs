//! Modules that use the symbols of others: when a provider's symvers change, modpost runs again.

use std::fs;
use std::path::Path;

use kbuild_tests::lab;
use kbuild_tests::scope;

use crate::scene::*;
use crate::support::trap::holds;
use crate::support::*;

/// Whether modpost ran.
fn ran_modpost(output: &kbuild_tests::run::Output) -> bool {
    output.err().lines().any(|l| l.starts_with("  MODPOST"))
}

fn ring(kernel: &lab::LabKernel) -> Scene {
    Scene::with(kernel, &[("ring.c", RING)], &["--name", "ring", "ring.c"])
}

fn user_of(kernel: &lab::LabKernel, symvers: &Path) -> Scene {
    let mut scene = Scene::with(kernel, &[("user.c", USER)], &["--name", "user", "user.c"]);
    let symvers = symvers.to_str().unwrap();
    scene.args.extend(["--symvers".into(), symvers.into()]);
    scene
}

/// The line of a symvers for `ring_push`.
fn symvers(checksum: u32) -> String {
    format!("{checksum:#010x}\tring_push\tring\tEXPORT_SYMBOL\t\n")
}

/// Checks that the user only loads with a `ring_push` of this checksum.
fn assert_wants(user: &Scene, checksum: u32) {
    let module = &modules(user.out.path())["user.ko"];
    let entry = [&checksum.to_le_bytes()[..], &[0; 4], b"ring_push\0"].concat();
    assert!(holds(module, &entry), "{checksum:#x} is not asked for");
}

#[test]
fn modpost_runs_again_when_a_provider_exports_something_else_or_is_another_one() {
    for kernel in scope::kernels(0).unwrap() {
        let ring = ring(&kernel);
        // The user may choose its place and its name.
        let places = folder(&[("with blanks, and $(signs)/ä'b.symvers", "")]);
        let odd = places.path().join("with blanks, and $(signs)/ä'b.symvers");
        let provide = || {
            ring.build();
            fs::copy(ring.out.path().join("ring.symvers"), &odd).unwrap();
        };
        provide();
        let mut user = user_of(&kernel, &odd);
        assert_eq!(compiled(&user.build()), ["user.o"]);
        user.is_fresh("nothing changed");

        ring.edit("ring.c", "return value;", "return value + 1;");
        provide();
        user.is_fresh("the provider is another one and exports the same");

        let before = modules(user.out.path());
        ring.edit(
            "ring.c",
            "int ring_push(int value)",
            "int ring_push(long value)",
        );
        let relinks = |what: &str| {
            provide();
            let output = user.build();
            assert!(ran_modpost(&output), "{what}: {}", output.err());
            assert!(compiled(&output).is_empty(), "{what}: {}", output.err());
        };
        relinks("the symbol has another type");
        assert_ne!(modules(user.out.path()), before, "the same checksum");

        if scope::is_full() {
            ring.edit(
                "ring.c",
                "MODULE_LICENSE",
                "int ring_pop(void);\nint ring_pop(void) { return 0; }\nEXPORT_SYMBOL(ring_pop);\nMODULE_LICENSE",
            );
            relinks("one symbol more");
        }

        let text = fs::read_to_string(&odd).unwrap();
        fs::write(&odd, text.replace("ring_push", "ring_put")).unwrap();
        let text = refused(&mut user.command(), 1);
        assert!(
            text.contains("\"ring_push\"") && text.contains("undefined"),
            "the symbol is gone: {text}"
        );

        // The same flags, except the path to another file that has the symbol with another
        // checksum.
        let other = places.path().join("other.symvers");
        fs::write(&other, symvers(0x0bad_cafe)).unwrap();
        *user.args.last_mut().unwrap() = other.to_str().unwrap().into();
        user.builds_as_clean("another provider");
        assert_wants(&user, 0x0bad_cafe);
        user.is_fresh("another provider");
    }
}

#[test]
fn extra_symbols_named_as_make_names_them_are_watched_too() {
    let ring = folder(&[("ring.symvers", &symvers(0x0000_cafe))]);
    let path = ring.path().join("ring.symvers");
    let mut user = Scene::tree(
        &kernel_at(0),
        &[("user.c", USER), ("Kbuild", "obj-m := user.o\n")],
    );
    let variable = format!("KBUILD_EXTRA_SYMBOLS={}", path.display());
    user.args.extend(["--make-var".into(), variable]);
    user.build();
    assert_wants(&user, 0x0000_cafe);
    fs::write(&path, symvers(0x0bad_cafe)).unwrap();
    assert!(ran_modpost(&user.build()));
    assert_wants(&user, 0x0bad_cafe);
    user.is_fresh("KBUILD_EXTRA_SYMBOLS");
}

#[test]
fn a_symvers_that_is_shipped_in_the_tree_is_watched_too() {
    const KBUILD: &str = "obj-m := user.o\nKBUILD_EXTRA_SYMBOLS := $(src)/vendor/Module.symvers\n";
    let user = Scene::tree(
        &kernel_at(0),
        &[
            ("user.c", USER),
            ("Kbuild", KBUILD),
            ("vendor/Module.symvers", &symvers(0x0000_cafe)),
        ],
    );
    user.build();
    assert_wants(&user, 0x0000_cafe);
    user.write("vendor/Module.symvers", &symvers(0x0bad_cafe));
    user.build();
    assert_wants(&user, 0x0bad_cafe);
}

#[test]
fn module_folders_of_one_root_share_a_stage_and_read_each_others_symvers() {
    for kernel in scope::kernels(0).unwrap() {
        let common = Scene::with(
            &kernel,
            &[
                ("common/ring.c", RING),
                ("common/other.c", HELLO),
                ("common/Kbuild", "obj-m := ring.o other.o\n"),
                ("user/user.c", USER),
                (
                    "user/Makefile",
                    "KBUILD_EXTRA_SYMBOLS := $(src)/../common/Module.symvers\nobj-m := user.o\n",
                ),
            ],
            &["common", "--tree-root", ".."],
        );
        let build = |folder: &str| {
            let mut command = build(&kernel, common.out.path());
            command.args([folder, "--tree-root", ".."]);
            built(command.current_dir(common.source.path()))
        };
        // Both are built from nothing, in another place.
        let same = |what: &str| {
            let out = tempfile::tempdir().unwrap();
            for folder in ["common", "user"] {
                let mut command = crate::support::build(&kernel, out.path());
                command.args([folder, "--tree-root", ".."]);
                built(command.current_dir(common.source.path()));
            }
            assert_same_modules(&modules(common.out.path()), &modules(out.path()), what);
        };
        build("common");
        build("user");
        if scope::is_full() {
            same("the first build");
        }
        assert!(!started_make(&build("common")) && !started_make(&build("user")));
        common.stage();

        common.edit("common/ring.c", "int ring_push(int", "int ring_push(long");
        // The first build of the other folder does not cause a new build of other.o.
        assert_eq!(compiled(&build("common")), ["ring.o"]);
        let output = build("user");
        assert!(ran_modpost(&output), "{}", output.err());
        if scope::is_full() {
            same("the symbol has another type");
        }

        // A change in one folder during a build of another one still counts.
        common.edit(
            "user/Makefile",
            "obj-m",
            "ccflags-y := -DCHANGED=1 -O1\nobj-m",
        );
        build("common");
        assert!(started_make(&build("user")), "the Makefile changed");
        same("the Makefile of one folder changed");
        assert!(!started_make(&build("common")) && !started_make(&build("user")));
    }
}
