//! The files that a build leaves behind, and how `clean` and `--dry-run` handle them.

use std::fs;
use std::process::Command;

use kbuild_tests::run;
use kbuild_tests::snapshot::Snapshot;

use crate::scene::*;
use crate::support::*;

fn names(dir: &std::path::Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn clean(scene: &Scene, arguments: &[&str]) -> run::Output {
    let mut command = Command::new(program());
    command
        .arg("clean")
        .args(arguments)
        .current_dir(scene.source.path());
    built(&mut command)
}

#[test]
fn clean_removes_what_was_made_and_nothing_else() {
    let scene = Scene::tree(
        &kernel_at(0),
        &[
            ("a.c", HELLO),
            ("b.c", HELLO),
            ("Kbuild", "obj-m := a.o b.o\n"),
        ],
    );
    let other = folder(&[("c.c", HELLO), ("Kbuild", "obj-m := c.o\n")]);
    scene.build();
    let first = modules(scene.out.path());
    built(build(&scene.kernel, scene.out.path()).arg(other.path()));
    write(
        scene.out.path(),
        &[("foreign.txt", "mine"), ("dir/foreign.o", "mine")],
    );
    let before = Snapshot::take(scene.source.path()).unwrap();
    let out = scene.out.path().to_str().unwrap();

    clean(&scene, &[other.path().to_str().unwrap(), "-o", out]);
    let left = names(scene.out.path());
    assert!(
        left.contains(&"a.ko".into()) && !left.contains(&"c.ko".into()),
        "{left:?}"
    );
    scene.is_fresh("after the other's clean");

    // A user's own file replaces a product.
    fs::write(scene.out.path().join("b.ko"), "mine").unwrap();
    let said = clean(&scene, &["-v", "-o", out]);
    assert_eq!(
        names(scene.out.path()),
        ["b.ko", "dir", "foreign.txt"],
        "{}",
        said.out()
    );
    assert!(said.out().contains("a.ko") && !said.out().contains("b.ko"));
    assert_eq!(
        fs::read_to_string(scene.out.path().join("b.ko")).unwrap(),
        "mine"
    );
    assert_untouched(&before, scene.source.path());
    // An empty folder, and a missing one.
    clean(&scene, &["-o", out]);
    clean(&scene, &["-o", "/nonexistent/out"]);
    scene.build();
    assert_same_modules(&modules(scene.out.path()), &first, "after clean");
}

#[test]
fn a_dry_run_writes_nothing_and_prints_what_sh_accepts() {
    let mut scene = Scene::with(
        &kernel_at(0),
        &[("dry run.d/a.c", HELLO), ("inc/x.h", "")],
        &[
            "--name",
            "dry",
            "dry run.d/a.c",
            "-I",
            "inc",
            "-D",
            "TEXT=\"it's $(x) `y`\"",
        ],
    );
    scene
        .args
        .extend(["--make-var", "ODD=it's $(touch PWNED) \"#;"].map(String::from));
    scene
        .args
        .extend(["--env", "ALSO=a b'c\\$d"].map(String::from));
    let missing = scene.out.path().join("not/made");
    let state = |scene: &Scene| {
        [scene.source.path(), scene.out.path()].map(|p| Snapshot::take_with_content(p).unwrap())
    };
    let before = state(&scene);
    let mut dry = scene.command_to(&missing);
    let printed = built(dry.arg("--dry-run")).out();
    for (before, now) in before.iter().zip(state(&scene)) {
        assert_eq!(before.differences(&now), Vec::<String>::new());
    }
    assert!(
        printed.contains("make") && printed.contains("M="),
        "{printed}"
    );
    assert!(
        printed.contains(&scene.kernel.kdir.display().to_string()),
        "{printed}"
    );

    // After a build, the same command builds.
    scene.build();
    let mut dry = scene.command();
    let printed = built(dry.arg("--dry-run")).out();
    assert!(!printed.contains("b'c"), "a value is shown: {printed}");
    let object = scene.stage().join("a.c");
    assert!(!object.exists());
    let mut sh = Command::new("sh");
    sh.args(["-ec", &printed]).current_dir("/");
    sh.env("ALSO", "a b'c$d");
    let output = run::checked(&mut sh, LIMIT).unwrap();
    assert!(!output.err().contains("not found"), "{}", output.err());
    // All products exist, and the same flags were given.
    assert!(!output.out().contains("CC [M]"), "{}", output.out());
    assert!(!scene.path("PWNED").exists());
    scene.build();
    scene.is_fresh("after the printed command");
}

#[test]
fn only_products_and_the_private_folder_lie_in_the_output_directory() {
    let scene = Scene::tree(
        &kernel_at(0),
        &[("a.c", HELLO), ("Kbuild", "obj-m := a.o\n")],
    );
    scene.build();
    let label = scene
        .source
        .path()
        .file_name()
        .unwrap()
        .to_string_lossy()
        .into_owned();
    let mut expected = vec![
        ".kbuild".to_owned(),
        format!("{label}.symvers"),
        "a.ko".to_owned(),
        "compile_commands.json".to_owned(),
    ];
    expected.sort();
    assert_eq!(names(scene.out.path()), expected);
    // A build that fails leaves the existing files.
    let before = modules(scene.out.path());
    scene.edit("a.c", "return 0", "return oops");
    refused(&mut scene.command(), 1);
    assert_eq!(modules(scene.out.path()), before);
    assert_eq!(names(scene.out.path()), expected);
}
