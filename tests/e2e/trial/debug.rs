//! The kernel that sees what modules do wrong.

use std::fs;

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::{run, scope};

use super::modules::MATH;
use super::{LIMIT, each_fails, failed, ko, modules_for, test};
use crate::support::*;

#[allow(clippy::print_stdout, reason = "what did not run, and why")]
fn kernel() -> Option<LabKernel> {
    if !scope::is_full() {
        println!("in the full run only");
        return None;
    }
    if let Some(why) = lab::why_not("7.3-debug") {
        println!("not run: {why}");
        return None;
    }
    Some(lab::kernel("7.3-debug").unwrap())
}

#[test]
fn a_kernel_with_checks_finds_leaks_locks_sleeps_overflows_and_hangs() {
    let Some(kernel) = kernel() else {
        return;
    };
    let names = [
        "base",
        "dies",
        "warns",
        "refuses",
        "leaks",
        "locks",
        "sleeps",
        "overflows",
        "waits",
        "spins",
    ];
    let out = modules_for(&kernel, &names);
    each_fails(
        &kernel,
        out.path(),
        &[
            ("dies", "oops", "RIP: 0010:dies_init+"),
            ("warns", "warning", "warns_init+"),
            ("refuses", "load", "refuses did not load: No such device"),
            ("leaks", "leak", "more from the same place"),
            ("locks", "lockdep", "*** DEADLOCK ***"),
            ("sleeps", "atomic-sleep", "sleeps_init+"),
            ("overflows", "ubsan", "array-index-out-of-bounds"),
        ],
    );
    // The kernel's own watchdogs end the guest before its time is over.
    for (name, kind) in [("waits", "hung-task"), ("spins", "lockup")] {
        let mut command = test(&kernel, &[ko(out.path(), name)]);
        let (mut kinds, said) = failed(command.args(["--timeout", "90"]));
        // Without CONFIG_PROC_SYSCTL, a task that hangs does not end the guest.
        kinds.retain(|one| one != "timeout");
        assert_eq!(kinds, [kind], "{name}: {said}");
    }
    let passed = run::run(&mut test(&kernel, &[ko(out.path(), "base")]), LIMIT).unwrap();
    assert_eq!(passed.status.code(), Some(0), "{}", passed.err());
}

#[test]
fn suites_of_kunit_come_out_as_tap_and_junit_and_a_failed_case_fails_the_test() {
    let Some(kernel) = kernel() else {
        return;
    };
    for (value, code) in [(1, 0), (2, 1)] {
        let dir = folder(&[("math.c", MATH)]);
        let out = dir.path().join("out");
        let mut command = build(&kernel, &out);
        command.args(["--name", "math", "math.c", "-D", &format!("VALUE={value}")]);
        built(command.current_dir(dir.path()));
        let junit = dir.path().join("results.xml");
        let mut command = test(&kernel, &[ko(&out, "math")]);
        let output = run::run(command.arg("--junit").arg(&junit), LIMIT).unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", output.err());
        let release = &kernel.release;
        let not = if code == 0 { "" } else { "not " };
        let tap = format!(
            "TAP version 14\n1..4\nok 1 - {release}: math.adds\nok 2 - {release}: math.skips # SKIP\n\
             {not}ok 3 - {release}: math.fails\n{not}ok 4 - {release}: math\n"
        );
        assert_eq!(output.out(), tap);
        let junit = fs::read_to_string(&junit).unwrap();
        assert!(
            junit.contains(&format!("classname=\"{release}.math\" name=\"fails\"")),
            "{junit}"
        );
        assert_eq!(junit.contains("EXPECTATION FAILED"), code == 1, "{junit}");
    }
}
