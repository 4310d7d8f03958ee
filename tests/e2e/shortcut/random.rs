//! After any sequence of changes, the modules are those of a build that runs the top Makefile.

use std::fs;
use std::path::Path;

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::random::Random;
use kbuild_tests::scope;

use super::noticed::{Stand, append, script};
use super::{Cache, was_direct};
use crate::scene::{Scene, kernel_at, private_kernel};
use crate::support::*;

/// A module: the package of its sources (none for the one-file module), a source, a header, the
/// file with the flags.
type Module = (&'static str, [&'static str; 3]);

const MODULES: &[Module] = &[
    ("", ["hello.c", "own.h", "Kbuild"]),
    ("lime-forensics-dkms", ["hash.c", "lime.h", "Makefile"]),
    (
        "digimend-dkms",
        ["hid-uclogic-params.c", "hid-ids.h", "Makefile"],
    ),
];

fn scene(package: &str, kernel: &LabKernel, cache: &Cache) -> Scene {
    let one = format!("#include \"own.h\"\n{HELLO}");
    let files = [
        ("hello.c", &*one),
        ("own.h", ""),
        ("Kbuild", "obj-m := hello.o\n"),
    ];
    if package.is_empty() {
        return cache.tree(kernel, &files);
    }
    let scene = cache.tree(kernel, &[]);
    let source = lab::source_for(package, kernel).unwrap();
    copy(&source.join("."), scene.source.path());
    scene
}

/// Changes one thing. Returns its name.
fn change(stand: &mut Stand, files: [&str; 3], random: &mut Random, step: usize) -> &'static str {
    let set = |stand: &mut Stand, flag: &str, value: String| {
        let args = &mut stand.scene.args;
        if let Some(at) = args.iter().position(|arg| arg == flag) {
            args.drain(at..at + 2);
        }
        args.extend([flag.to_owned(), value]);
    };
    let [source, header, flags] = files.map(|name| stand.scene.path(name));
    let env = |stand: &mut Stand, name: &str, value: String| {
        stand.scene.env.insert(name.to_owned(), value);
    };
    let add = |file: &Path, line: String| append(file, &line);
    match random.below(13) {
        0 => {
            add(&source, format!("int step_{step}(void);"));
            "a source"
        }
        1 => {
            add(&flags, format!("ccflags-y += -DSTEP={step}"));
            "Kbuild"
        }
        2 => {
            set(stand, "-D", format!("OF_CALLER={step}"));
            "a flag"
        }
        3 => {
            add(&header, format!("#define STEP_OF_HEADER_{step} 1"));
            "a header"
        }
        4 => {
            set(stand, "--env", format!("KBUILD_BUILD_USER=user{step}"));
            "the environment"
        }
        5 => {
            env(stand, "USER", format!("user{step}"));
            "the user"
        }
        6 => {
            let name = ["C", "C.UTF-8", "POSIX"][step % 3];
            env(stand, "LC_ALL", name.to_owned());
            "the locale"
        }
        7 => {
            set(stand, "-W", ["1", "2"][step % 2].to_owned());
            "warnings"
        }
        8 => {
            set(stand, "--make-var", format!("ANY_VAR={step}"));
            "a variable of make"
        }
        9 => {
            stand.append(
                "include/linux/module.h",
                &format!("#define STEP_OF_KERNEL_{step} 1"),
            );
            "a header of the kernel"
        }
        10 => {
            let name = ["Makefile", "scripts/Makefile.build", "scripts/Makefile.lib"][step % 3];
            stand.append(name, &format!("KBUILD_CFLAGS += -DOF_MAKEFILE_{step}"));
            "a makefile of the kernel"
        }
        11 => {
            let compiler = format!("{} -DOF_COMPILER={step}", stand.scene.kernel.compiler());
            script(&stand.own.join("own-cc"), &compiler, "");
            "the compiler"
        }
        _ => {
            let make = stand.own.join("make");
            if fs::remove_file(&make).is_err() {
                std::os::unix::fs::symlink("/usr/bin/make", make).unwrap();
            }
            "make"
        }
    }
}

#[test]
fn after_any_changes_the_modules_are_those_of_the_long_way() {
    let steps = if scope::is_full() { 50 } else { 5 };
    let (_folder, kernel) = private_kernel(&kernel_at(1));
    let mut random = Random::new();
    let seed = random.seed;
    for (package, files) in MODULES {
        let cache = Cache::new();
        let mut stand = Stand::of(scene(package, &kernel, &cache), cache);
        let long = folder(&[]);
        let mut direct = 0;
        stand.scene.build();
        for step in 0..steps {
            let what = change(&mut stand, *files, &mut random, step);
            stand.scene.build();
            direct += usize::from(was_direct(stand.scene.out.path()));
            // Each way has an output directory, so both compile only what has changed.
            built(stand.scene.command_to(long.path()).arg("--no-shortcut"));
            let what = format!("seed {seed}, module {package:?}, step {step}: {what}");
            let ours = modules(stand.scene.out.path());
            assert_same_modules(&ours, &modules(long.path()), &what);
        }
        if scope::is_full() || package.is_empty() {
            let clean = folder(&[]);
            built(stand.scene.command_to(clean.path()).arg("--no-shortcut"));
            let ours = modules(stand.scene.out.path());
            assert_same_modules(&ours, &modules(clean.path()), "from nothing");
        }
        println!("{package:?}: {direct} of {steps} builds took the shortcut");
        assert!(direct > 0, "seed {seed}, module {package:?}");
    }
}
