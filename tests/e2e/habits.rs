//! The habits of Makefiles in docs/module-trees.md: with all of them at once, the modules are those
//! of plain make.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::snapshot::Snapshot;
use kbuild_tests::{plain, run, scope};
use tempfile::TempDir;

use crate::guide::sections;
use crate::scene::*;
use crate::support::trap::holds;
use crate::support::*;

type Modules = BTreeMap<String, Vec<u8>>;

/// Prints the values that the Makefile found.
const MAIN: &str = r#"
#include <linux/module.h>
#include <linux/stringify.h>
#include <answers.h>
#include "version.h"
int one(void);
int two(void);
static int __init driver_init(void) { return one() - two(); }
module_init(driver_init);
MODULE_INFO(pwd, ANSWER);
MODULE_INFO(git, DRIVER_GIT);
MODULE_INFO(written, WRITTEN);
#ifdef DRIVER_FOR_5
MODULE_INFO(kernel, "5");
#else
MODULE_INFO(kernel, "newer");
#endif
#ifdef DRIVER_FOR_RT
MODULE_INFO(rt, "yes");
#endif
MODULE_LICENSE("GPL");
"#;

/// A tree whose Makefile has every habit, in its own repository.
fn tree(kernel: &LabKernel) -> Scene {
    let parts = sections("module-trees.md").into_iter().map(|s| s.parts);
    let makefile: String = parts.collect();
    let scene = Scene::tree(
        kernel,
        &[
            ("Makefile", &makefile),
            ("main.c", MAIN),
            ("include/answers.h", "#define ANSWER \"found\"\n"),
            ("version.h.in", "#define WRITTEN \"@VERSION@\"\n"),
            (
                "parts/one.c",
                "int one(void);\nint one(void) { return 1; }\n",
            ),
            (
                "parts/more/two.c",
                "int two(void);\nint two(void) { return 2; }\n",
            ),
        ],
    );
    let mut git = Command::new("sh");
    git.current_dir(scene.source.path())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .args([
            "-ec",
            "git init -q . && git add -A && git -c user.name=a -c user.email=a@b commit -qm one \
             && git tag v7.5",
        ]);
    leave_git(&mut git);
    run::checked(&mut git, LIMIT).unwrap();
    scene
}

/// Runs plain make in a copy; returns its modules and the compiled objects.
fn make(kernel: &LabKernel, copied: &Path, shown: &Path) -> (Modules, Vec<String>) {
    let mut make = plain::make(kernel, copied, copied, shown);
    let output = run::checked(make.arg("modules"), LIMIT).unwrap();
    (modules(copied), compiled_in(&output.out()))
}

fn passes(dir: &Path) -> usize {
    fs::read_to_string(dir.join("passes"))
        .unwrap()
        .lines()
        .count()
}

#[test]
fn a_makefile_with_every_habit_of_the_guide_builds_as_with_plain_make() {
    for kernel in scope::kernels(0).unwrap() {
        follows_an_edit(&kernel, builds_as_plain(&kernel));
    }
}

#[test]
fn a_makefile_with_every_habit_builds_where_make_works_in_the_module_folder_too() {
    match lab::why_not("7.3") {
        None => {
            let kernel = lab::kernel("7.3").unwrap();
            let built = builds_as_plain(&kernel);
            if scope::is_full() {
                follows_an_edit(&kernel, built);
            }
        }
        Some(why) => println!("not run: {why}"),
    }
}

/// The built tree, and a copy built by plain make.
fn builds_as_plain(kernel: &LabKernel) -> (Scene, TempDir) {
    let scene = tree(kernel);
    let source = fs::canonicalize(scene.source.path()).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let copied = scratch.path().join("copy");
    copy(&source, &copied);

    let before = Snapshot::take_with_content(&source).unwrap();
    scene.build();
    scene.is_fresh(&kernel.release);
    let now = Snapshot::take_with_content(&source).unwrap();
    assert_eq!(before.differences(&now), Vec::<String>::new());
    let ours = modules(scene.out.path());
    let (plain, _) = make(kernel, &copied, &source);
    assert_same_modules(&ours, &plain, &kernel.release);
    assert_eq!(passes(&scene.stage()), passes(&copied), "as often");
    let newer = !kernel.release.starts_with("5.");
    let kernel_line = if newer { "kernel=newer" } else { "kernel=5" };
    for line in ["pwd=found", "git=v7.5", "written=1.2", kernel_line] {
        let line = format!("\0{line}\0");
        assert!(holds(&ours["driver.ko"], line.as_bytes()), "no {line}");
    }
    (scene, scratch)
}

fn follows_an_edit(kernel: &LabKernel, (scene, scratch): (Scene, TempDir)) {
    let source = fs::canonicalize(scene.source.path()).unwrap();
    let copied = scratch.path().join("copy");
    for dir in [&source, &copied] {
        edit(&dir.join("parts/more/two.c"), "return 2", "return 3");
    }
    let output = scene.build();
    let (plain, objects) = make(kernel, &copied, &source);
    assert_same_modules(&modules(scene.out.path()), &plain, "after an edit");
    // All of them read that the repository is dirty now.
    assert_eq!(compiled(&output), objects, "{}", output.err());
    assert_eq!(passes(&scene.stage()), passes(&copied), "as often");
}

#[test]
fn a_tree_with_settings_builds_as_with_plain_make_that_is_told_the_same() {
    for kernel in scope::kernels(0).unwrap() {
        let mut scene = Scene::tree(
            &kernel,
            &[
                (
                    "Kbuild",
                    "obj-m := one.o\nccflags-y := -include $(src)/config.h\n\
                     ifneq ($(shell find $(src) -name '*.orig'),)\n$(error left over)\nendif\n\
                     ccflags-y += '-DBY=\"$(DRIVER_BY)\"' '-DFOR=\"$(shell printenv DRIVER_FOR)\"'\n",
                ),
                (
                    "one.c",
                    &format!("{HELLO}MODULE_INFO(by, BY FOR RELEASE);\n"),
                ),
                ("old/one.c.orig", "no source"),
                (
                    "configure",
                    "echo \"#define RELEASE \\\"$DRIVER_FOR $(cat $KDIR/include/config/kernel.release)\\\"\" \
                     > config.h\n",
                ),
            ],
        );
        let args = "--prepare|sh configure|--prepare-input|configure|--exclude|*.orig|--make-var|DRIVER_BY=us \
                    and them|--env|DRIVER_FOR=you";
        scene.args.extend(args.split('|').map(str::to_owned));
        scene.build();
        scene.is_fresh(&kernel.release);
        assert!(!scene.path("config.h").exists());

        let source = fs::canonicalize(scene.source.path()).unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let copied = scratch.path().join("copy");
        copy(&source, &copied);
        let mut by_hand = Command::new("sh");
        by_hand
            .args(["-ec", "sh configure; rm old/one.c.orig"])
            .envs([
                ("DRIVER_FOR", "you".as_ref()),
                ("KDIR", kernel.kdir.as_os_str()),
            ])
            .current_dir(&copied);
        run::checked(&mut by_hand, LIMIT).unwrap();
        let mut make = plain::make(&kernel, &copied, &copied, &source);
        make.args(["DRIVER_BY=us and them", "modules"])
            .env("DRIVER_FOR", "you");
        run::checked(&mut make, LIMIT).unwrap();
        assert_same_modules(
            &modules(scene.out.path()),
            &modules(&copied),
            &kernel.release,
        );
    }
}
