//! The program inside other tools: Ninja, make, a terminal.

use std::fs;
use std::process::Command;

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::run::Output;

use crate::scene::kernel_at;
use crate::support::*;

fn hello() -> tempfile::TempDir {
    folder(&[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")])
}

#[test]
fn ninja_only_builds_changed_modules_again() {
    lab::packages::install(&["ninja-build"]).unwrap();
    let kernel = kernel_at(1);
    let dir = folder(&[
        ("main.c", &format!("{HELLO}\n#include \"own.h\"\n")),
        ("own.h", "static const int own __used = 1;\n"),
        (
            "second.c",
            "int second(void);\nint second(void) { return 2; }\n",
        ),
    ]);
    let cc = kernel
        .cc
        .as_ref()
        .map_or(String::new(), |cc| format!(" --cc {cc}"));
    let rule = format!(
        "rule kbuild\n  command = {} build --name hello -o out --kernel {}{cc} --output $out \
         --depfile $out.d $in\n  depfile = $out.d\n  deps = gcc\n  restat = 1\n\
         build hello.ko: kbuild main.c second.c\n",
        program().display(),
        kernel.kdir.display(),
    );
    fs::write(dir.path().join("build.ninja"), rule).unwrap();
    let ninja = || {
        let mut command = Command::new("ninja");
        built(command.args(["-d", "explain"]).current_dir(dir.path())).out()
    };
    let nothing = |said: &str| said.contains("no work to do");
    assert!(!nothing(&ninja()));
    let first = fs::read(dir.path().join("hello.ko")).unwrap();
    assert!(first == fs::read(dir.path().join("out/hello.ko")).unwrap());
    assert!(nothing(&ninja()));
    write(
        dir.path(),
        &[("own.h", "static const int own __used = 2;\n")],
    );
    assert!(!nothing(&ninja()));
    let second = fs::read(dir.path().join("hello.ko")).unwrap();
    assert!(first != second);
    assert!(nothing(&ninja()));
    // After an edit that does not change the module, one round is enough.
    write(
        dir.path(),
        &[(
            "second.c",
            "int second(void);\nint second(void) { return 2; }\n\n",
        )],
    );
    assert!(!nothing(&ninja()));
    assert!(nothing(&ninja()));
}

/// Runs the program from a recipe of `make -j2`, after `lead`. The Kbuild prints the flags of its
/// make.
fn under_make(kernel: &LabKernel, lead: &str) -> Output {
    let kbuild = "obj-m := hello.o\n\
        $(info flags[$(shell tr '\\0' ' ' < /proc/$$PPID/environ)])\n";
    let source = folder(&[("hello.c", HELLO), ("Kbuild", kbuild)]);
    let cc = kernel
        .cc
        .as_ref()
        .map_or(String::new(), |cc| format!(" --cc {cc}"));
    let recipe = format!(
        "all:\n\t{lead}{} build -j7 --kernel {}{cc} -o out .\n",
        program().display(),
        kernel.kdir.display()
    );
    fs::write(source.path().join("GNUmakefile"), recipe).unwrap();
    let mut make = Command::new("make");
    make.args(["-j2", "V=1", "M=/nowhere"])
        .current_dir(source.path());
    built(make.env_remove("MAKEFLAGS"))
}

#[test]
fn under_make_the_jobserver_is_joined_and_one_that_is_dead_means_one_job() {
    let kernel = kernel_at(1);
    let joined = under_make(&kernel, "+").err();
    let flags = |text: &str| {
        text.lines()
            .find(|l| l.starts_with("flags["))
            .unwrap()
            .to_owned()
    };
    assert!(flags(&joined).contains("--jobserver-auth="), "{joined}");
    assert!(!joined.contains("warning:"), "{joined}");
    // The outer make's own variables do not reach the inner make.
    assert!(!flags(&joined).contains("/nowhere"), "{joined}");
    let dead = under_make(&kernel, "").err();
    if make_has_fifos() {
        return;
    }
    assert!(!flags(&dead).contains("--jobserver-auth="), "{dead}");
    assert!(
        dead.contains("warning: running one job only: the outer build has a jobserver"),
        "{dead}"
    );
    assert!(dead.contains("put `+` before"), "{dead}");
}

/// Since 4.4 the jobserver is a fifo, which needs no `+`.
fn make_has_fifos() -> bool {
    let version = Command::new("make")
        .arg("--version")
        .output()
        .unwrap()
        .stdout;
    let version = String::from_utf8(version).unwrap();
    let number = version.lines().next().unwrap().rsplit(' ').next().unwrap();
    let mut parts = number.split('.').map(|part| part.parse::<u32>().unwrap());
    (parts.next().unwrap(), parts.next().unwrap()) >= (4, 4)
}

#[test]
fn a_terminal_shows_a_line_that_moves_and_goes() {
    let (source, kernel) = (hello(), kernel_at(0));
    let out = tempfile::tempdir().unwrap();
    let inner = build(&kernel, out.path());
    let words: Vec<_> = std::iter::once(inner.get_program())
        .chain(inner.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    let line = format!("{} '{}'", words.join(" "), source.path().display());
    let on_terminal = || {
        let mut script = Command::new("script");
        script.args(["-qec", &line, "/dev/null"]);
        script.env("TERM", "xterm").env_remove("NO_COLOR");
        built(&mut script).out()
    };
    let text = on_terminal();
    assert!(text.contains(" step 1, "), "{text:?}");
    assert!(text.contains("CC [M] "), "{text:?}");
    assert!(!text.contains("\n  CC [M]"), "{text:?}");
    // The moving line is cleared before the last sentence is printed.
    let end = text.rfind("built hello for").unwrap();
    assert!(text[..end].ends_with("\x1b[2K"), "{:?}", &text[..end]);
    let again = on_terminal();
    assert!(
        !again.contains("step ") && again.contains("up to date"),
        "{again:?}"
    );
}
