//! Several builders on one output directory, and builders that are killed.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use kbuild_tests::scope;
use tempfile::TempDir;

use crate::crash::{Running, until};
use crate::scene::*;
use crate::support::*;

/// A module whose compiler waits at a gate: (the scene, the folder of the gate).
fn gated(kernel: usize, stubborn: bool, mark: &str) -> (Scene, TempDir) {
    let mut kernel = kernel_at(kernel);
    let real = kernel.cc.clone().unwrap_or_else(|| "gcc-12".into());
    let trap = if stubborn { "trap '' TERM" } else { ":" };
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *slow.c) {trap}; echo $$ > \"$GATE/at\"\n\
         until [ -e \"$GATE/open\" ]; do sleep 0.05; done;; esac\nexec {real} \"$@\"\n"
    );
    let (dir, path) = program_in_front("slow-gcc", &script);
    kernel.cc = Some("slow-gcc".into());
    let mut scene = Scene::tree(
        &kernel,
        &[("slow.c", HELLO), ("Kbuild", "obj-m := slow.o\n")],
    );
    scene.env.insert("PATH".into(), path);
    scene.args.extend([
        format!("--env=GATE={}", dir.path().display()),
        format!("--env=KBUILD_TEST_MARK={mark}"),
    ]);
    (scene, dir)
}

fn at(gate: &TempDir) -> PathBuf {
    gate.path().join("at")
}

#[test]
fn a_second_builder_waits_and_says_for_whom_and_one_of_another_tree_does_not_wait() {
    let (scene, gate) = gated(0, false, "second");
    let mut first = Running::start(scene.command(), "second");
    until("the compiler starts", || at(&gate).exists());
    let mut second = Running::start(scene.command(), "second");
    let waits = format!("waiting for another kbuild-rs (process {})", first.pid());
    until("the second says for whom it waits", || {
        second.said().contains(&waits)
    });
    let other = folder(&[("other.c", HELLO), ("Kbuild", "obj-m := other.o\n")]);
    built(build(&kernel_at(0), scene.out.path()).arg(other.path()));
    assert!(!second.has_ended() && !first.has_ended());
    fs::write(gate.path().join("open"), "").unwrap();
    assert!(first.wait(), "{}", first.said());
    assert!(second.wait(), "{}", second.said());
    assert!(second.said().contains("up to date"), "{}", second.said());
    let names: Vec<_> = modules(scene.out.path()).into_keys().collect();
    assert_eq!(names, ["other.ko", "slow.ko"]);
}

/// `crash.rs` checks that the remains of a killed build are built again.
fn assert_as_clean(scene: &Scene) {
    let ours = modules(scene.out.path());
    assert!(ours.contains_key("slow.ko"));
    if scope::is_full() {
        assert_same_modules(&ours, &scene.clean_build(), "after the kill");
    }
}

#[test]
fn make_ends_after_a_killed_kbuild_rs_as_soon_as_its_compilers_do() {
    let (scene, gate) = gated(0, false, "soon");
    let mut running = Running::start(scene.command(), "soon");
    until("the compiler starts", || at(&gate).exists());
    assert!(!running.processes().is_empty());
    running.kill();
    // A shell that runs a compiler waits for it even after a signal.
    fs::write(gate.path().join("open"), "").unwrap();
    until("all processes end", || running.processes().is_empty());
    assert!(!scene.stage().join("slow.ko").exists(), "make went on");
    scene.build();
    assert_as_clean(&scene);
}

#[test]
fn the_lock_is_held_until_the_last_compiler_of_a_killed_kbuild_rs_is_gone() {
    let (scene, gate) = gated(0, true, "lock");
    let mut first = Running::start(scene.command(), "lock");
    until("the compiler starts", || at(&gate).exists());
    first.kill();
    let mut second = Running::start(scene.command(), "lock-second");
    let waits = format!("an ended kbuild-rs (process {})", first.pid());
    until("the second says what it waits for", || {
        second.said().contains(&waits)
    });
    std::thread::sleep(Duration::from_millis(300));
    assert!(!second.has_ended(), "{}", second.said());
    fs::write(gate.path().join("open"), "").unwrap();
    assert!(second.wait(), "{}", second.said());
    assert_as_clean(&scene);
}
