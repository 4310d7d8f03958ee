//! An editor that saves in place (truncate, write, write) beside builders of the same sources.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kbuild_tests::run;
use kbuild_tests::scope;

use crate::scene::{Scene, kernel_at};
use crate::support::*;
use kbuild_tests::random::Random;

/// A source and a header. Each compiles even if only half of it is there.
fn texts(version: u64) -> [(&'static str, String); 2] {
    let line =
        |half: &str| format!("static const char v_{half}[] __used = \"v {half} {version}\";\n");
    [
        (
            "hello.c",
            format!("#include \"v.h\"\n{HELLO}{}", line("source")),
        ),
        (
            "v.h",
            format!(
                "#include <linux/types.h>\n{}#define WHOLE {version}\n",
                line("header")
            ),
        ),
    ]
}

fn scene() -> Scene {
    let scene = Scene::tree(&kernel_at(0), &[("Kbuild", "obj-m := hello.o\n")]);
    for (name, text) in texts(0) {
        scene.write(name, &text);
    }
    scene
}

/// Saves like editors that keep the inode: the file is incomplete for a while.
fn save(path: &Path, text: &str, random: &mut Random) {
    let mut file = File::create(path).unwrap();
    let middle = random.below(text.len() as u64) as usize;
    for half in [&text[..middle], &text[middle..]] {
        std::thread::sleep(Duration::from_millis(random.below(60)));
        file.write_all(half.as_bytes()).unwrap();
    }
}

#[test]
fn builders_beside_an_editor_settle_on_the_last_saved_state() {
    let scene = scene();
    let mut random = Random::new();
    let seed = random.seed;
    let (builders, saves) = match scope::is_full() {
        true => (16, 200),
        false => (4, 12),
    };
    let other = tempfile::tempdir().unwrap();
    let outs = [scene.out.path(), other.path()];
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for number in 0..builders {
            let (done, scene, out) = (&done, &scene, outs[number % 2]);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let output = run::run(&mut scene.command_to(out), LIMIT).unwrap();
                    let (code, said) = (output.status.code(), output.err());
                    // An incomplete source may fail to compile.
                    assert!(code == Some(0) || code == Some(1), "seed {seed}\n{said}");
                    assert!(!said.contains("panicked"), "seed {seed}\n{said}");
                }
            });
        }
        for version in 1..=saves {
            for (name, text) in texts(version) {
                save(&scene.path(name), &text, &mut random);
            }
            std::thread::sleep(Duration::from_millis(100 + random.below(300)));
        }
        done.store(true, Ordering::Relaxed);
    });
    let clean = scene.clean_build();
    for out in outs {
        let output = built(&mut scene.command_to(out));
        let what = format!("seed {seed}\n{}", output.err());
        assert_same_modules(&modules(out), &clean, &what);
        let again = built(&mut scene.command_to(out));
        assert!(!started_make(&again), "seed {seed}\n{}", again.err());
    }
}

/// The second half of a file is written after staging and before the end of the build. That build
/// has compiled the first half, and must not count as a build of the whole file.
#[test]
fn a_build_that_read_half_a_file_is_followed_by_one_that_notices() {
    let mut scene = scene();
    let [(_, source), (_, header)] = texts(1);
    let state = tempfile::tempdir().unwrap();
    let halves = [("hello.c", source), ("v.h", header)].map(|(name, text)| {
        let middle = text.trim_end().rfind('\n').unwrap() + 1;
        scene.write(name, &text[..middle]);
        fs::write(state.path().join(name), &text[middle..]).unwrap();
        (name, text)
    });
    let rest = state.path().display();
    let finish = format!(
        "for f in hello.c v.h; do [ ! -e {rest}/$f ] || cat {rest}/$f >> {}/$f; \
         rm -f {rest}/$f; done",
        scene.source.path().display()
    );
    scene.args.extend(["--prepare".to_owned(), finish]);
    let first = scene.build();
    assert!(started_make(&first));
    for (name, text) in halves {
        assert_eq!(fs::read_to_string(scene.path(name)).unwrap(), text);
    }
    let second = scene.build();
    assert!(started_make(&second), "{}", second.err());
    let module = &modules(scene.out.path())["hello.ko"];
    assert!(trap::holds(module, b"v source 1"));
    scene.is_as_clean("after the second half");
    scene.is_fresh("nothing was saved since");
}
