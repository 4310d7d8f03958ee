//! Many builders share a cache, and builders are killed at any time: nobody gets broken products.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use kbuild_tests::random::Random;
use kbuild_tests::scope;

use super::stand::Stand;
use super::{Caches, files};
use crate::scene::kernel_at;
use crate::support::*;

#[test]
fn sixteen_builders_share_a_cache() {
    let caches = Caches::new();
    let kernel = kernel_at(1);
    let stored = caches.hello(&kernel);
    stored.build();
    let new = caches.tree(
        &kernel,
        &[("ring.c", RING), ("Kbuild", "obj-m := ring.o\n")],
    );
    let outs: Vec<_> = (0..16).map(|_| folder(&[])).collect();
    let builders: Vec<_> = outs
        .iter()
        .enumerate()
        .map(|(number, out)| {
            let scene = if number % 8 == 0 { &new } else { &stored };
            let mut command = scene.command_to(out.path());
            command
                .arg("-j1")
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command.spawn().unwrap()
        })
        .collect();
    for mut builder in builders {
        assert!(builder.wait().unwrap().success());
    }
    for number in 0..16 {
        let like = if number % 8 == 0 { 0 } else { 1 };
        assert_eq!(files(outs[number].path()), files(outs[like].path()));
    }
    assert_eq!(files(outs[1].path()), files(stored.out.path()));
    let without = folder(&[]);
    built(new.command_to(without.path()).arg("--no-cache"));
    assert_eq!(files(outs[0].path()), files(without.path()));
}

#[test]
fn a_kill_at_any_moment_leaves_nothing_broken() {
    let stand = Stand::new();
    let cache = stand.caches.modules.path().to_owned();
    let began = Instant::now();
    let out = folder(&[]);
    stand.build(out.path(), &[]);
    let (whole, time) = (files(out.path()), began.elapsed());
    let kept = stand.caches.entries().remove(0);
    let entry = fs::read(&kept).unwrap();
    let mut random = Random::new();
    let number = if scope::is_full() { 100 } else { 10 };
    for step in 0..number {
        // Half of the builders store, half of them take.
        let takes = step % 2 == 1;
        if !takes {
            fs::remove_dir_all(&cache).unwrap();
        } else if !kept.exists() {
            fs::create_dir_all(kept.parent().unwrap()).unwrap();
            fs::write(&kept, &entry).unwrap();
        }
        let longest = if takes { time / 5 } else { time + time / 5 };
        let millis = u64::try_from(longest.as_millis()).unwrap().max(2);
        let killed = folder(&[]);
        let mut command = stand.command(killed.path(), &[]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut builder = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(random.below(millis)));
        // The shell has become the program.
        builder.kill().unwrap();
        builder.wait().unwrap();
        let mut verify = std::process::Command::new(program());
        verify.args(["cache", "verify", "--cache"]).arg(&cache);
        built(&mut verify);
        let next = folder(&[]);
        if stand.has(next.path(), &[]) {
            assert!(files(next.path()) == whole, "step {step}");
        } else {
            assert!(!takes, "step {step}: the entry is gone");
        }
    }
}
