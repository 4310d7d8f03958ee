//! After any sequence of changes, the modules are those of a build that runs the top Makefile.

use kbuild_tests::random::Random;
use kbuild_tests::scope;

use super::Cache;
use crate::scene::{Scene, kernel_at};
use crate::support::*;

const ONE: &[(&str, &str)] = &[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")];

const TWO: &[(&str, &str)] = &[
    ("Kbuild", "obj-m := pair.o\npair-y := hello.o two.o\n"),
    ("hello.c", HELLO),
    (
        "two.c",
        "#include \"own.h\"\nint two(void);\nint two(void) { return OWN; }\n",
    ),
    ("own.h", "#define OWN 1\n"),
];

const DEEP: &[(&str, &str)] = &[
    ("Kbuild", "obj-m := hello.o sub/\n"),
    ("hello.c", HELLO),
    ("sub/Kbuild", "obj-m := below.o\n"),
    ("sub/below.c", HELLO),
];

/// Changes one thing. Returns what it is.
fn change(scene: &mut Scene, random: &mut Random, step: usize) -> &'static str {
    let set = |scene: &mut Scene, flag: &str, value: String| {
        if let Some(at) = scene.args.iter().position(|arg| arg == flag) {
            scene.args.drain(at..at + 2);
        }
        scene.args.extend([flag.to_owned(), value]);
    };
    let kbuild = std::fs::read_to_string(scene.path("Kbuild")).unwrap();
    match random.below(9) {
        0 => {
            scene.write("hello.c", &format!("{HELLO}\nint step_{step};\n"));
            "a source"
        }
        1 => {
            scene.write("Kbuild", &format!("{kbuild}ccflags-y += -DSTEP={step}\n"));
            "Kbuild"
        }
        2 => {
            set(scene, "-D", format!("OF_CALLER={step}"));
            "a flag"
        }
        3 => {
            scene.write("own.h", &format!("#define OWN {step}\n"));
            "a header"
        }
        4 => {
            set(scene, "--env", format!("KBUILD_BUILD_USER=user{step}"));
            "the environment"
        }
        5 => {
            let user = format!("user{step}");
            scene.env.insert("USER".to_owned(), user);
            "the user"
        }
        6 => {
            let names = ["C", "C.UTF-8", "POSIX"];
            let name = names[step % names.len()].to_owned();
            scene.env.insert("LC_ALL".to_owned(), name);
            "the locale"
        }
        7 => {
            set(scene, "-W", ["1", "2"][step % 2].to_owned());
            "warnings"
        }
        _ => {
            set(scene, "--make-var", format!("ANY_VAR={step}"));
            "a variable of make"
        }
    }
}

#[test]
fn after_any_changes_the_modules_are_those_of_a_build_from_nothing_on_the_long_way() {
    let modules: &[&[(&str, &str)]] = if scope::is_full() {
        &[ONE, TWO, DEEP]
    } else {
        &[TWO]
    };
    let steps = if scope::is_full() { 50 } else { 4 };
    for (number, files) in modules.iter().enumerate() {
        let mut random = Random::new();
        let seed = random.seed;
        let cache = Cache::new();
        let mut scene = cache.tree(&kernel_at(number), files);
        scene.build();
        for step in 0..steps {
            let what = change(&mut scene, &mut random, step);
            scene.build();
            let clean = folder(&[]);
            built(scene.command_to(clean.path()).arg("--no-shortcut"));
            let what = format!("seed {seed}, module {number}, step {step}: {what}");
            let ours = super::modules(scene.out.path());
            assert_same_modules(&ours, &super::modules(clean.path()), &what);
        }
    }
}
