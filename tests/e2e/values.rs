//! Values with special characters of make, a shell or a compiler: they arrive intact, or are
//! refused before anything runs.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use kbuild_tests::scope;

use crate::scene::kernel_at;
use crate::support::trap::{NAMES, Trap, below, holds, word};
use crate::support::*;

/// The Kbuild's output for the value of `name` and `number`.
fn told(name: &str, number: usize, value: &[u8]) -> String {
    format!("{name}{number}[{}]", String::from_utf8_lossy(value))
}

#[test]
fn make_variables_and_the_environment_reach_makefiles_recipes_and_the_compiler_as_they_are() {
    let trap = Trap::new();
    let one_line = NAMES.iter().filter(|n| !n.contains(&b'\n')).copied();
    // make would expand these values.
    let environment: Vec<_> = one_line.clone().filter(|n| !holds(n, b"$(")).collect();
    let mut values: Vec<&[u8]> = one_line.collect();
    values.extend([
        &b""[..],
        b" ",
        b"  leading and trailing  ",
        b"\tleading tab",
        b"a  b\tc",
        b"\\",
        b"\\\\ \\# \\\\#",
        b"$",
        b"$$(shell PWNED)",
        b"$(X1) ${eval Y := 1}",
        b"$",
        b"-- V=1",
        b"-j --jobserver-auth=3,4",
        b":=x",
        b"'a' \"b\" `c`",
        b"\x01\x7f",
    ]);
    let to_compiler = "a b;PWNED $(PWNED) `PWNED` <&|> 100% x=y, é";
    let mut kbuild =
        "obj-m := hello.o\nccflags-y := '-DVALUE=\"$(subst #,\\#,$(VALUE))\"'\n".to_owned();
    for number in 0..values.len() {
        kbuild.push_str(&format!("$(info X{number}[$(X{number})])\n"));
    }
    for number in 0..environment.len() {
        kbuild.push_str(&format!("$(info E{number}[$(shell printenv E{number})])\n"));
    }
    let source = format!("{HELLO}\nstatic const char value[] __used = VALUE;\n");
    let source = folder(&[("hello.c", &source), ("Kbuild", &kbuild)]);
    for kernel in scope::kernels(2).unwrap() {
        let out = tempfile::tempdir().unwrap();
        let mut command = build(&kernel, out.path());
        command.arg(source.path());
        command
            .arg("--make-var")
            .arg(format!("VALUE={to_compiler}"));
        for (number, value) in values.iter().enumerate() {
            command.arg("--make-var");
            command.arg(word(&format!("X{number}="), value));
        }
        for (number, value) in environment.iter().enumerate() {
            command.arg("--env");
            command.arg(word(&format!("E{number}="), value));
        }
        let output = built(trap.set(&mut command));
        trap.assert_shut(&kernel.name);
        let said = output.err();
        let variables = values.iter().enumerate();
        let variables = variables.map(|(number, value)| told("X", number, value));
        let environment = environment.iter().enumerate();
        let environment = environment.map(|(number, value)| told("E", number, value));
        for line in variables.chain(environment) {
            // Once while building, and once in the modpost pass, which is another make.
            let times = said.lines().filter(|l| *l == line).count();
            assert_eq!(times, 2, "{}: {line}\n{said}", kernel.name);
        }
        let module = &modules(out.path())["hello.ko"];
        assert!(holds(module, to_compiler.as_bytes()), "{}", kernel.name);
    }
}

/// A call that must be refused with code 2 before anything is written.
fn refuse(trap: &Trap, out: &Path, command: &mut Command, wanted: &str) {
    let text = refused(trap.set(command), 2);
    assert!(text.contains(wanted), "{wanted}: {text}");
    trap.assert_shut(command);
    assert!(!out.exists(), "{text}");
}

#[test]
fn a_value_that_make_or_its_shell_would_run_is_refused_before_anything_is_written() {
    let trap = Trap::new();
    let kernel = kernel_at(1);
    let source = folder(&[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")]);
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("out");
    for (flags, wanted) in [
        (["--make-var", "X0=a\nb"], "line break"),
        (
            ["--make-var", "$(shell PWNED)=1"],
            "not the name of a make variable",
        ),
        (["--make-var", "a b=1"], "not the name of a make variable"),
        (["--make-var", "-f=1"], "not the name of a make variable"),
        (
            ["--make-var", "MAKEFLAGS=--eval=$(shell PWNED)"],
            "cannot be set",
        ),
        (["--make-var", "KCFLAGS=-DX=`PWNED`"], "a shell command"),
        (["--make-var", "KCFLAGS=-DX=$(PWNED)"], "a shell command"),
        (["--make-var", "LD=ld;PWNED;"], "a shell command"),
        (["--make-var", "hello-y=a.o;PWNED"], "a shell command"),
        (["--make-var", "CC=gcc;PWNED"], "split it"),
        (["--make-var", "LLVM=`PWNED`"], "split it"),
        (["--cc", "gcc $(PWNED)"], "split it"),
        (["--cross-compile", "x;PWNED;"], "split it"),
        (["--extra-warnings", "`PWNED`"], "a shell command"),
        (["--env", "X0=$(shell PWNED)"], "--make-var"),
        (["--env", "X0=${shell PWNED}"], "--make-var"),
        (["--env", "KCFLAGS=;PWNED"], "a shell command"),
        (
            ["--env", "MAKEFLAGS=--eval=$(shell PWNED)"],
            "cannot be set",
        ),
        (["--env", "MAKEFILES=/dev/null"], "cannot be set"),
        (
            ["--config", "$(shell PWNED)=m"],
            "not the name of a configuration",
        ),
        (["--target", "X0=$(shell PWNED)"], "is not a target"),
        (["--target=--eval=$(shell PWNED)", "-q"], "is not a target"),
        (["--target", "$(shell PWNED).o"], "is not a target"),
        (["--target", "../hello.o"], "is not a target"),
        (["--target", "/etc/passwd"], "is not a target"),
        (["--exclude", "[$(PWNED)"], "not a valid pattern"),
        (["--tree-root", "$(shell PWNED)"], "does not exist"),
    ] {
        let mut command = build(&kernel, &out);
        refuse(&trap, &out, command.arg(source.path()).args(flags), wanted);
    }
    let mut command = build(&kernel, &out);
    command
        .arg(source.path())
        .env("KBUILD_BUILD_USER", "$(shell PWNED)");
    refuse(&trap, &out, &mut command, "KBUILD_BUILD_USER");
    for name in NAMES {
        let mut command = build(&kernel, &out);
        command
            .arg(word("--name=", name))
            .arg(source.path().join("hello.c"));
        refuse(&trap, &out, &mut command, "");
    }
}

#[test]
fn the_value_of_a_define_arrives_unchanged() {
    let trap = Trap::new();
    // The values as C tokens, and as the text of a string.
    let tokens = [
        "$(shell PWNED) `x` ;|&<>()!?*[]{}~^%:=,./-+@",
        "a\"b c\\\\d\\\"\"'e'",
        "a # b $ @",
    ];
    let text = "$(shell PWNED)`PWNED`;PWNED #%:=,'it''s' é @/x";
    let mut source =
        format!("{HELLO}\n#define S(...) #__VA_ARGS__\n#define E(...) S(__VA_ARGS__)\n");
    for number in 0..tokens.len() {
        source.push_str(&format!(
            "static const char t{number}[] __used = \"<\" E(T{number}) \">\";\n"
        ));
    }
    source.push_str("static const char text[] __used = TEXT;\n");
    let dir = folder(&[("hello.c", &source)]);
    for kernel in scope::kernels(0).unwrap() {
        let out = tempfile::tempdir().unwrap();
        let mut command = build(&kernel, out.path());
        command
            .args(["--name", "hello"])
            .arg(dir.path().join("hello.c"));
        command.arg(format!("-DTEXT=\"{text}\""));
        for (number, value) in tokens.iter().enumerate() {
            command.arg(format!("-DT{number}={value}"));
        }
        built(trap.set(&mut command));
        trap.assert_shut(&kernel.name);
        let built_modules = modules(out.path());
        let module = &built_modules["hello.ko"];
        assert!(holds(module, text.as_bytes()), "{}", kernel.name);
        for value in tokens {
            let told = format!("<{value}>");
            assert!(holds(module, told.as_bytes()), "{}: {told}", kernel.name);
        }
    }
}

#[test]
fn a_define_that_is_none_is_refused() {
    let trap = Trap::new();
    let kernel = kernel_at(0);
    let source = folder(&[("hello.c", HELLO)]);
    let out = source.path().join("out");
    for define in [
        "a b",
        "$(shell PWNED)",
        "a;PWNED",
        "-x",
        "1a",
        "a\nPWNED",
        "X=a\nb",
    ] {
        let mut command = build(&kernel, &out);
        command
            .args(["--name", "hello"])
            .arg(source.path().join("hello.c"));
        command.arg(word("-D", define.as_bytes()));
        refuse(&trap, &out, &mut command, "macro");
    }
}

#[test]
fn symvers_and_prepare_inputs_of_any_name_are_used() {
    let trap = Trap::new();
    let together = if scope::is_full() { 6 } else { NAMES.len() };
    for (number, names) in NAMES.chunks(together).enumerate() {
        let kernel = kernel_at(number);
        let source = folder(&[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")]);
        let out = tempfile::tempdir().unwrap();
        let mut command = build(&kernel, out.path());
        command.arg(source.path()).args(["--prepare", "true"]);
        for (symbol, name) in names.iter().enumerate() {
            let symvers = below(source.path(), name);
            let line = format!("0x00000000\tring_{symbol}\tring\tEXPORT_SYMBOL\t\n");
            fs::write(&symvers, line).unwrap();
            command.arg(OsString::from("--symvers")).arg(&symvers);
            command.arg("--prepare-input").arg(&symvers);
        }
        built(trap.set(&mut command));
        trap.assert_shut(
            &names
                .iter()
                .map(|n| OsStr::from_bytes(n))
                .collect::<Vec<_>>(),
        );
    }
}
