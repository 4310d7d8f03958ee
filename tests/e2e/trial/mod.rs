//! `kbuild-rs test`: modules that misbehave in a guest, each in its way.

mod debug;
mod hands_on;
mod modules;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::processes::{self, Signal};
use kbuild_tests::{expected, scope};
use tempfile::TempDir;

use crate::crash::until;
use crate::support::*;
use modules::sources;

/// A guest of a small kernel takes two seconds.
const LIMIT: Duration = Duration::from_secs(300);

/// Builds the modules with these names for a kernel.
fn modules_for(kernel: &LabKernel, names: &[&str]) -> TempDir {
    let (tree, out) = (sources(names), tempfile::tempdir().unwrap());
    built(build(kernel, out.path()).arg(tree.path()));
    out
}

/// A test of modules on a kernel of the lab, whose image is beside its tree.
fn test(kernel: &LabKernel, modules: &[PathBuf]) -> Command {
    let mut command = Command::new(program());
    command.arg("test").args(modules);
    command.arg("--kernel").arg(&kernel.kdir);
    command
}

fn ko(out: &Path, name: &str) -> PathBuf {
    out.join(format!("{name}.ko"))
}

/// The kinds of the findings, and all output, of a test that must fail.
fn failed(command: &mut Command) -> (Vec<String>, String) {
    let output = kbuild_tests::run::run(command.args(["--message-format", "json"]), LIMIT).unwrap();
    let out = output.out();
    assert_eq!(output.status.code(), Some(1), "{out}\n{}", output.err());
    let line = out.lines().find(|line| line.contains("\"test-result\""));
    let result: serde_json::Value = serde_json::from_str(line.expect(&out)).unwrap();
    assert_eq!(result["outcome"], "failed", "{out}");
    let findings = result["findings"].as_array().unwrap();
    let kinds = findings
        .iter()
        .map(|one| one["kind"].as_str().unwrap().to_owned());
    (kinds.collect(), out)
}

/// Checks that each module fails with this kind, and that its finding has these words.
fn each_fails(kernel: &LabKernel, out: &Path, modules: &[(&str, &str, &str)]) {
    for (name, kind, words) in modules {
        let (kinds, said) = failed(&mut test(kernel, &[ko(out, name)]));
        assert!(
            kinds.iter().any(|one| one == kind),
            "{name}: {kinds:?}: {said}"
        );
        assert!(said.contains(words), "{name}: no {words}: {said}");
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "what did not run, and why")]
fn modules_that_misbehave_fail_each_in_its_way_and_a_good_one_passes() {
    if let Some(why) = lab::why_not("7.3") {
        println!("not run: {why}");
        return;
    }
    let kernel = lab::kernel("7.3").unwrap();
    let names = [
        "base", "user", "dies", "warns", "waits", "strikes", "refuses",
    ];
    let out = modules_for(&kernel, &names);
    each_fails(
        &kernel,
        out.path(),
        &[
            ("dies", "oops", "RIP: 0010:dies_init+"),
            ("warns", "warning", "warns_init+"),
            ("strikes", "oops", "\"step\":\"after unload\""),
            ("refuses", "load", "refuses did not load: No such device"),
        ],
    );
    let mut lacks = test(&kernel, &[ko(out.path(), "user")]);
    let (_, said) = failed(&mut lacks);
    assert!(said.contains("user needs the module base, "), "{said}");
    passes(&kernel, out.path());
    stops(&kernel, out.path());
    let mut hangs = test(&kernel, &[ko(out.path(), "waits")]);
    let (kinds, said) = failed(hangs.args(["--timeout", "60"]));
    assert_eq!(kinds, ["timeout"], "{said}");
    assert!(said.contains("\"step\":\"load waits\""), "{said}");
}

/// Two modules in the wrong order, with a parameter, a command, a file and all forms of results.
fn passes(kernel: &LabKernel, out: &Path) {
    let dir = folder(&[(
        "check file",
        "#!/bin/sh\ngrep -q '^user ' /proc/modules && echo $1\n",
    )]);
    let [junit, log] = ["results.xml", "log"].map(|name| dir.path().join(name));
    let mut command = test(kernel, &[ko(out, "user"), ko(out, "base")]);
    command
        .arg("--file")
        .arg(dir.path().join("check file:/opt/check"));
    command.args([
        "--param",
        "base.text=two words",
        "--run",
        "sh /opt/check 'it works'",
    ]);
    command.arg("--junit").arg(&junit).arg("--log").arg(&log);
    let output = expected::success(&mut command, LIMIT);
    let said = format!("{}: base, user", kernel.release);
    assert_eq!(
        output.out(),
        format!("TAP version 14\n1..1\nok 1 - {said}\n")
    );
    let junit = fs::read_to_string(junit).unwrap();
    assert!(
        junit.contains("<system-out>it works</system-out>"),
        "{junit}"
    );
    let log = fs::read_to_string(log).unwrap();
    for line in ["base: two words", "user: 42", "user: bye", "base: bye"] {
        assert!(log.contains(line), "no {line}: {log}");
    }
    let places = ["user: bye", "base: bye"].map(|line| log.find(line));
    assert!(places[0] < places[1], "{log}");
    // What the command leaves behind is not waited for, and what it did itself is not done again.
    let mut clears = test(kernel, &[ko(out, "base")]);
    clears.args(["--run", "sleep 1000 & dmesg -c >/dev/null; rmmod base"]);
    clears.arg("--log").arg(dir.path().join("log"));
    expected::success(&mut clears, LIMIT);
    let log = fs::read_to_string(dir.path().join("log")).unwrap();
    assert!(log.contains("@test load base"), "{log}");
    let mut fails = test(kernel, &[ko(out, "base")]);
    let (kinds, said) = failed(fails.args(["--run", "echo no luck; exit 3"]));
    assert_eq!(kinds, ["command"], "{said}");
    assert!(said.contains("no luck"), "{said}");
}

/// A signal ends QEMU, and the folder for temporary files is empty then.
fn stops(kernel: &LabKernel, out: &Path) {
    let scratch = tempfile::tempdir().unwrap();
    let mut command = test(kernel, &[ko(out, "waits")]);
    command.env("TMPDIR", scratch.path());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let begun = || {
        processes::below(child.id())
            .into_iter()
            .map(|one| one.id)
            .collect::<Vec<_>>()
    };
    until("QEMU starts", || !begun().is_empty());
    let started = begun();
    processes::signal(child.id(), Signal::TERM);
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(Signal::TERM.as_raw()), "{status}");
    let is_alive = |id: &u32| kbuild_vm::process::tree::is_alive(*id);
    until("QEMU ends", || !started.iter().any(is_alive));
    let left: Vec<_> = fs::read_dir(scratch.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_call_that_cannot_test_says_what_to_do() {
    let kernel = crate::support::project::any_kernel();
    let out = tempfile::tempdir().unwrap();
    let sources = sources(&["base"]);
    built(
        build(&kernel, out.path())
            .args(["--name", "base"])
            .arg(sources.path().join("base.c")),
    );
    let module = ko(out.path(), "base");
    let refused = |more: &[&str], code: i32| {
        let mut command = Command::new(program());
        command.arg("test").arg(&module).args(more);
        expected::failure(&mut command, code, LIMIT)
    };
    // No tree leads to the lab's image, and this machine does not have it.
    for (more, code, words) in [
        (&[][..], 1, "Name the image (--image FILE)"),
        (&["--all-kernels"], 1, "leave out --all-kernels"),
        (&["--kernel", "0.1"], 2, "kbuild-rs build --kernel 0.1"),
        (
            &["--param", "other.a=1"],
            2,
            "--param names the module other",
        ),
        (
            &["--file", "/no/such/file"],
            2,
            "/no/such/file is not a file",
        ),
    ] {
        let said = refused(more, code);
        assert!(said.contains(words), "{more:?}: {said}");
    }
    let mut no_qemu = test(&kernel, &[module]);
    let said = expected::failure(no_qemu.env("PATH", out.path()), 1, LIMIT);
    assert!(
        said.contains("qemu-system-x86_64, which is not in PATH"),
        "{said}"
    );
}

#[test]
#[allow(clippy::print_stdout, reason = "what the default run leaves out")]
fn a_tree_is_built_and_tested_on_every_stock_kernel_with_the_modules_that_it_needs() {
    if !scope::is_full() {
        println!("in the full run only");
        return;
    }
    for kernel in lab::kernels().unwrap() {
        let tree = sources(&["needs_hid"]);
        let dir = tempfile::tempdir().unwrap();
        let mut command = kernel.command(program());
        command
            .arg("test")
            .arg(tree.path())
            .arg("--kernel")
            .arg(&kernel.kdir);
        command.arg("--out-dir").arg(dir.path().join("out"));
        command.arg("--log").arg(dir.path().join("log"));
        if let Some(cc) = &kernel.cc {
            command.env("KBUILD_RS_CC", cc);
        }
        if kernel.machine.is_some() {
            // QEMU is not where the kernel's compiler is.
            let out = modules_for(&kernel, &["needs_hid"]);
            command = test(&kernel, &[ko(out.path(), "needs_hid")]);
            command.arg("--log").arg(dir.path().join("log"));
            expected::success(&mut command, LIMIT);
        } else {
            expected::success(&mut command, LIMIT);
        }
        let log = fs::read_to_string(dir.path().join("log")).unwrap();
        assert!(log.contains("needs_hid: loaded"), "{}: {log}", kernel.name);
    }
}
