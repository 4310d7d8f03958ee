//! When Cargo runs a build script again: only after a change of the module's inputs.

use std::fs;
use std::path::Path;

use kbuild_tests::scope;

use crate::support::project::{Outcome, Project, any_kernel, edit, manifest};
use crate::support::trap::holds;
use crate::support::{HELLO, write};

fn package(build: &str, files: &[(&str, &str)]) -> Project {
    let project = Project::new(&[
        ("Cargo.toml", &(manifest("rerun", "", "") + "[workspace]\n")),
        ("build.rs", &format!("fn main() {{ {build}; }}\n")),
        ("src/main.rs", "fn main() {}\n"),
    ]);
    write(&project.dir, files);
    project
}

/// The changed input, the change, and whether Cargo must run the script for it.
type Change<'a> = (&'a str, &'a dyn Fn(&Path), bool);

fn apply(project: &Project, changes: &[Change<'_>]) -> Outcome {
    let kernel = any_kernel();
    let mut cargo = project.cargo_for(&kernel);
    let mut last = project.built(&mut cargo);
    for (what, change, matters) in changes {
        change(&project.dir);
        last = project.built(&mut cargo);
        assert_eq!(!last.ran.is_empty(), *matters, "{what}\n{}", last.said);
        let again = project.built(&mut cargo);
        assert!(again.ran.is_empty(), "again after {what}\n{}", again.said);
    }
    last
}

fn modules(outcome: &Outcome) -> Vec<String> {
    let entries = fs::read_dir(outcome.out_dir("rerun")).unwrap();
    let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(".ko")).collect();
    names.sort();
    names
}

#[test]
fn a_tree_is_built_again_for_a_file_that_is_new_changed_renamed_or_gone() {
    let project = package(
        "kbuild::Build::tree(\"driver\").exclude(\"*.md\").compile_all()",
        &[
            (
                "driver/Kbuild",
                "obj-m := one.o\nobj-m += $(patsubst $(src)/%.c,%.o,$(filter-out %.mod.c,$(wildcard $(src)/more/*.c)))\n",
            ),
            ("driver/one.c", HELLO),
            ("driver/more/two.c", HELLO),
        ],
    );
    let last = apply(
        &project,
        &[
            (
                "another source",
                &|dir| write(dir, &[("driver/more/three.c", HELLO)]),
                true,
            ),
            (
                "a file beside the tree",
                &|dir| write(dir, &[("README", "words\n")]),
                false,
            ),
            (
                "a source that changed",
                &|dir| edit(&dir.join("driver/one.c"), "hello from", "hi from"),
                true,
            ),
            (
                "a source with another name",
                &|dir| {
                    fs::rename(
                        dir.join("driver/more/two.c"),
                        dir.join("driver/more/four.c"),
                    )
                    .unwrap()
                },
                true,
            ),
        ],
    );
    assert_eq!(modules(&last), ["four.ko", "one.ko", "three.ko"]);
    if scope::is_full() {
        let gone: Change<'_> = (
            "a source that is gone",
            &|dir| fs::remove_file(dir.join("driver/more/three.c")).unwrap(),
            true,
        );
        assert_eq!(modules(&apply(&project, &[gone])), ["four.ko", "one.ko"]);
    }
}

#[test]
fn a_tree_that_is_the_package_itself_does_not_run_its_script_for_cargos_own_files() {
    let project = package(
        "kbuild::Build::tree(\".\").compile_all()",
        &[("Kbuild", "obj-m := one.o\n"), ("one.c", HELLO)],
    )
    .with_own_target_folder();
    let kernel = any_kernel();
    let mut cargo = project.cargo_for(&kernel);
    let outcome = project.built(&mut cargo);
    let target = project.dir.join("target");
    assert!(outcome.out_dir("rerun").starts_with(&target));
    let told = outcome.directives("rerun");
    for line in told.lines() {
        if let Some(path) = line.strip_prefix("cargo:rerun-if-changed=") {
            assert!(!target.starts_with(path), "{path} holds Cargo's own files");
        }
    }
    let again = project.built(&mut cargo);
    assert!(again.ran.is_empty(), "{}", again.said);
    edit(&project.dir.join("one.c"), "hello from", "hi from");
    assert!(!project.built(&mut cargo).ran.is_empty());
}

#[test]
fn a_declared_module_is_only_built_again_for_its_own_inputs() {
    let project = package(
        "let made = std::env::var(\"OUT_DIR\").unwrap() + \"/made\";\
         std::fs::create_dir_all(&made).unwrap();\
         std::fs::write(format!(\"{made}/made.h\"), \"\").unwrap();\
         kbuild::Build::new().files([\"module/hello.c\", \"module/part.c\"]).include(\"first\")\
         .include(\"second\").include(made).compile(\"hello\")",
        &[
            ("module/hello.c", HELLO),
            (
                "module/part.c",
                "#include <made.h>\n#include <word.h>\n#include \"part.h\"\nconst char *part(void) { return PART WORD; }\n",
            ),
            (
                "module/part.h",
                "#define PART \"old \"\nconst char *part(void);\n",
            ),
            ("module/unused.c", "int unused;\n"),
            ("first/other.h", ""),
            ("second/word.h", "#define WORD \"second word\"\n"),
        ],
    );
    let says = |outcome: &Outcome, words: &str| {
        let module = fs::read(outcome.out_dir("rerun").join("hello.ko")).unwrap();
        holds(&module, words.as_bytes())
    };
    let first = apply(&project, &[]);
    assert!(says(&first, "old second word"));
    assert_kernel_is_a_prerequisite(&first);
    let listed: Change<'_> = (
        "a source that is listed",
        &|dir| edit(&dir.join("module/hello.c"), "hello from", "hi from"),
        true,
    );
    let in_folder: Change<'_> = (
        "a header in an include folder",
        &|dir| edit(&dir.join("second/word.h"), "second", "second's"),
        true,
    );
    if scope::is_full() {
        apply(&project, &[listed, in_folder]);
    }
    let last = apply(
        &project,
        &[
            (
                "a source that is not listed",
                &|dir| edit(&dir.join("module/unused.c"), "int", "long"),
                false,
            ),
            (
                "the Rust program",
                &|dir| write(dir, &[("src/main.rs", "fn main() { println!(); }\n")]),
                false,
            ),
            (
                "a header beside the source",
                &|dir| edit(&dir.join("module/part.h"), "old", "new"),
                true,
            ),
            (
                "a header in a folder that is searched first",
                &|dir| write(dir, &[("first/word.h", "#define WORD \"first word\"\n")]),
                true,
            ),
        ],
    );
    assert!(says(&last, "new first word"));
}

fn assert_kernel_is_a_prerequisite(outcome: &Outcome) {
    let told = outcome.directives("rerun");
    let kdir = fs::canonicalize(any_kernel().kdir).unwrap();
    for file in [
        "Module.symvers",
        "include/config/auto.conf",
        "include/config/kernel.release",
        "include/generated/autoconf.h",
    ] {
        let line = format!("cargo:rerun-if-changed={}\n", kdir.join(file).display());
        assert!(told.contains(&line), "no {line} in\n{told}");
    }
}
