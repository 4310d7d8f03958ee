//! Modules that use the symbols of others: when a provider's symvers change, modpost runs again.

use std::fs;
use std::path::Path;

use kbuild_tests::lab;
use kbuild_tests::scope;

use crate::scene::*;
use crate::support::*;

const RING: &str = r#"
#include <linux/module.h>
int ring_push(int value);
int ring_push(int value) { return value; }
EXPORT_SYMBOL(ring_push);
MODULE_LICENSE("GPL");
"#;

const USER: &str = r#"
#include <linux/module.h>
int ring_push(int value);
static int __init user_init(void) { return ring_push(0); }
module_init(user_init);
MODULE_LICENSE("GPL");
"#;

/// Whether modpost was asked.
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

#[test]
fn modpost_runs_again_when_a_provider_exports_something_else() {
    for kernel in scope::kernels(2).unwrap() {
        let ring = ring(&kernel);
        ring.build();
        let user = user_of(&kernel, &ring.out.path().join("ring.symvers"));
        user.compiles(&["user.o"], "the first build");
        user.is_fresh("nothing changed");

        ring.edit("ring.c", "return value;", "return value + 1;");
        ring.build();
        user.is_fresh("the provider is another one and exports the same");

        let before = modules(user.out.path());
        ring.edit(
            "ring.c",
            "int ring_push(int value)",
            "int ring_push(long value)",
        );
        ring.build();
        let output = user.compiles(&[], "the symbol has another type");
        assert!(ran_modpost(&output), "{}", output.err());
        assert_ne!(modules(user.out.path()), before, "the same checksum");

        ring.edit(
            "ring.c",
            "MODULE_LICENSE",
            "int ring_pop(void);\nint ring_pop(void) { return 0; }\nEXPORT_SYMBOL(ring_pop);\nMODULE_LICENSE",
        );
        ring.build();
        let output = user.compiles(&[], "one symbol more");
        assert!(ran_modpost(&output), "{}", output.err());

        ring.edit("ring.c", "ring_push", "ring_put");
        ring.build();
        let (ours, clean) = user.fails_as_clean("the symbol is gone");
        for text in [ours, clean] {
            assert!(
                text.contains("\"ring_push\"") && text.contains("undefined"),
                "{text}"
            );
        }
        ring.edit("ring.c", "ring_put", "ring_push");
        ring.build();
        user.builds_as_clean("the symbol is back");
    }
}

#[test]
fn the_symvers_of_a_provider_may_lie_anywhere_and_change_its_place() {
    let kernel = kernel_at(1);
    let ring = ring(&kernel);
    ring.build();
    let symvers = ring.out.path().join("ring.symvers");
    let places = folder(&[("with blanks, and $(signs)/ä'b.symvers", "")]);
    let odd = places.path().join("with blanks, and $(signs)/ä'b.symvers");
    fs::copy(&symvers, &odd).unwrap();
    let mut user = user_of(&kernel, &odd);
    user.builds_as_clean("an odd path");
    user.is_fresh("an odd path");

    // The same flags, but for a path to a file that says something else.
    let text = fs::read_to_string(&odd).unwrap();
    let other = places.path().join("other.symvers");
    let checksum = text.split('\t').next().unwrap();
    fs::write(&other, text.replace(checksum, "0x0badcafe")).unwrap();
    *user.args.last_mut().unwrap() = other.to_str().unwrap().into();
    user.builds_as_clean("another provider");
    user.is_fresh("another provider");
}

#[test]
fn extra_symbols_named_as_make_names_them_are_watched_too() {
    let kernel = kernel_at(2);
    let ring = ring(&kernel);
    ring.build();
    let symvers = ring.out.path().join("ring.symvers");
    let mut user = Scene::tree(
        &kernel,
        &[("user.c", USER), ("Kbuild", "obj-m := user.o\n")],
    );
    let variable = format!("KBUILD_EXTRA_SYMBOLS={}", symvers.display());
    user.args.extend(["--make-var".into(), variable]);
    user.builds_as_clean("KBUILD_EXTRA_SYMBOLS");
    ring.edit(
        "ring.c",
        "int ring_push(int value)",
        "int ring_push(short value)",
    );
    ring.build();
    assert!(ran_modpost(&user.builds_as_clean("another type")));
    user.is_fresh("KBUILD_EXTRA_SYMBOLS");
}

#[test]
fn a_symvers_that_is_shipped_in_the_tree_is_watched_too() {
    let kernel = kernel_at(0);
    let ring = ring(&kernel);
    ring.build();
    let text = fs::read_to_string(ring.out.path().join("ring.symvers")).unwrap();
    let user = Scene::tree(
        &kernel,
        &[
            ("user.c", USER),
            (
                "Kbuild",
                "obj-m := user.o\nKBUILD_EXTRA_SYMBOLS := $(src)/vendor/Module.symvers\n",
            ),
            ("vendor/Module.symvers", &text),
        ],
    );
    user.builds_as_clean("a shipped symvers");
    let checksum = text.split('\t').next().unwrap();
    user.edit("vendor/Module.symvers", checksum, "0x0badcafe");
    user.builds_as_clean("another shipped symvers");
}

#[test]
fn module_folders_of_one_root_share_a_stage_and_read_each_others_symvers() {
    for kernel in lab::kernels().unwrap() {
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
            &["common", "--root", ".."],
        );
        let build = |folder: &str| {
            let mut command = build(&kernel, common.out.path());
            command.args([folder, "--root", ".."]);
            built(command.current_dir(common.source.path()))
        };
        // Both anew, elsewhere.
        let same = |what: &str| {
            let out = tempfile::tempdir().unwrap();
            for folder in ["common", "user"] {
                let mut command = crate::support::build(&kernel, out.path());
                command.args([folder, "--root", ".."]);
                built(command.current_dir(common.source.path()));
            }
            assert_same_modules(&modules(common.out.path()), &modules(out.path()), what);
        };
        build("common");
        build("user");
        same("the first build");
        assert!(!started_make(&build("common")) && !started_make(&build("user")));
        common.stage();

        common.edit("common/ring.c", "int ring_push(int", "int ring_push(long");
        // What the first build of the other folder did was no reason to make other.o again.
        assert_eq!(compiled(&build("common")), ["ring.o"]);
        let output = build("user");
        assert!(ran_modpost(&output), "{}", output.err());
        same("the symbol has another type");

        // What changed in one folder while another was built is still a change.
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
