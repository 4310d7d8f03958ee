//! `kbuild-rs cache`: status, prune, verify; and the size limit.

use std::fs;
use std::process::Command;

use super::{Caches, in_new_folder, is_cached};
use crate::scene::{Scene, kernel_at};
use crate::support::*;

fn cache(caches: &Caches, args: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.arg("cache").args(args);
    command.env("KBUILD_RS_CACHE", caches.modules.path());
    command.env_remove("KBUILD_RS_CACHE_SIZE");
    command
}

fn status(caches: &Caches) -> serde_json::Value {
    let output = built(&mut cache(caches, &["status", "--message-format", "json"]));
    serde_json::from_str(&output.out()).unwrap()
}

fn edited(scene: &Scene, number: usize) {
    scene.write("hello.c", &format!("{HELLO}\nint edit_{number};\n"));
}

#[test]
fn the_builds_that_were_not_used_for_the_longest_time_go_first() {
    let caches = Caches::new();
    let mut scene = caches.hello(&kernel_at(1));
    for number in 0..3 {
        edited(&scene, number);
        scene.build();
    }
    let before = status(&caches);
    assert_eq!(
        (&before["entries"], &before["reason"]),
        (&3.into(), &"cache-status".into())
    );
    assert_eq!(before["limit"], 5_000_000_000_u64);
    // The oldest one is used again.
    edited(&scene, 0);
    let (_, cached) = in_new_folder(&scene, &[]);
    assert!(cached);
    let size = fs::metadata(&caches.entries()[0]).unwrap().len();
    let limit = (size * 5 / 2).to_string();
    let said = built(&mut cache(&caches, &["prune", "--size", &limit]));
    assert!(
        said.out().starts_with("removed 1 stored build ("),
        "{}",
        said.out()
    );
    let has = |scene: &Scene, number| {
        edited(scene, number);
        let (_, cached) = in_new_folder(scene, &[]);
        cached
    };
    assert!(has(&scene, 0) && has(&scene, 2));
    // A build keeps the limit, too.
    scene.env.insert("KBUILD_RS_CACHE_SIZE".into(), limit);
    // An entry may take a quarter of the cache.
    assert!(!has(&scene, 1));
    assert_eq!(status(&caches)["entries"], 2);
    scene
        .env
        .insert("KBUILD_RS_CACHE_SIZE".into(), (size * 9 / 2).to_string());
    for number in [3, 4, 5] {
        assert!(!has(&scene, number));
    }
    let now = status(&caches);
    assert!(now["entries"].as_u64().unwrap() <= 4, "{now}");
    assert!(has(&scene, 5));
    built(&mut cache(&caches, &["prune", "--all"]));
    let empty = status(&caches);
    assert_eq!((&empty["entries"], &empty["bytes"]), (&0.into(), &0.into()));
}

#[test]
fn verify_finds_what_is_damaged_and_what_differs_from_a_build() {
    let caches = Caches::new();
    let scene = caches.hello(&kernel_at(2));
    let verify = || {
        let mut command = cache(&caches, &["verify"]);
        let build = scene.command_to(scene.out.path());
        // The arguments of `kbuild-rs build`.
        command
            .args(build.get_args().skip(1))
            .current_dir(scene.source.path());
        command.envs(&scene.env);
        command
    };
    let said = refused(verify().env_remove("KBUILD_RS_CACHE"), 2);
    assert!(said.contains("--cache DIR"), "{said}");
    // It stores nothing itself.
    for _ in 0..2 {
        let said = refused(&mut verify(), 1);
        assert!(said.contains("is not in the cache"), "{said}");
    }
    scene.build();
    let said = built(&mut verify());
    assert!(
        said.out().contains("cache and build have the same bytes"),
        "{}",
        said.out()
    );
    built(&mut cache(&caches, &["verify"]));
    let entry = caches.entries().remove(0);
    let mut bytes = fs::read(&entry).unwrap();
    let last = bytes.len() - 9;
    bytes[last] ^= 1;
    fs::write(&entry, bytes).unwrap();
    let said = refused(&mut cache(&caches, &["verify"]), 1);
    assert!(
        said.contains("was damaged. kbuild-rs has removed it"),
        "{said}"
    );
    built(&mut cache(&caches, &["verify"]));
    assert!(caches.entries().is_empty());
    assert!(!is_cached(&built(
        scene.command().arg("--cflag").arg("-O2")
    )));
}

#[test]
fn a_call_without_a_cache_is_wrong_and_a_folder_that_is_not_there_is_empty() {
    let caches = Caches::new();
    let said = refused(cache(&caches, &["status"]).env_remove("KBUILD_RS_CACHE"), 2);
    assert!(said.contains("--cache DIR"), "{said}");
    let said = refused(&mut cache(&caches, &["prune", "--size", "many"]), 2);
    assert!(said.contains("is not the size of a cache"), "{said}");
    let none = caches.modules.path().join("none");
    let mut command = cache(&caches, &["status", "--cache"]);
    let said = built(command.arg(&none));
    assert!(said.out().contains("builds  0"), "{}", said.out());
    assert!(!none.exists());
}
