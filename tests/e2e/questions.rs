//! `kbuild-rs probe` and `Build::probe`: questions about a kernel, and their answers.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use kbuild_tests::lab::LabKernel;
use kbuild_tests::scope;

use crate::scene::{kernel_at, make_old, oldest_and_newest, private_kernel};
use crate::support::makes::Makes;
use crate::support::project::{Project, manifest};
use crate::support::*;

/// Takes one argument since 6.4, two before.
const CLASS_CREATE: &str = "#include <linux/device/class.h>\n\
    struct class *f(void);\nstruct class *f(void) { return class_create(\"x\"); }\n";

fn probe(kernel: &LabKernel, out: &Path) -> Command {
    let mut command = kernel.command(program());
    command.arg("probe").arg("--kernel").arg(&kernel.kdir);
    command.arg("--out-dir").arg(out).arg("--quiet");
    if let Some(cc) = &kernel.cc {
        command.args(["--cc", cc]);
    }
    command
}

/// The answers on standard output.
fn answers(command: &mut Command) -> BTreeMap<String, bool> {
    let output = built(command);
    let text = output.out();
    let lines = text.lines().map(|line| line.split_once(' ').unwrap());
    let answers = lines.map(|(name, word)| {
        assert!(["yes", "no"].contains(&word), "{text}");
        (name.to_owned(), word == "yes")
    });
    answers.collect()
}

fn version(kernel: &LabKernel) -> (u32, u32) {
    let mut numbers = kernel.release.split('.').map(|n| n.parse().unwrap_or(0));
    (numbers.next().unwrap(), numbers.next().unwrap())
}

#[test]
fn the_answers_are_those_of_each_kernel() {
    let sources = folder(&[
        ("class.c", CLASS_CREATE),
        (
            "implicit.c",
            "int f(void);\nint f(void) { return no_such_function(); }\n",
        ),
        (
            "unused.c",
            "int f(void);\nint f(void) { int x; return 0; }\n",
        ),
        (
            "assert.c",
            "#include <linux/build_bug.h>\nvoid f(void);\nvoid f(void) { BUILD_BUG_ON(sizeof(int) == 4); }\n",
        ),
    ]);
    for kernel in oldest_and_newest() {
        let out = tempfile::tempdir().unwrap();
        let mut command = probe(&kernel, out.path());
        command.current_dir(sources.path());
        for (flag, question) in [
            ("--compiles", "CLASS_CREATE_1=class.c"),
            ("--compiles", "IMPLICIT=implicit.c"),
            ("--compiles", "UNUSED=unused.c"),
            ("--compiles", "ASSERT=assert.c"),
            ("--has-header", "UNALIGNED=linux/unaligned.h"),
            ("--has-symbol", "TIMER_DELETE=timer_delete@linux/timer.h"),
            ("--has-symbol", "FROM_TIMER=from_timer@linux/timer.h"),
            ("--has-symbol", "ENUMERATOR=PIDTYPE_PID@linux/pid.h"),
            ("--has-symbol", "NO_HEADER=printk@linux/no_such_header.h"),
            (
                "--has-member",
                "PROC_OPS=struct proc_ops.proc_open@linux/proc_fs.h",
            ),
            (
                "--has-member",
                "ITERATE=struct file_operations.iterate@linux/fs.h",
            ),
            (
                "--has-member",
                "BIT_FIELD=struct sk_buff.cloned@linux/skbuff.h",
            ),
            ("--exports", "PRINTK=_printk"),
            ("--exports", "PRINTK_BEFORE_5_15=printk"),
        ] {
            command.args([flag, question]);
        }
        let version = version(&kernel);
        let wanted = [
            ("CLASS_CREATE_1", version >= (6, 4)),
            ("IMPLICIT", false),
            ("UNUSED", true),
            ("ASSERT", false),
            ("UNALIGNED", version >= (6, 12)),
            ("TIMER_DELETE", version >= (6, 1)),
            ("FROM_TIMER", version < (6, 16)),
            ("ENUMERATOR", true),
            ("NO_HEADER", false),
            ("PROC_OPS", true),
            ("ITERATE", version < (6, 6)),
            ("BIT_FIELD", true),
            ("PRINTK", version >= (5, 15)),
            ("PRINTK_BEFORE_5_15", version < (5, 15)),
        ];
        let wanted = wanted.map(|(name, yes)| (name.to_owned(), yes));
        assert_eq!(
            answers(&mut command),
            BTreeMap::from(wanted),
            "{}",
            kernel.release
        );
    }
}

#[test]
fn an_answer_stays_until_a_header_that_decided_it_changes_or_a_missing_one_appears() {
    let (_dir, kernel) = private_kernel(&kernel_at(1));
    let headers = kernel.common.join("include/linux");
    let own = headers.join("kbuild_rs_own.h");
    fs::write(&own, "struct own { int first; };\n").unwrap();
    let out = tempfile::tempdir().unwrap();
    let makes = Makes::new();
    let source = folder(&[(
        "either.c",
        "#if __has_include(<linux/kbuild_rs_new.h>)\n#else\n#error none\n#endif\n",
    )]);
    let asked = || {
        let mut command = probe(&kernel, out.path());
        command.current_dir(source.path());
        command.args([
            "--has-member",
            "SECOND=struct own.second@linux/kbuild_rs_own.h",
            "--has-header",
            "NEW=linux/kbuild_rs_new.h",
            "--has-symbol",
            "DEFINED=KBUILD_RS_NEW@linux/kbuild_rs_new.h",
            "--compiles",
            "EITHER=either.c",
        ]);
        let answers = answers(makes.record(&mut command));
        let yes = answers.into_iter().filter(|(_, yes)| *yes);
        (Vec::from_iter(yes.map(|(name, _)| name)), makes.started())
    };
    let none: [&str; 0] = [];
    assert_eq!(asked(), (Vec::from(none.map(str::to_owned)), true));
    assert_eq!(asked(), (Vec::new(), false), "nothing changed");
    fs::write(&own, "struct own { int first, second; };\n").unwrap();
    // A package upgrade installs old files.
    make_old(&own);
    assert_eq!(asked(), (vec!["SECOND".to_owned()], true));
    assert!(!asked().1, "nothing changed");
    fs::write(headers.join("kbuild_rs_new.h"), "#define KBUILD_RS_NEW\n").unwrap();
    let all = ["DEFINED", "EITHER", "NEW", "SECOND"].map(str::to_owned);
    assert_eq!(asked(), (all.to_vec(), true));
    assert!(!asked().1, "nothing changed");
    fs::remove_file(headers.join("kbuild_rs_new.h")).unwrap();
    assert_eq!(asked(), (vec!["SECOND".to_owned()], true));
    // Another question asks only itself.
    let mut command = probe(&kernel, out.path());
    command.args(["--has-symbol", "ONE=timer_setup@linux/timer.h"]);
    assert_eq!(
        answers(&mut command),
        BTreeMap::from([("ONE".to_owned(), true)])
    );
    assert!(!asked().1, "the other answers are still there");
    // The kernel's configuration decides everything.
    let config = kernel.kdir.join("include/config/auto.conf");
    let text = fs::read_to_string(&config).unwrap() + "CONFIG_KBUILD_RS_TEST=y\n";
    fs::write(&config, text).unwrap();
    assert_eq!(asked(), (vec!["SECOND".to_owned()], true));
}

#[test]
fn a_compiler_that_cannot_answer_is_an_error_and_not_a_no() {
    let kernel = &scope::kernels(2).unwrap()[0];
    let real = kernel.compiler();
    let script =
        "#!/bin/sh\ncase \" $* \" in *\" -fsyntax-only \"*) HOW;; esac\nexec REAL \"$@\"\n";
    let ask = |cc: &str, flag: &str| {
        let out = tempfile::tempdir().unwrap();
        let mut command = kernel.command(program());
        command.arg("probe").arg("--kernel").arg(&kernel.kdir);
        command.arg("--out-dir").arg(out.path());
        command.args(["--cc", cc, "--cflag", flag]);
        command.args(["--has-header", "TYPES=linux/types.h"]);
        let said = refused(&mut command, 1);
        assert!(!said.contains("TYPES no"), "{said}");
        said
    };
    for (how, words) in [
        ("kill -9 $$", "gave no answer to the question TYPES"),
        ("exit 1", "gave no answer to the question TYPES"),
        (
            "echo x.c:1:1: fatal error: No space left on device >&2; exit 1",
            "No space left",
        ),
    ] {
        let dir = folder(&[]);
        // Its name tells kbuild the kind of the compiler.
        let name = Path::new(&real).file_name().unwrap();
        let cc = dir.path().join(name);
        fs::write(&cc, script.replace("HOW", how).replace("REAL", &real)).unwrap();
        fs::set_permissions(&cc, fs::Permissions::from_mode(0o755)).unwrap();
        let said = ask(cc.to_str().unwrap(), "-DX");
        assert!(said.contains(words), "{how}: {said}");
    }
    let said = ask(&real, "-fno-such-flag-of-ours=1");
    assert!(said.contains("gave no answer"), "{said}");
}

#[test]
fn flags_of_the_caller_do_not_stop_the_compiler_at_the_first_error() {
    let kernel = &scope::kernels(2).unwrap()[0];
    for flag in ["-Wfatal-errors", "-fmax-errors=1"] {
        let out = tempfile::tempdir().unwrap();
        let mut command = probe(kernel, out.path());
        command.args(["--cflag", flag]);
        for (name, member) in [("A", "no_such_member"), ("B", "f_op"), ("C", "none_either")] {
            let question = format!("{name}=struct file.{member}@linux/fs.h");
            command.args(["--has-member", &question]);
        }
        let wanted = [("A", false), ("B", true), ("C", false)];
        let wanted = wanted.map(|(name, yes)| (name.to_owned(), yes));
        assert_eq!(answers(&mut command), BTreeMap::from(wanted), "{flag}");
    }
}

#[test]
fn a_header_that_appears_in_a_folder_of_a_flag_is_seen() {
    let kernel = &scope::kernels(1).unwrap()[0];
    let out = tempfile::tempdir().unwrap();
    let own = folder(&[
        ("first/x", ""),
        ("second/sub/own.h", "#define OWN_SECOND\n"),
    ]);
    let makes = Makes::new();
    let asked = || {
        let mut command = probe(kernel, out.path());
        for (flag, name) in [("-I", "first"), ("-idirafter", "second")] {
            let folder = own.path().join(name);
            command.arg(format!("--cflag={flag}{}", folder.display()));
        }
        command.args(["--has-symbol", "FIRST=OWN_FIRST@sub/own.h"]);
        command.args(["--has-symbol", "SECOND=OWN_SECOND@sub/own.h"]);
        command.args(["--has-header", "NEW=sub/new.h"]);
        let answers = answers(makes.record(&mut command));
        let yes = answers.into_iter().filter(|(_, yes)| *yes);
        (Vec::from_iter(yes.map(|(name, _)| name)), makes.started())
    };
    assert_eq!(asked(), (vec!["SECOND".to_owned()], true));
    assert!(!asked().1, "nothing changed");
    write(own.path(), &[("second/sub/new.h", "")]);
    assert_eq!(asked(), (vec!["NEW".to_owned(), "SECOND".to_owned()], true));
    write(own.path(), &[("first/sub/own.h", "#define OWN_FIRST\n")]);
    assert_eq!(asked(), (vec!["FIRST".to_owned(), "NEW".to_owned()], true));
    assert!(!asked().1, "nothing changed");
}

#[test]
fn a_kernel_tree_without_its_generated_headers_gives_no_answer() {
    let (_dir, kernel) = private_kernel(&kernel_at(1));
    let out = tempfile::tempdir().unwrap();
    let ask = || {
        let mut command = probe(&kernel, out.path());
        command.args(["--has-symbol", "SETUP=timer_setup@linux/timer.h"]);
        command.args(["--has-symbol", "NONE=printk@linux/no_such_header.h"]);
        command
    };
    let generated = kernel.kdir.join("include/generated/bounds.h");
    let text = fs::read(&generated).unwrap();
    fs::remove_file(&generated).unwrap();
    let said = refused(&mut ask(), 1);
    assert!(said.contains("bounds.h"), "{said}");
    fs::write(&generated, text).unwrap();
    // A flag that no kernel header survives.
    let said = refused(
        ask().args(["--cflag=-include", "--cflag=no_such_file.h"]),
        1,
    );
    assert!(said.contains("linux/module.h does not compile"), "{said}");
    let wanted = [("NONE", false), ("SETUP", true)];
    let wanted = wanted.map(|(name, yes)| (name.to_owned(), yes));
    assert_eq!(answers(&mut ask()), BTreeMap::from(wanted));
}

#[test]
fn a_symbol_is_anything_but_a_type() {
    let kernel = &scope::kernels(3).unwrap()[0];
    let out = tempfile::tempdir().unwrap();
    let source = folder(&[(
        "prefix.h",
        "extern struct unknown incomplete;\nextern int array[];\nenum { enumerator };\n\
         static inline void function(void) {}\ntypedef int type;\n#define macro(x) x\n",
    )]);
    let mut command = probe(kernel, out.path());
    command.current_dir(source.path());
    command.args(["--prefix", "prefix.h"]);
    let yes = ["incomplete", "array", "enumerator", "function", "macro"];
    for name in yes.into_iter().chain(["type", "undeclared"]) {
        command.arg(format!("--has-symbol={name}={name}"));
    }
    for (name, answer) in answers(&mut command) {
        assert_eq!(answer, yes.contains(&&*name), "{name}");
    }
}

#[test]
fn code_is_a_value() {
    let kernel = &scope::kernels(3).unwrap()[0];
    let trap = tempfile::tempdir().unwrap();
    let file = trap.path().join("sprung");
    let sprung = file.to_str().unwrap();
    let code = format!(
        "const char *f = \"$(shell touch {sprung}) `touch {sprung}` # \\\" ' ${{X}} %d \\\\ ;\";\n\
         const char g[] = \""
    );
    let code = [code.as_bytes(), b"\xff\xfe\"; // \xff\n"].concat();
    let source = trap.path().join("odd $(x) ü;.c");
    fs::write(&source, code).unwrap();
    let out = tempfile::tempdir().unwrap();
    let mut command = probe(kernel, out.path());
    let mut question = std::ffi::OsString::from("ODD=");
    question.push(&source);
    command.arg("--compiles").arg(question);
    assert_eq!(
        answers(&mut command),
        BTreeMap::from([("ODD".to_owned(), true)])
    );
    assert!(!file.exists());
    for bad in [
        "--has-symbol=A=f);system(\"x\"@linux/types.h",
        "--has-member=A=struct x{}.y",
        "--has-header=A=a>\n#include <b",
        "--has-symbol=../A=f",
    ] {
        let mut command = probe(kernel, out.path());
        refused(command.arg(bad), 2);
    }
}

#[test]
fn a_build_script_asks_and_hands_the_answers_to_its_module() {
    let script = "fn main() {\n\
        let mut build = kbuild::Build::new();\n\
        build.file(\"module/hello.c\");\n\
        let answers = build.probe()\n\
            .has_member(\"HAVE_PROC_OPS\", \"struct proc_ops\", \"proc_open\", \"#include <linux/proc_fs.h>\")\n\
            .has_header(\"HAVE_NONE\", \"linux/no_such_header.h\")\n\
            .answers();\n\
        assert!(answers.has(\"HAVE_PROC_OPS\") && !answers.has(\"HAVE_NONE\"));\n\
        for name in answers.yes() { build.define(name, \"1\"); }\n\
        build.compile(\"hello\");\n}\n";
    let module = "#include <linux/module.h>\n#ifndef HAVE_PROC_OPS\n#error not asked\n#endif\n\
        MODULE_LICENSE(\"GPL\");\n";
    let manifest = manifest("scratch", "", "[workspace]");
    let package = Project::new(&[
        ("Cargo.toml", &manifest),
        ("build.rs", script),
        ("src/main.rs", "fn main() {}\n"),
        ("module/hello.c", module),
    ]);
    let kernel = &scope::kernels(4).unwrap()[0];
    let first = package.built(&mut package.cargo_for(kernel));
    assert!(first.ran.contains("scratch"), "{}", first.said);
    let again = package.built(&mut package.cargo_for(kernel));
    assert!(!again.ran.contains("scratch"), "{}", again.said);
}
