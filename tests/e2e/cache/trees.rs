//! Trees with several module folders, trees that use each other's symbols, and builds that are not
//! stored.

use kbuild_tests::scope;

use super::{Caches, files, in_new_folder, is_cached};
use crate::scene::kernel_at;
use crate::support::*;

/// Two module folders of one tree: `user` needs a symbol of `ring`.
const FOLDERS: &[(&str, &str)] = &[
    ("ring/Kbuild", "obj-m := ring.o\n"),
    ("ring/ring.c", RING),
    (
        "user/Kbuild",
        "obj-m := user.o\nKBUILD_EXTRA_SYMBOLS := $(src)/../ring/Module.symvers\n",
    ),
    ("user/user.c", USER),
];

#[test]
fn module_folders_of_one_tree_come_from_the_cache_with_the_symbols_between_them() {
    let caches = Caches::new();
    let kernel = kernel_at(1);
    let scene = caches.tree(&kernel, FOLDERS);
    let source = scene.source.path().to_owned();
    let one = |out: &std::path::Path, name: &str, args: &[&str]| {
        let mut command = build(&kernel, out);
        command
            .arg(source.join(name))
            .arg("--tree-root")
            .arg(&source);
        command.args(args).envs(&scene.env);
        built(command.current_dir(&source))
    };
    let first = folder(&[]);
    let said = [
        one(first.path(), "ring", &[]),
        one(first.path(), "user", &[]),
    ];
    assert!(said.iter().all(|said| !is_cached(said)));
    let second = folder(&[]);
    let said = [
        one(second.path(), "ring", &[]),
        one(second.path(), "user", &[]),
    ];
    assert!(said.iter().all(is_cached), "{}", said[1].err());
    assert_eq!(files(second.path()), files(first.path()));
    // One folder from the cache, and the other one built: it finds the symbols of the first.
    let third = folder(&[]);
    let ring = one(third.path(), "ring", &[]);
    let user = one(third.path(), "user", &["-D", "OTHER"]);
    assert!(is_cached(&ring) && !is_cached(&user), "{}", user.err());
    // Another type of the symbol: both are built.
    for file in ["ring/ring.c", "user/user.c"] {
        scene.edit(
            file,
            "int ring_push(int value)",
            "int ring_push(long value)",
        );
    }
    let fourth = folder(&[]);
    let said = [
        one(fourth.path(), "ring", &[]),
        one(fourth.path(), "user", &[]),
    ];
    assert!(
        said.iter().all(|said| !is_cached(said)),
        "{}",
        said[1].err()
    );
    let fifth = folder(&[]);
    for name in ["ring", "user"] {
        one(fifth.path(), name, &["--no-cache"]);
    }
    assert_eq!(files(fourth.path()), files(fifth.path()));
}

#[test]
fn a_module_folder_finds_the_header_that_another_one_generates() {
    let caches = Caches::new();
    let kernel = kernel_at(1);
    let uses = format!("#include \"../maker/gen.h\"\n{HELLO}\nint value = VALUE;\n");
    let maker = "obj-m := maker.o\n$(obj)/maker.o: $(obj)/gen.h\n$(obj)/gen.h:\n\t\
                 echo '#define VALUE 7' > $@\n";
    let scene = caches.tree(
        &kernel,
        &[
            ("maker/Kbuild", maker),
            ("maker/maker.c", HELLO),
            ("user/Kbuild", "obj-m := user.o\n"),
            ("user/user.c", &uses),
        ],
    );
    let source = scene.source.path();
    let outs = [folder(&[]), folder(&[])];
    for out in &outs {
        for name in ["maker", "user"] {
            let mut command = build(&kernel, out.path());
            command
                .arg(source.join(name))
                .arg("--tree-root")
                .arg(source);
            built(command.envs(&scene.env).current_dir(source));
        }
    }
    assert_eq!(files(outs[0].path()), files(outs[1].path()));
}

#[test]
fn a_tree_that_uses_another_trees_symbols_is_found_in_any_output_directory() {
    let caches = Caches::new();
    let mut scene = caches.tree(&kernel_at(2), FOLDERS);
    scene.write("user/Kbuild", "obj-m := user.o\n");
    scene.args = ["ring", "user", "--symvers", "ring"]
        .map(str::to_owned)
        .to_vec();
    scene.build();
    assert_eq!(caches.entries().len(), 2);
    let out = folder(&[]);
    let said = built(&mut scene.command_to(out.path()));
    assert!(said.err().contains("2 cached"), "{}", said.err());
    assert_eq!(files(out.path()), files(scene.out.path()));
    scene.edit("ring/ring.c", "return value", "return -value");
    let (_, _) = in_new_folder(&scene, &[]);
    // The provider's CRC is the same, so its user comes from the cache.
    assert_eq!(caches.entries().len(), 3);
}

#[test]
fn a_build_that_may_not_be_stored_says_why_and_is_built_each_time() {
    let caches = Caches::new();
    let kernel = kernel_at(3);
    let kbuild = |text: &str| format!("{text}\nobj-m := hello.o\n");
    for (what, text, args) in [
        ("runs `date`", "X := $(shell date)", &[][..]),
        ("`prepare` commands", "", &["--prepare", "true"]),
        ("other targets", "", &["--target", "hello.o"]),
        (
            "shows where it was built",
            "ccflags-y := -DPLACE=\\\"$(abspath $(src))\\\" -include $(src)/place.h",
            &[],
        ),
        ("KBUILD_SIGN_PIN", "", &["--env", "KBUILD_SIGN_PIN=1234"]),
    ] {
        // The others are as cheap to check for kbuild-rs, but each is a build here.
        if !scope::is_full() && !["date", "shows"].iter().any(|word| what.contains(word)) {
            continue;
        }
        let files = [
            ("hello.c", HELLO),
            ("Kbuild", &kbuild(text)),
            (
                "place.h",
                "static const char place[] __attribute__((__used__)) = PLACE;\n",
            ),
        ];
        let scene = caches.tree(&kernel, &files);
        let out = folder(&[]);
        let mut command = scene.command_to(out.path());
        let said = built(command.args(args));
        assert!(!is_cached(&said), "{what}");
        assert!(caches.entries().is_empty(), "{what}: {}", said.err());
        if scope::is_full() || what.contains("date") {
            let again = folder(&[]);
            let said = built(scene.command_to(again.path()).args(args).arg("-vv"));
            let why = said.err().contains(what);
            assert!(why && !is_cached(&said), "{what}: {}", said.err());
        }
    }
}
