//! The recording: what it holds, crafted contents, many users, kills.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use kbuild_tests::random::Random;
use kbuild_tests::scope;

use super::{Cache, KBUILD, edited, is_as_plain, was_direct};
use crate::scene::kernel_at;
use crate::support::trap::holds;
use crate::support::*;

const SECRET: &str = "s3cret-51c7";

/// Values of less than four characters, of a variable of the environment and of make.
const SHORT: [&str; 2] = ["x8Q", "q7Z"];

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
        ("--env", format!("ANY_SHORT={}", SHORT[0])),
        ("--make-var", format!("OTHER_SHORT={}", SHORT[1])),
        // make takes the last value.
        ("--make-var", "TWICE=x".to_owned()),
        ("--make-var", format!("TWICE={SECRET}-twice")),
        (
            "--make-var",
            format!("OTHER_FLAGS=-D{} {}", SHORT[0], SHORT[1]),
        ),
    ] {
        scene.args.extend([flag.to_owned(), value]);
    }
    scene.build();
    assert!(edited(&scene, 1));
    let files = cache.files();
    assert_eq!(files.len(), 1);
    let text = fs::read(&files[0]).unwrap();
    for value in [SECRET, SHORT[0], SHORT[1]] {
        assert!(!holds(&text, value.as_bytes()), "{value}");
    }
    let stage = scene.out.path().to_str().unwrap();
    assert!(!holds(&text, stage.as_bytes()));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&files[0]), mode(&cache.folder())), (0o600, 0o700));
}

/// The hash at the end of a recording: FNV-1a.
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
        Path::new(&evil),
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
fn a_folder_that_others_can_write_to_is_not_used_and_v_says_so() {
    let cache = Cache::new();
    let scene = cache.hello(&kernel_at(1));
    scene.build();
    let set = |mode| fs::set_permissions(cache.folder(), fs::Permissions::from_mode(mode)).unwrap();
    set(0o777);
    scene.write("hello.c", &format!("{HELLO}\nint edit;\n"));
    let said = built(scene.command().arg("-v"));
    let why = format!("no shortcut: {}", cache.folder().display());
    assert!(said.err().contains(&why), "{}", said.err());
    assert!(!was_direct(scene.out.path()));
    set(0o700);
    assert!(edited(&scene, 2));
}

/// Puts something in the place of a recording. The other path is free.
type Spoil = (&'static str, fn(&Path, &Path));

const SPOILED: &[Spoil] = &[
    ("a link", |file, other| {
        fs::rename(file, other).unwrap();
        std::os::unix::fs::symlink(other, file).unwrap();
    }),
    ("a fifo", |file, _| {
        fs::remove_file(file).unwrap();
        let mkfifo = std::process::Command::new("mkfifo").arg(file).status();
        assert!(mkfifo.unwrap().success());
    }),
    ("torn", |file, _| {
        let text = fs::read(file).unwrap();
        fs::write(file, &text[..text.len() / 2]).unwrap();
    }),
    ("a folder", |file, _| {
        fs::remove_file(file).unwrap();
        fs::create_dir_all(file.join("below")).unwrap();
    }),
    ("others can write", |file, _| {
        fs::set_permissions(file, fs::Permissions::from_mode(0o622)).unwrap();
    }),
    ("another owner", |file, _| {
        // Only root can give files away.
        let _ = std::os::unix::fs::chown(file, Some(12_345), None);
    }),
    ("empty", |file, _| fs::write(file, "").unwrap()),
];

#[test]
fn what_is_no_memory_is_not_read_and_the_next_build_replaces_it() {
    let cache = Cache::new();
    let scene = cache.hello(&kernel_at(1));
    scene.build();
    let file = cache.files().remove(0);
    let several = if scope::is_full() { SPOILED.len() } else { 2 };
    for (number, (what, spoil)) in SPOILED.iter().take(several).enumerate() {
        let other = scene.out.path().join(format!("other-{number}"));
        spoil(&file, &other);
        let meta = fs::symlink_metadata(&file).unwrap();
        let is_root_less = *what == "another owner" && meta.uid() != 12_345;
        assert_eq!(edited(&scene, number), is_root_less, "{what}");
        let meta = fs::symlink_metadata(&file).unwrap();
        assert!(meta.is_file() && meta.mode() & 0o777 == 0o600, "{what}");
        assert_ne!(meta.uid(), 12_345, "{what}");
        assert_eq!(cache.files(), [&*file], "{what}");
    }
    assert!(edited(&scene, 100));
    is_as_plain(&scene, "after all of them");
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

/// Whether a killed builder left this file, which no build reads.
fn is_part(file: &Path) -> bool {
    file.extension().is_some_and(|name| name == "part")
}

#[test]
fn a_killed_builder_leaves_nothing_that_is_wrong() {
    let mut random = Random::new();
    // Each round kills a build; a later one, every fifth in the default run, goes to its end.
    let (rounds, often) = if scope::is_full() { (100, 1) } else { (10, 5) };
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
        for file in cache.files().iter().filter(|file| !is_part(file)) {
            let text = fs::read_to_string(file).unwrap();
            assert!(with_hash(&text) == text, "round {round}: torn");
        }
        if round % often == often - 1 {
            scene.build();
        }
        if round % 10 == 5 && scope::is_full() {
            is_as_plain(&scene, "after a kill");
        }
    }
    is_as_plain(&scene, "after the last kill");
    assert!(edited(&scene, 1_000_000));
    assert!(was_direct(scene.out.path()));
}
