//! Paths that mean something to make or to a shell: built, or refused before anything runs.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use kbuild_tests::{lab, run, scope};

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
    for (number, names) in NAMES.chunks(together()).enumerate() {
        let kernel = kernel_at(number);
        let scratch = tempfile::tempdir().unwrap();
        let dir = all_below(&fs::canonicalize(scratch.path()).unwrap(), names);
        let (source, out) = (dir.join("source"), dir.join("out"));
        write(
            &source,
            &[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")],
        );
        built(trap.set(build(&kernel, &out).arg(&source)));
        trap.assert_shut(&dir);
        assert_names(&modules(&out)["hello.ko"], &source);
        let again = built(trap.set(build(&kernel, &out).arg(&source)));
        assert!(!started_make(&again), "{source:?}: {}", again.err());
    }
}

#[test]
fn a_declared_module_has_sources_headers_and_products_in_any_folder() {
    let trap = Trap::new();
    for (number, names) in NAMES.chunks(together()).enumerate() {
        let kernel = kernel_at(number + 1);
        let scratch = tempfile::tempdir().unwrap();
        // The working directory; in it the source's folder, and there the rest.
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

/// How many of the names are tried at once: fewer tell better which one it was.
fn together() -> usize {
    if scope::is_full() { 2 } else { 6 }
}

/// The folder of all these names in each other.
fn all_below(dir: &Path, names: &[&[u8]]) -> PathBuf {
    names
        .iter()
        .fold(dir.to_owned(), |dir, name| below(&dir, name))
}

/// Debug information names the source folder, as far as compilers can be told its name, and
/// never the stage.
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
fn a_message_names_the_source_whatever_it_is_called() {
    let trap = Trap::new();
    for (number, name) in [&b"with blanks in it"[..], b"$(shell PWNED)", b"it's"]
        .iter()
        .enumerate()
    {
        let kernel = kernel_at(number);
        let scratch = tempfile::tempdir().unwrap();
        let source = below(&fs::canonicalize(scratch.path()).unwrap(), name);
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
fn every_hostile_name_at_once_is_built_on_every_kernel() {
    let trap = Trap::new();
    for kernel in lab::kernels().unwrap() {
        let scratch = tempfile::tempdir().unwrap();
        let dir = all_below(scratch.path(), NAMES);
        let (source, out) = (dir.join("source"), dir.join("out"));
        write(
            &source,
            &[("sub/hello.c", HELLO), ("sub/Kbuild", "obj-m := hello.o\n")],
        );
        let mut command = build(&kernel, &out);
        command.arg(source.join("sub")).args(["--root", ".."]);
        built(trap.set(&mut command));
        trap.assert_shut(&kernel.name);
        assert!(modules(&out).contains_key("hello.ko"));
        let mut clean = std::process::Command::new(program());
        clean.arg("clean").arg("--out-dir").arg(&out);
        built(trap.set(&mut clean));
        assert!(modules(&out).is_empty());
        assert!(
            fs::read_dir(trap.home().join(".cache/kbuild-rs"))
                .is_ok_and(|mut left| left.next().is_none()),
            "the private folder stayed"
        );
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
            assert!(text.contains("rename it"), "{text}");
            assert!(!out.exists(), "{source:?}");
        }
        trap.assert_shut(&source);
    }
}

#[test]
fn a_tree_may_hold_files_of_any_name_that_are_no_sources() {
    let trap = Trap::new();
    let kernel = kernel_at(1);
    let source = folder(&[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")]);
    for name in NAMES {
        let dir = below(source.path(), name);
        fs::create_dir(&dir).unwrap();
        fs::write(below(&dir, &[name, &b".txt"[..]].concat()), "x").unwrap();
    }
    let out = tempfile::tempdir().unwrap();
    built(trap.set(build(&kernel, out.path()).arg(source.path())));
    trap.assert_shut(&source.path());
}

#[test]
fn a_source_in_a_tree_whose_name_a_shell_would_run_is_refused() {
    let trap = Trap::new();
    let kernel = kernel_at(2);
    let kbuild = "obj-m := hello.o\nhello-y := $(patsubst $(src)/%.c,%.o,$(wildcard $(src)/*.c))\n";
    for name in ["a;PWNED;.c", "$(PWNED).c", "`PWNED`.S", "a|PWNED;/b.c"] {
        let source = folder(&[("main.c", HELLO), ("Kbuild", kbuild), (name, "")]);
        let out = tempfile::tempdir().unwrap();
        let mut command = build(&kernel, out.path());
        let text = refused(trap.set(command.arg(source.path())), 2);
        assert!(text.contains("rename it, or exclude it"), "{text}");
        trap.assert_shut(&name);
        assert!(modules(out.path()).is_empty());
        let top = name.split('/').next().unwrap();
        let mut command = build(&kernel, out.path());
        command.arg(source.path()).arg("--exclude").arg(top);
        built(trap.set(&mut command));
        trap.assert_shut(&name);
    }
}

#[test]
fn a_kernel_tree_in_any_folder_builds_or_is_refused() {
    let trap = Trap::new();
    let source = folder(&[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")]);
    for (number, name) in NAMES.iter().enumerate() {
        let kernel = kernel_at(number);
        let scratch = tempfile::tempdir().unwrap();
        let out = scratch.path().join("out");
        let tree = below(scratch.path(), name);
        let moved = link_kernel(&kernel, &tree, &[]);
        let mut command = build(&moved, &out);
        let output = run::run(trap.set(command.arg(source.path())), LIMIT).unwrap();
        trap.assert_shut(&tree);
        match output.status.code() {
            Some(0) => assert!(modules(&out).contains_key("hello.ko"), "{tree:?}"),
            Some(2) => {
                assert!(output.err().contains("kbuild cannot carry"), "{tree:?}");
                assert!(!out.exists(), "{tree:?}");
            }
            _ => panic!("{tree:?}: {}", output.err()),
        }
    }
}
