//! `--target`: kbuild's targets in a module folder besides its modules, and `clean`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::plain;
use kbuild_tests::run;
use kbuild_tests::scope;
use kbuild_tests::snapshot::Snapshot;
use serde_json::Value;

use crate::scene::*;
use crate::support::kernel_tree::link_kernel;
use crate::support::*;

const TREE: &[(&str, &str)] = &[
    ("Kbuild", "obj-m := a.o sub/\n"),
    ("a.c", HELLO),
    ("sub/Kbuild", "obj-m := b.o\n"),
    ("sub/b.c", HELLO),
];

type Modules = BTreeMap<String, Vec<u8>>;

/// A `--target` flag for each name.
fn targets(names: &[&str]) -> Vec<String> {
    let flags = names.iter().flat_map(|name| ["--target", name]);
    flags.map(str::to_owned).collect()
}

#[test]
fn single_files_are_those_of_plain_make_with_the_paths_of_the_sources() {
    const FILES: &[&str] = &[
        "a.o",
        "a.i",
        "a.s",
        "sub/b.o",
        "sub/b.i",
        "a.lst",
        "sub/b.lst",
    ];
    let mut kernels = vec![kernel_at(0)];
    // Since 6.13, make works in the module folder.
    match lab::why_not("7.3") {
        None => kernels.push(lab::kernel("7.3").unwrap()),
        Some(why) => println!("not run: 7.3: {why}"),
    }
    let files = if scope::is_full() {
        FILES
    } else {
        &["a.o", "a.s", "sub/b.i", "sub/b.lst"]
    };
    for kernel in kernels {
        let mut scene = Scene::tree(&kernel, TREE);
        let whole = scene.args.clone();
        let before = Snapshot::take(scene.source.path()).unwrap();
        let tree = Snapshot::take(&kernel.kdir).unwrap();
        scene.args.extend(targets(files));
        let output = scene.build();
        assert_untouched(&before, scene.source.path());
        assert_untouched(&tree, &kernel.kdir);
        let paths: Vec<_> = files.iter().map(|f| scene.out.path().join(f)).collect();
        let told: Vec<_> = output.out().lines().map(PathBuf::from).collect();
        assert_eq!(told, paths, "{}", output.err());
        let built = format!("built {} targets", files.len());
        assert!(output.err().contains(&built), "{}", output.err());

        let source = fs::canonicalize(scene.source.path()).unwrap();
        let (plain, plain_modules) = plain_files(&kernel, &source, files);
        for ((file, path), plain) in files.iter().zip(&paths).zip(plain) {
            let same = comparable(file, fs::read(path).unwrap()) == comparable(file, plain);
            assert!(same, "{file} differs on {}", kernel.release);
        }
        // The object of a listing must not become part of a module.
        if !scope::is_full() && !lists_in_place(&kernel) {
            continue;
        }
        scene.args = whole;
        scene.build();
        assert_same_modules(&modules(scene.out.path()), &plain_modules, &kernel.release);
    }
}

/// Whether plain make replaces the module's own object by that of a listing, as it does since 6.13.
fn lists_in_place(kernel: &LabKernel) -> bool {
    kernel.name == "7.3"
}

/// Plain make's output for each of these files, built in a copy of `source`. Listings come last,
/// because make leaves their objects in its working directory, which is here or in a tree of links.
/// Also returns the modules, which are built before the listings if these do harm.
fn plain_files(kernel: &LabKernel, source: &Path, files: &[&str]) -> (Vec<Vec<u8>>, Modules) {
    let scratch = tempfile::tempdir().unwrap();
    let copied = scratch.path().join("copy");
    copy(source, &copied);
    let tree = if lists_in_place(kernel) {
        kernel.clone()
    } else {
        link_kernel(kernel, &scratch.path().join("kernel"), &[])
    };
    let (from, to) = (copied.to_str().unwrap(), source.to_str().unwrap());
    let mapped = |bytes: Vec<u8>| match String::from_utf8(bytes) {
        Ok(text) => text.replace(from, to).into_bytes(),
        Err(error) => error.into_bytes(),
    };
    let run = |kernel: &LabKernel, goals: &[&str]| {
        let mut make = plain::make(kernel, &copied, &copied, source);
        run::checked(make.args(goals), LIMIT).unwrap();
    };
    let make = |kernel: &LabKernel, files: &[&str]| -> Vec<Vec<u8>> {
        run(kernel, files);
        let read = |file| mapped(fs::read(copied.join(file)).unwrap());
        files.iter().map(read).collect()
    };
    let listings = files.iter().position(|f| f.ends_with(".lst")).unwrap();
    let (others, listings) = files.split_at(listings);
    let others = make(kernel, others);
    if scope::is_full() || lists_in_place(kernel) {
        run(kernel, &["modules"]);
    }
    let modules = modules(&copied);
    ([others, make(&tree, listings)].concat(), modules)
}

/// A listing without the line that names its object.
fn comparable(file: &str, bytes: Vec<u8>) -> Vec<u8> {
    if !file.ends_with(".lst") {
        return bytes;
    }
    let text = String::from_utf8(bytes).unwrap();
    let (_, rest) = text.split_once(":     file format ").unwrap();
    assert!(
        rest.contains("pr_info"),
        "no sources in the listing: {rest}"
    );
    rest.as_bytes().to_vec()
}

#[test]
fn a_folder_is_compiled_a_module_of_it_is_linked_and_the_rest_follows_from_there() {
    let mut scene = Scene::tree(&kernel_at(0), TREE);
    let whole = scene.args.clone();
    let out = scene.out.path().to_owned();
    scene.args.extend(targets(&["sub/"]));
    let output = scene.build();
    assert_eq!(compiled(&output), ["b.o"]);
    assert_eq!(output.out(), "", "a folder is no file");
    assert!(output.err().contains("made sub/ for"), "{}", output.err());

    scene.args = [whole.clone(), targets(&["sub/b.ko"])].concat();
    let output = scene.build();
    assert_eq!(
        output.out(),
        format!("{}\n", out.join("sub/b.ko").display())
    );
    assert!(compiled(&output).is_empty(), "{}", output.err());

    // The modules and another target at once, with the program.
    scene.args = [whole.clone(), targets(&["modules", "sub/b.lst"])].concat();
    scene.args.push("--message-format=json".into());
    let output = scene.build();
    let events: Vec<Value> = output
        .out()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told = |reason: &str| -> Vec<String> {
        let of = events.iter().filter(|event| event["reason"] == reason);
        of.map(|event| event["path"].as_str().unwrap().to_owned())
            .collect()
    };
    let path = |name: &str| out.join(name).to_str().unwrap().to_owned();
    assert_eq!(told("module-artifact"), [path("a.ko"), path("b.ko")]);
    assert_eq!(told("target-artifact"), [path("sub/b.lst")]);

    // These targets mean the same, so nothing is left to do.
    for target in ["modules", "./"] {
        scene.args = [whole.clone(), targets(&[target])].concat();
        scene.is_fresh(target);
    }
    scene.args = whole;
    if scope::is_full() {
        scene.builds_as_clean("after its parts");
    }
    let mut clean = Command::new(program());
    built(clean.args(["clean", "-o"]).arg(&out));
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
}

#[test]
fn the_files_of_a_declared_module_are_named_as_they_are_staged() {
    let scene = Scene::with(
        &kernel_at(0),
        &[("a/hello.c", HELLO)],
        &["--name", "hello", "a/hello.c", "--target", "src/a/hello.i"],
    );
    let told = scene.build().out();
    let made = scene.out.path().join("src/a/hello.i");
    assert_eq!(told, format!("{}\n", made.display()));
    let text = fs::read_to_string(made).unwrap();
    assert!(text.contains(scene.path("a/hello.c").to_str().unwrap()));
    assert!(!text.contains("/stage/"));
}

#[test]
fn goals_that_write_elsewhere_are_refused_and_those_that_make_no_file_are_run() {
    let mut scene = Scene::tree(&kernel_at(0), TREE);
    let whole = scene.args.clone();
    for (goal, advice) in [
        ("modules_install", "depmod"),
        ("compile_commands.json", "beside its products"),
        ("sub", "end it with a slash"),
        ("bzImage", "foo.lst"),
        ("include/generated/utsrelease.h", "foo.lst"),
    ] {
        scene.args = [whole.clone(), targets(&[goal])].concat();
        let said = refused(&mut scene.command(), 2);
        assert!(said.contains(goal) && said.contains(advice), "{said}");
    }
    scene.args = [whole.clone(), targets(&["help"])].concat();
    assert!(scene.build().err().contains("modules_install"));
    scene.args = [whole.clone(), targets(&["a.o"])].concat();
    scene.build();
    scene.args = [whole.clone(), targets(&["clean"])].concat();
    let output = scene.build();
    assert_eq!(output.out(), "");
    assert!(output.err().contains("made clean for"), "{}", output.err());
    assert!(!scene.stage().join("a.o").exists());
    scene.args = whole;
    assert_eq!(compiled(&scene.build()), ["a.o", "b.o"]);
}

#[test]
fn a_module_folder_that_shares_its_stage_is_cleaned_alone() {
    let mut scene = Scene::with(
        &kernel_at(0),
        &[
            ("one/one.c", HELLO),
            ("one/Kbuild", "obj-m := one.o\n"),
            ("two/two.c", HELLO),
            ("two/Kbuild", "obj-m := two.o\n"),
        ],
        &["one", "--tree-root", ".."],
    );
    scene.build();
    scene.args[0] = "two".into();
    scene.build();
    let out = scene.out.path().to_owned();
    let clean = |folder: &Path| {
        let mut command = Command::new(program());
        command.args(["clean", "-o"]).arg(&out).arg(folder);
        built(&mut command)
    };
    clean(&scene.path("two"));
    let left = || modules(&out).into_keys().collect::<Vec<_>>();
    assert_eq!(left(), ["one.ko"]);
    assert!(!out.join("two.symvers").exists());
    scene.args[0] = "one".into();
    scene.is_fresh("the other folder");
    scene.args[0] = "two".into();
    assert_eq!(compiled(&scene.build()), ["two.o"]);
    assert_eq!(left(), ["one.ko", "two.ko"]);
    // The root means everything.
    clean(scene.source.path());
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
}
