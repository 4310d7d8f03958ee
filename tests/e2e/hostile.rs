//! Paths with special characters of make or a shell: they are built, or refused before anything
//! runs.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use kbuild_tests::lab::LabKernel;
use kbuild_tests::{run, scope};

use crate::scene::kernel_at;
use crate::support::kernel_tree::link_kernel;
use crate::support::trap::{NAMES, Trap, below, holds, word};
use crate::support::*;

#[test]
fn the_trap_springs_when_its_program_is_run() {
    let trap = Trap::new();
    let mut shell = std::process::Command::new("sh");
    trap.set(&mut shell)
        .args(["-c", "echo $(PWNED)"])
        .output()
        .unwrap();
    std::panic::catch_unwind(|| trap.assert_shut(&"the shell")).unwrap_err();
}

#[test]
fn a_module_tree_in_any_folder_is_built_into_any_folder() {
    let trap = Trap::new();
    if scope::is_full() {
        for (number, names) in NAMES.chunks(2).enumerate() {
            builds_a_tree_below(names, &kernel_at(number), &trap);
        }
    }
    for kernel in scope::kernels(2).unwrap() {
        builds_a_tree_below(NAMES, &kernel, &trap);
    }
    let left = fs::read_dir(trap.home().join(".cache/kbuild-rs")).unwrap();
    let mut left = left.map(|entry| entry.unwrap().file_name());
    assert!(
        left.all(|name| name == "shortcut"),
        "the private folder stayed"
    );
}

fn builds_a_tree_below(names: &[&[u8]], kernel: &LabKernel, trap: &Trap) {
    let scratch = tempfile::tempdir().unwrap();
    let dir = all_below(&fs::canonicalize(scratch.path()).unwrap(), names);
    let (source, out) = (dir.join("source"), dir.join("out"));
    write(
        &source,
        &[("sub/hello.c", HELLO), ("sub/Kbuild", "obj-m := hello.o\n")],
    );
    let mut command = build(kernel, &out);
    command.arg(source.join("sub")).args(["--tree-root", ".."]);
    built(trap.set(&mut command));
    trap.assert_shut(&dir);
    assert_names(&modules(&out)["hello.ko"], &source);
    let again = built(&mut command);
    assert!(!started_make(&again), "{source:?}: {}", again.err());
    let mut clean = std::process::Command::new(program());
    clean.arg("clean").arg("--out-dir").arg(&out);
    built(trap.set(&mut clean));
    assert!(modules(&out).is_empty());
}

#[test]
fn a_declared_module_has_sources_headers_and_products_in_any_folder() {
    let trap = Trap::new();
    for (number, names) in NAMES.chunks(together()).enumerate() {
        let kernel = kernel_at(number + 1);
        let scratch = tempfile::tempdir().unwrap();
        // The working directory. It contains the source's folder, which contains the rest.
        let base = all_below(&fs::canonicalize(scratch.path()).unwrap(), names);
        let folder = all_below(&base, names);
        let text = format!("{HELLO}\n#include <greeting.h>\n#include \"own.h\"\n");
        let header = "static const char greeting[] __used = \"the header was found\";\n";
        write(
            &folder,
            &[
                ("hello.c", &text),
                ("own.h", ""),
                ("include/greeting.h", header),
            ],
        );
        let out = folder.join("out");
        let relative = folder.strip_prefix(&base).unwrap();
        let include = word("-I", relative.join("include").as_os_str().as_bytes());
        let mut command = build(&kernel, &out);
        command.args(["--name", "hello"]).arg(include).arg("--");
        command.arg(relative.join("hello.c"));
        built(trap.set(command.current_dir(&base)));
        trap.assert_shut(&base);
        let built_modules = modules(&out);
        let module = &built_modules["hello.ko"];
        assert!(holds(module, b"the header was found"), "{base:?}");
        assert_names(module, &folder);
    }
}

/// The number of names in one build. Fewer names tell better which one failed.
fn together() -> usize {
    if scope::is_full() { 2 } else { NAMES.len() }
}

/// The folder of all these names, one in the other.
fn all_below(dir: &Path, names: &[&[u8]]) -> PathBuf {
    names
        .iter()
        .fold(dir.to_owned(), |dir, name| below(&dir, name))
}

/// Debug information contains the source folder, as far as compilers can get its name, and never
/// the stage.
fn assert_names(module: &[u8], source: &Path) {
    let told: Vec<u8> = source.as_os_str().as_bytes().to_vec();
    let told: Vec<u8> = told
        .iter()
        .map(|b| if *b == b'=' { b'_' } else { *b })
        .collect();
    assert!(holds(module, &told), "{source:?} is not named");
    assert!(!holds(module, b"/.kbuild/"), "{source:?}: the stage is");
    assert!(!holds(module, b"/kbuild-rs/"), "{source:?}: the stage is");
}

#[test]
fn a_message_names_a_source_of_any_name() {
    let trap = Trap::new();
    let names = [&b"with blanks in it"[..], b"$(shell PWNED)", b"it's"];
    for (number, names) in names.chunks(together()).enumerate() {
        let kernel = kernel_at(number);
        let scratch = tempfile::tempdir().unwrap();
        let source = all_below(&fs::canonicalize(scratch.path()).unwrap(), names);
        write(
            &source,
            &[("hello.c", "int x = ;\n"), ("Kbuild", "obj-m := hello.o\n")],
        );
        let text = refused(
            trap.set(build(&kernel, &scratch.path().join("out")).arg(&source)),
            1,
        );
        let wanted = format!("{}:1:9: error: ", source.join("hello.c").display());
        assert!(text.contains(&wanted), "{text}");
        trap.assert_shut(&source);
    }
}

#[test]
fn a_source_file_that_make_cannot_carry_is_refused_before_anything_is_written() {
    let trap = Trap::new();
    let kernel = kernel_at(0);
    for name in NAMES {
        let scratch = tempfile::tempdir().unwrap();
        let out = scratch.path().join("out");
        let mut file = name.to_vec();
        file.extend_from_slice(b".c");
        let source = below(scratch.path(), &file);
        fs::write(&source, HELLO).unwrap();
        let mut command = build(&kernel, &out);
        command.args(["--name", "hello"]).arg(&source);
        if file.is_ascii() || std::str::from_utf8(&file).is_err() {
            let text = refused(trap.set(&mut command), 2);
            assert!(text.contains("Rename it"), "{text}");
            assert!(!out.exists(), "{source:?}");
        }
        trap.assert_shut(&source);
    }
}

#[test]
fn a_tree_may_hold_files_of_any_name_but_no_source_whose_name_a_shell_would_run() {
    let trap = Trap::new();
    let kbuild = "obj-m := hello.o\nhello-y := $(patsubst $(src)/%.c,%.o,$(wildcard $(src)/*.c))\n";
    let source = folder(&[("main.c", HELLO), ("Kbuild", kbuild)]);
    for name in NAMES {
        let dir = below(source.path(), name);
        fs::create_dir(&dir).unwrap();
        fs::write(below(&dir, &[name, &b".txt"[..]].concat()), "x").unwrap();
    }
    let out = tempfile::tempdir().unwrap();
    let mut command = build(&kernel_at(0), out.path());
    trap.set(command.arg(source.path()));
    for name in ["a;PWNED;.c", "$(PWNED).c", "`PWNED`.S", "b|PWNED;/b.c"] {
        write(source.path(), &[(name, "")]);
        let text = refused(&mut command, 2);
        assert!(text.contains(name), "{text}");
        assert!(text.contains("Rename it, or exclude it"), "{text}");
        trap.assert_shut(&name);
        assert!(modules(out.path()).is_empty());
        command.args(["--exclude", name.split('/').next().unwrap()]);
    }
    built(&mut command);
    trap.assert_shut(&source.path());
}

#[test]
fn a_kernel_tree_in_any_folder_builds_or_is_refused() {
    let trap = Trap::new();
    let source = folder(&[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")]);
    let mut carried = Vec::new();
    for (number, name) in NAMES.iter().enumerate() {
        let scratch = tempfile::tempdir().unwrap();
        let out = scratch.path().join("out");
        let tree = below(scratch.path(), name);
        let moved = link_kernel(&kernel_at(number), &tree, &[]);
        let mut command = build(&moved, &out);
        command.arg(source.path()).arg("--dry-run");
        let output = run::run(trap.set(&mut command), LIMIT).unwrap();
        trap.assert_shut(&tree);
        match output.status.code() {
            Some(0) => carried.push(*name),
            Some(2) => {
                assert!(output.err().contains("kbuild cannot handle"), "{tree:?}");
                assert!(!out.exists(), "{tree:?}");
            }
            _ => panic!("{tree:?}: {}", output.err()),
        }
    }
    assert!(!carried.is_empty());
    for names in carried.chunks(together()) {
        let scratch = tempfile::tempdir().unwrap();
        let out = scratch.path().join("out");
        let tree = all_below(scratch.path(), names);
        let moved = link_kernel(&kernel_at(0), &tree, &[]);
        built(trap.set(build(&moved, &out).arg(source.path())));
        trap.assert_shut(&tree);
        assert!(modules(&out).contains_key("hello.ko"), "{tree:?}");
    }
}
