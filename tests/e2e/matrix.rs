//! Several module trees and several kernels in one call of the program.

use std::process::Command;

use kbuild_tests::lab::LabKernel;
use kbuild_tests::run;
use serde_json::Value;
use tempfile::TempDir;

use crate::scene::kernel_at;
use crate::support::*;

/// A module that uses another one's symbol, the other one after it, and a broken one.
fn trees() -> TempDir {
    folder(&[
        ("user/user.c", USER),
        ("user/Kbuild", "obj-m := user.o\n"),
        ("ring/ring.c", RING),
        ("ring/Kbuild", "obj-m := ring.o\n"),
        ("broken/broken.c", "int x = ;\n"),
        ("broken/Kbuild", "obj-m := broken.o\n"),
    ])
}

fn build_all(trees: &TempDir, kernels: &[LabKernel], args: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args([
        "build", "user", "ring", "broken", "-o", "out", "--cc", "gcc-12",
    ]);
    for kernel in kernels {
        command.arg("--kernel").arg(&kernel.kdir);
    }
    command.args(args).current_dir(trees.path());
    command
}

#[test]
fn trees_build_for_all_kernels_providers_first_and_a_failure_hides_no_other_result() {
    let (trees, kernels) = (trees(), [kernel_at(0), kernel_at(1)]);
    let text = refused(&mut build_all(&trees, &kernels, &["--symvers", "ring"]), 1);
    for kernel in &kernels {
        let out = trees.path().join("out").join(&kernel.release);
        let info = kbuild::ModuleInfo::read(out.join("user.ko")).unwrap();
        assert_eq!(info.depends, ["ring"], "{text}");
        assert_eq!(info.release, kernel.release);
        // The output of a build is in one piece, below its name.
        let heading = format!("building broken for {}\n", kernel.release);
        let (_, said) = text.split_once(&heading).unwrap();
        let own = said.split("\nbuilding ").next().unwrap();
        assert!(own.contains("broken/broken.c:1:9: error"), "{text}");
        assert!(!own.contains("user.o") && !own.contains("ring.o"), "{text}");
    }
    let table: Vec<&str> = text.lines().rev().take(5).collect();
    assert!(table[4].contains(&kernels[1].release), "{text}");
    assert_eq!(table[3].matches("built, ").count(), 2, "{text}");
    assert_eq!(table[2].matches("built, ").count(), 2, "{text}");
    assert_eq!(table[1].matches("FAILED, ").count(), 2, "{text}");
    assert!(table[0].starts_with("6 builds in "), "{text}");
    assert!(table[0].ends_with(": 4 built, 2 failed"), "{text}");
}

#[test]
fn json_reports_each_build_and_users_of_a_failed_one_are_not_built() {
    let (trees, kernel) = (trees(), kernel_at(1));
    write(trees.path(), &[("ring/ring.c", "int x = ;\n")]);
    let kernels = [kernel];
    let args = ["--symvers", "ring", "--message-format", "json"];
    let output = run::run(&mut build_all(&trees, &kernels, &args), LIMIT).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<Value> = output
        .out()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let results = lines.iter().filter(|l| l["reason"] == "build-result");
    let mut results: Vec<_> = results
        .map(|l| (l["tree"].as_str().unwrap(), l["outcome"].as_str().unwrap()))
        .collect();
    results.sort_unstable();
    let wanted = [
        ("broken", "not-built"),
        ("ring", "failed"),
        ("user", "not-built"),
    ];
    assert_eq!(results, wanted, "{lines:?}");
    let steps = lines.iter().filter(|l| l["reason"] == "step");
    for step in steps {
        assert!(
            step["tree"].is_string() && step["release"].is_null(),
            "{step}"
        );
    }
    assert_eq!(lines.last().unwrap()["reason"], "build-finished");
}
