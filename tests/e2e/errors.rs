//! Bad sources: each failure says what was wrong, where, and what to do, and leaves no product.

use std::fs;
use std::path::Path;
use std::process::Command;

use kbuild_tests::lab::LabKernel;
use kbuild_tests::scope;

use crate::scene::{kernel_at, newest_kernel, oldest_and_newest};
use crate::support::*;

const KBUILD: &str = "obj-m := hello.o\n";

pub(crate) fn hello() -> tempfile::TempDir {
    folder(&[("hello.c", HELLO), ("Kbuild", KBUILD)])
}

/// The call fails with `code`, prints all of `wanted`, and creates no output directory.
pub(crate) fn refused_early(command: &mut Command, out: &Path, code: i32, wanted: &[&str]) {
    let text = refused(command, code);
    for word in wanted {
        assert!(text.contains(word), "no `{word}` in {text}");
    }
    assert!(!out.exists(), "{text}");
}

#[test]
fn sources_that_are_not_there_or_no_sources_are_named() {
    let kernel = kernel_at(1);
    let dir = folder(&[
        ("foo.c", HELLO),
        ("foo.S", ""),
        ("x.h", ""),
        ("empty/.keep", ""),
        ("bare/x.c", ""),
    ]);
    fs::remove_file(dir.path().join("empty/.keep")).unwrap();
    let out = dir.path().join("out");
    let source = |name: &str| dir.path().join(name);
    let says = |args: &[&str], wanted: &[&str]| {
        let mut command = build(&kernel, &out);
        command.current_dir(dir.path()).args(args);
        refused_early(&mut command, &out, 2, wanted);
    };
    says(
        &["none"],
        &[&format!("{} does not exist", source("none").display())],
    );
    says(&["foo.c"], &["is a file", "--name"]);
    says(
        &["empty"],
        &["is not a module tree: it is empty", "--name NAME SOURCE"],
    );
    says(&["bare"], &["Kbuild and Makefile are missing"]);
    says(
        &["bare", "--tree-root", "none"],
        &["the tree root", "does not exist"],
    );
    says(
        &["bare", "--tree-root", "/usr"],
        &["does not contain the module tree"],
    );
    says(
        &["--name", "x", "none.c"],
        &[&format!("{} does not exist", source("none.c").display())],
    );
    says(&["--name", "x", "bare"], &["is not a regular file"]);
    says(
        &["--name", "x", "x.h"],
        &["is not a source", "Build::include"],
    );
    says(
        &["--name", "x", "foo.c", "foo.S"],
        &["foo.c", "foo.S", "Rename one"],
    );
    says(
        &["--name", "x", "foo.c", "-Inone"],
        &["include folder", "none"],
    );
    says(
        &["--name", "x", "foo.c", "--symvers", "none"],
        &["none does not exist", "provides it"],
    );
    for name in ["", "a b", "a/b", "a.b", "ü", &"x".repeat(56)] {
        says(&["--name", name, "foo.c"], &["module"]);
    }
    let mut command = build(&kernel, &out);
    command.current_dir(dir.path());
    command.args(["--name", "x", "foo.c", "--symvers", "x.h"]);
    fs::write(source("x.h"), "garbage\n").unwrap();
    refused_early(
        &mut command,
        &out,
        1,
        &["x.h:1:", "not a line of a Module.symvers"],
    );
}

#[test]
fn a_syntax_error_names_file_and_line_of_the_source() {
    let dir = folder(&[
        (
            "tree/hello.c",
            "#include <linux/module.h>\n#include \"sub/own.h\"\nint x = ;\n",
        ),
        ("tree/Kbuild", KBUILD),
        ("tree/sub/own.h", "int y = nothing;\n"),
    ]);
    let real = fs::canonicalize(dir.path()).unwrap();
    let hello = format!("{}:3:9: error: ", real.join("tree/hello.c").display());
    let header = format!("{}:1:9: error: ", real.join("tree/sub/own.h").display());
    let refuses = |kernel: &LabKernel, args: &[&str]| {
        let out = tempfile::tempdir().unwrap();
        let mut command = build(kernel, out.path());
        let text = refused(command.args(args).current_dir(dir.path()), 1);
        for wanted in [&hello, &header] {
            assert_eq!(text.matches(wanted.as_str()).count(), 1, "{wanted}: {text}");
        }
        assert!(!text.contains("/.kbuild/"), "{text}");
        assert!(modules(out.path()).is_empty());
    };
    for kernel in oldest_and_newest() {
        refuses(&kernel, &["tree"]);
    }
    for kernel in scope::kernels(0).unwrap() {
        refuses(&kernel, &["--name", "hello", "tree/hello.c"]);
    }
    // A build script may only have the error to print.
    let kernel = newest_kernel();
    let mut build = kbuild::Build::tree(real.join("tree"));
    build.cargo_metadata(false).kernel(&kernel.kdir);
    let out = tempfile::tempdir().unwrap();
    let error = build
        .out_dir(out.path())
        .on_message(|_| {})
        .try_compile_all()
        .unwrap_err();
    for wanted in [&hello, &header] {
        assert!(error.to_string().contains(wanted.as_str()), "{error}");
        assert!(!error.without_output().to_string().contains(wanted.as_str()));
    }
}

#[test]
fn a_tree_that_builds_nothing_is_told_what_it_waits_for() {
    let dir = folder(&[
        ("one/hello.c", HELLO),
        ("one/Kbuild", "obj-$(CONFIG_HELLO_X) += hello.o\n"),
        ("two/Makefile", "# nothing\n"),
    ]);
    let kernel = newest_kernel();
    let out = tempfile::tempdir().unwrap();
    let tree = |name: &str| {
        let mut command = build(&kernel, out.path());
        command.arg(dir.path().join(name));
        command
    };
    let text = refused(&mut tree("one"), 1);
    assert!(text.contains("CONFIG_HELLO_X"), "{text}");
    assert!(text.contains("--config HELLO_X=m"), "{text}");
    let text = refused(&mut tree("two"), 1);
    assert!(text.contains("nothing in obj-m"), "{text}");
    assert!(modules(out.path()).is_empty());
    // With the missing setting, the tree builds a module, but the caller expects another one.
    let kernel = kernel_at(0);
    let mut build = kbuild::Build::tree(dir.path().join("one"));
    build.cargo_metadata(false).kernel(&kernel.kdir);
    build.config("HELLO_X", kbuild::Config::Module);
    if let Some(cc) = &kernel.cc {
        build.cc(cc);
    }
    build
        .base(dir.path())
        .out_dir(out.path())
        .on_message(|_| {});
    let error = build.try_compile("other").unwrap_err();
    assert_eq!(error.kind(), kbuild::ErrorKind::NothingBuilt);
    let text = error.to_string();
    assert!(
        text.contains("does not build the expected module other. It builds hello"),
        "{text}"
    );
}

#[test]
fn two_modules_of_one_name_are_refused_by_both_their_paths() {
    let source = folder(&[
        ("Kbuild", "obj-m := a/ b/\n"),
        ("a/Kbuild", KBUILD),
        ("a/hello.c", HELLO),
        ("b/Kbuild", KBUILD),
        ("b/hello.c", HELLO),
    ]);
    for kernel in scope::kernels(1).unwrap() {
        let out = tempfile::tempdir().unwrap();
        let text = refused(build(&kernel, out.path()).arg(source.path()), 1);
        for word in ["a/hello.ko", "b/hello.ko", "two modules have the same name"] {
            assert!(text.contains(word), "{}: {text}", kernel.name);
        }
        assert!(modules(out.path()).is_empty());
    }
}

#[test]
fn a_command_that_prepares_the_tree_and_fails_ends_the_build() {
    let (source, kernel) = (hello(), kernel_at(0));
    let out = tempfile::tempdir().unwrap();
    let mut command = build(&kernel, out.path());
    command.arg(source.path());
    let text = refused(command.args(["--prepare", "echo why; exit 3"]), 1);
    for word in [
        "why",
        "prepares the tree failed",
        "exit status: 3",
        "exit 3",
    ] {
        assert!(text.contains(word), "{text}");
    }
    assert!(modules(out.path()).is_empty());
    built(build(&kernel, out.path()).arg(source.path()));
}
