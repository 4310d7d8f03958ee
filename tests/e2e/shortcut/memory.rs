//! The memory: what it holds, crafted contents, many users, kills.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use kbuild_tests::random::Random;
use kbuild_tests::scope;

use super::{Cache, KBUILD, edited, is_as_plain, was_direct};
use crate::scene::kernel_at;
use crate::support::trap::holds;
use crate::support::*;

const SECRET: &str = "s3cret-51c7";

#[test]
fn a_memory_holds_no_value_that_the_caller_gave() {
    let cache = Cache::new();
    let mut scene = cache.hello(&kernel_at(1));
    for (flag, value) in [
        ("--env", format!("TOKEN={SECRET}-env")),
        ("--env", format!("KBUILD_BUILD_HOST={SECRET}-host")),
        (
            "--make-var",
            format!("KCFLAGS=-DTOKEN={SECRET}-flag -DB='{SECRET} x'"),
        ),
        ("--make-var", format!("ANY_VAR={SECRET}-var a\\b$c")),
    ] {
        scene.args.extend([flag.to_owned(), value]);
    }
    scene
        .env
        .insert("KBUILD_SIGN_PIN".into(), format!("{SECRET}-pin"));
    scene.build();
    assert!(edited(&scene, 1));
    let files = cache.files();
    assert_eq!(files.len(), 1);
    let text = fs::read(&files[0]).unwrap();
    assert!(!holds(&text, SECRET.as_bytes()));
    let stage = scene.out.path().to_str().unwrap();
    assert!(!holds(&text, stage.as_bytes()));
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&files[0]), mode(&cache.folder())), (0o600, 0o700));
}

/// The hash at the end of a memory: FNV-1a.
fn with_hash(text: &str) -> String {
    let text = &text[..text.rfind("\n. ").unwrap()];
    let add = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, add);
    format!("{text}\n. {hash:x}")
}

#[test]
fn a_crafted_memory_starts_nothing() {
    let cache = Cache::new();
    let scene = cache.hello(&kernel_at(1));
    scene.build();
    let file = cache.files().remove(0);
    let good = fs::read_to_string(&file).unwrap();
    let evil = folder(&[("scripts/Makefile.modpost", ""), ("evil.mk", "")]);
    let evil = evil.path().to_str().unwrap().to_owned();
    let mark = format!("{evil}/ran");
    let makefile = format!("$(shell touch {mark})\nall: ;\n");
    write(
        std::path::Path::new(&evil),
        &[
            ("scripts/Makefile.modpost", &makefile),
            ("evil.mk", &makefile),
        ],
    );
    let source = scene.kernel.common.to_str().unwrap();
    let first = good.find("\ne ").unwrap();
    let crafted: &[(&str, String)] = &[
        ("as it is", with_hash(&good)),
        (
            "another makefile",
            good.replace(
                &format!("{source}/scripts/Makefile.modpost"),
                &format!("{evil}/scripts/Makefile.modpost"),
            ),
        ),
        (
            "dots",
            good.replace(
                "scripts/Makefile.modpost",
                "scripts/../../../../../../../../evil.mk",
            ),
        ),
        (
            "a word",
            good.replace(
                "\na need-builtin=1",
                &format!("\na --eval=$(shell%stouch%s{mark})"),
            ),
        ),
        (
            "a makefile for every make",
            good.replace("\ng MAKEFILES", &format!("\ne MAKEFILES {evil}/evil.mk")),
        ),
        (
            "flags",
            good.replace(
                "\ne MAKEFLAGS ",
                &format!("\ne MAKEFLAGS --eval=$(shell%stouch%s{mark})%s"),
            ),
        ),
        (
            "a library",
            format!(
                "{}\ne LD_PRELOAD {evil}/x.so{}",
                &good[..first],
                &good[first..]
            ),
        ),
        (
            "another folder",
            good.replace("\nw ", &format!("\nw {evil}%s")),
        ),
    ];
    for (number, (what, text)) in crafted.iter().enumerate() {
        assert!(number == 0 || *text != good, "{what}");
        fs::write(&file, with_hash(text)).unwrap();
        let is_direct = edited(&scene, number);
        assert!(!fs::exists(&mark).unwrap(), "{what}");
        assert_eq!(is_direct, number == 0, "{what}");
    }
    fs::write(&file, good.replace("KBUILD", "KBUILT")).unwrap();
    assert!(!edited(&scene, 100), "a wrong hash");
    is_as_plain(&scene, "after all of them");
}

#[test]
fn a_memory_of_another_user_or_behind_a_link_is_not_used() {
    let cache = Cache::new();
    let scene = cache.hello(&kernel_at(1));
    scene.build();
    let set = |mode| fs::set_permissions(cache.folder(), fs::Permissions::from_mode(mode)).unwrap();
    set(0o777);
    assert!(!edited(&scene, 1));
    set(0o700);
    assert!(edited(&scene, 2));
    let file = cache.files().remove(0);
    let elsewhere = scene.out.path().join("memory");
    fs::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    assert!(!edited(&scene, 3));
}

#[test]
fn several_builders_share_the_memory() {
    let cache = Cache::new();
    let number = if scope::is_full() { 16 } else { 3 };
    let scenes: Vec<_> = (0..number).map(|_| cache.hello(&kernel_at(1))).collect();
    std::thread::scope(|scope| {
        for scene in &scenes {
            scope.spawn(|| {
                scene.build();
                assert!(edited(scene, 1));
            });
        }
    });
    assert_eq!(cache.files().len(), 1);
    is_as_plain(&scenes[0], "the first");
    for scene in &scenes {
        assert!(edited(scene, 2));
    }
}

#[test]
fn a_killed_builder_leaves_nothing_that_is_wrong() {
    let mut random = Random::new();
    let rounds = if scope::is_full() { 100 } else { 3 };
    let cache = Cache::new();
    let scene = cache.tree(&kernel_at(1), &[("hello.c", HELLO), ("Kbuild", KBUILD)]);
    for round in 0..rounds {
        for file in cache.files() {
            if random.below(2) == 0 {
                fs::remove_file(file).unwrap();
            }
        }
        scene.write("hello.c", &format!("{HELLO}\nint round_{round};\n"));
        let mut child = scene.command().spawn().unwrap();
        std::thread::sleep(Duration::from_millis(random.below(2_500)));
        child.kill().unwrap();
        child.wait().unwrap();
        scene.build();
        if round % 10 == 0 {
            is_as_plain(&scene, "after a kill");
        }
    }
    is_as_plain(&scene, "after the last kill");
    assert!(edited(&scene, 1_000_000));
    assert!(was_direct(scene.out.path()));
}
