//! Who gets to see a jobserver: make, and what make itself hands it to.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::support::project::any_kernel;
use crate::support::*;

/// What is open besides the standard streams.
const LIST: &str =
    "ls -l /proc/self/fd | sed -n 's/.* \\([0-9]*\\) -> /\\1 /p' | grep -v '^[012] '";

/// Runs a recipe of `make -j2` that builds a tree, with a command that prepares it; gives what
/// the compiler and that command had open.
fn open_in_children(lead: &str) -> (String, String) {
    let kernel = any_kernel();
    let tools = folder(&[]);
    let (compiler, seen) = (tools.path().join("gcc"), tools.path().join("seen"));
    let real = kernel.cc.as_deref().unwrap_or("gcc-12");
    let script = format!(
        "#!/bin/sh\ncase \" $* \" in *\" -c \"*hello.o*) {LIST} > {};; esac\nexec {real} \"$@\"\n",
        seen.display()
    );
    fs::write(&compiler, script).unwrap();
    fs::set_permissions(&compiler, fs::Permissions::from_mode(0o755)).unwrap();
    let source = folder(&[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")]);
    let prepared = tools.path().join("prepared");
    write(
        tools.path(),
        &[("list", &format!("{LIST} > {}", prepared.display()))],
    );
    let recipe = format!(
        "all:\n\t{lead}{} build -j2 --kernel {} --cc {} -o out --prepare 'sh {}/list' .\n",
        program().display(),
        kernel.kdir.display(),
        compiler.display(),
        tools.path().display(),
    );
    fs::write(source.path().join("GNUmakefile"), recipe).unwrap();
    let mut make = Command::new("make");
    make.arg("-j2").current_dir(source.path());
    built(make.env_remove("MAKEFLAGS"));
    let read = |path| fs::read_to_string(path).unwrap();
    (read(seen), read(prepared))
}

#[test]
fn compilers_and_prepare_commands_get_locks_and_no_jobserver() {
    // Whoever runs the tests may have left something open.
    let before = built(Command::new("sh").args(["-c", LIST])).out();
    // Joined, and with a pool of our own: make says nothing of a jobserver to a plain command.
    for lead in ["+", "unset MAKEFLAGS; "] {
        let (compiler, prepare) = open_in_children(lead);
        for open in [compiler, prepare] {
            // What `ls` itself reads.
            let lines = open.lines().filter(|l| !l.contains("/proc/"));
            let lines = lines.filter(|l| !before.contains(l));
            let lines: Vec<_> = lines.collect();
            assert!(lines.iter().any(|l| l.ends_with("/lock")), "{open}");
            for line in lines {
                assert!(!line.contains("pipe:"), "{lead}: {open}");
                assert!(!line.ends_with("/jobs"), "{lead}: {open}");
            }
        }
    }
}
