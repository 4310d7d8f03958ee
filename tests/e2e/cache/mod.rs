//! The cache of finished modules: a build takes the products of an earlier one.

mod builders;
mod damage;
mod differences;
mod outside;
mod places;
mod stand;
mod trees;
mod verbs;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kbuild_tests::lab::LabKernel;
use kbuild_tests::run::Output;
use kbuild_tests::scope;
use tempfile::TempDir;

use crate::scene::{Scene, kernel_at, make_old};
use crate::support::*;

const KBUILD: &str = "obj-m := hello.o\n";

/// A cache, and the user's cache folder, for the builds of one test.
struct Caches {
    modules: TempDir,
    user: TempDir,
}

impl Caches {
    fn new() -> Caches {
        Caches {
            modules: folder(&[]),
            user: folder(&[]),
        }
    }

    /// A module tree that is built with these.
    fn tree(&self, kernel: &LabKernel, files: &[(&str, &str)]) -> Scene {
        let mut scene = Scene::tree(kernel, files);
        self.give(&mut scene);
        scene
    }

    fn give(&self, scene: &mut Scene) {
        for (name, dir) in [
            ("KBUILD_RS_CACHE", &self.modules),
            ("XDG_CACHE_HOME", &self.user),
        ] {
            let dir = dir.path().to_str().unwrap().to_owned();
            scene.env.insert(name.to_owned(), dir);
        }
    }

    fn hello(&self, kernel: &LabKernel) -> Scene {
        self.tree(kernel, &[("hello.c", HELLO), ("Kbuild", KBUILD)])
    }

    /// The stored builds.
    fn entries(&self) -> Vec<std::path::PathBuf> {
        entries(self.modules.path())
    }
}

/// The stored builds of a cache.
fn entries(cache: &Path) -> Vec<std::path::PathBuf> {
    let below = |dir: &Path| {
        let entries = fs::read_dir(dir).into_iter().flatten();
        entries
            .map(|entry| entry.unwrap().path())
            .collect::<Vec<_>>()
    };
    let folders = below(&cache.join("entries"));
    folders.iter().flat_map(|folder| below(folder)).collect()
}

/// Whether the products came from the cache.
fn is_cached(output: &Output) -> bool {
    output.err().lines().any(|line| line.starts_with("cached "))
}

/// Builds into a new folder. Returns its files, and whether they came from the cache.
fn in_new_folder(scene: &Scene, args: &[&str]) -> (BTreeMap<String, (u32, Vec<u8>)>, bool) {
    let out = folder(&[]);
    let said = built(scene.command_to(out.path()).args(args));
    (files(out.path()), is_cached(&said))
}

/// The modes and bytes of the published files. A path of the output directory itself in them is
/// replaced.
fn files(out: &Path) -> BTreeMap<String, (u32, Vec<u8>)> {
    let mut files = BTreeMap::new();
    let mut folders = vec![out.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with(".kbuild") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            let mut bytes = fs::read(&path).unwrap();
            if path.extension().is_some_and(|e| e == "json") {
                let text = String::from_utf8(bytes).unwrap();
                bytes = text.replace(out.to_str().unwrap(), "OUT").into_bytes();
            }
            let name = path.strip_prefix(out).unwrap().display().to_string();
            files.insert(name, (mode, bytes));
        }
    }
    files
}

#[test]
fn another_output_directory_gets_the_bytes_of_plain_make_without_a_make() {
    for kernel in scope::kernels(0).unwrap() {
        let caches = Caches::new();
        let scene = caches.hello(&kernel);
        // The words of a license are no program.
        scene.write(
            "COPYING",
            "stating that you changed the files and the\n date of any change.\n",
        );
        let said = scene.build();
        assert!(!is_cached(&said), "{}", said.err());
        let built = files(scene.out.path());
        assert_eq!(caches.entries().len(), 1, "{}", said.err());
        // Another time, other jobs, other abilities of the terminal.
        make_old(&scene.path("hello.c"));
        let (taken, cached) = in_new_folder(&scene, &["-j1", "--env", "TERM=dumb"]);
        assert!(
            cached && taken == built,
            "{}: {:?}",
            kernel.release,
            taken.keys()
        );
        let source = scene.source.path();
        let plain = plain_modules(&kernel, source, "", source, &[PAHOLE]);
        let ours: BTreeMap<_, _> = taken
            .into_iter()
            .filter(|(name, _)| name.ends_with(".ko"))
            .map(|(name, (_, bytes))| (name, bytes))
            .collect();
        assert_same_modules(&ours, &plain, "from the cache");
    }
}

#[test]
fn after_a_hit_nothing_is_to_do_and_an_edit_builds_everything() {
    let caches = Caches::new();
    let files = [
        ("Kbuild", "obj-m := pair.o\npair-y := one.o two.o\n"),
        ("one.c", HELLO),
        ("two.c", "int two(void);\nint two(void) { return 2; }\n"),
    ];
    let scene = caches.tree(&kernel_at(1), &files);
    scene.build();
    let first = self::files(scene.out.path());
    scene.edit("two.c", "return 2", "return 3");
    scene.build();
    let second = self::files(scene.out.path());
    assert_ne!(first, second);
    // The edit is undone: the stage still has the objects of the edit.
    scene.edit("two.c", "return 3", "return 2");
    let said = scene.build();
    assert!(is_cached(&said), "{}", said.err());
    assert_eq!(self::files(scene.out.path()), first);
    scene.is_fresh("after a hit");
    scene.edit("one.c", "bye", "so long");
    let said = scene.build();
    assert!(!is_cached(&said));
    let compiled = crate::scene::compiled(&said);
    assert_eq!(compiled, ["one.o", "two.o"], "{}", said.err());
    let (without, cached) = in_new_folder(&scene, &["--no-cache"]);
    assert!(!cached);
    assert_eq!(self::files(scene.out.path()), without);
}

#[test]
fn a_hit_repeats_the_warnings_of_the_compiler_and_other_products_keep_their_modes() {
    let caches = Caches::new();
    let kbuild = "obj-m := hello.o\nalways-y += tool fw.txt\n$(obj)/tool: $(src)/tool.in\n\t\
                  cp $< $@; chmod 755 $@\n$(obj)/fw.txt:\n\techo $(abspath $(src)) > $@\n";
    let source = HELLO.replace("return 0", "int unused; return 0");
    let files = [
        ("Kbuild", kbuild),
        ("hello.c", &source),
        ("tool.in", "#!/bin/sh\n"),
    ];
    let mut scene = caches.tree(&kernel_at(2), &files);
    let args = [
        "--product",
        "tool",
        "--product",
        "fw.txt",
        "--cflag",
        "-Wunused-variable",
    ];
    scene.args.extend(args.map(str::to_owned));
    let said = scene.build();
    let warning = |output: &Output| {
        let said = output.err();
        let mut lines = said.lines().filter(|line| line.contains("unused variable"));
        lines.next().map(str::to_owned)
    };
    assert!(warning(&said).is_some(), "{}", said.err());
    let out = folder(&[]);
    let again = built(&mut scene.command_to(out.path()));
    assert!(is_cached(&again), "{}", again.err());
    assert_eq!(warning(&again), warning(&said));
    assert_eq!(self::files(out.path()), self::files(scene.out.path()));
    assert_eq!(self::files(out.path())["tool"].0 & 0o777, 0o755);
    // Without the product, this is another build.
    let (_, cached) = in_new_folder(&caches.hello(&kernel_at(2)), &[]);
    assert!(!cached);
}

#[test]
fn a_hit_says_so_as_text_and_as_data() {
    let caches = Caches::new();
    let scene = caches.hello(&kernel_at(3));
    let of = |args: &[&str]| {
        let out = folder(&[]);
        let output = built(scene.command_to(out.path()).args(args));
        (output.out(), output.err())
    };
    let json = ["--message-format", "json"];
    let artifact = |out: &str| {
        let line = out.lines().find(|line| line.contains("module-artifact"));
        serde_json::from_str::<serde_json::Value>(line.unwrap()).unwrap()
    };
    let (out, _) = of(&json);
    assert_eq!(artifact(&out)["cached"], false);
    let (out, _) = of(&json);
    assert_eq!(artifact(&out)["cached"], true);
    assert_eq!(artifact(&out)["fresh"], false);
    let (_, said) = of(&[]);
    assert!(said.contains("cached hello for "), "{said}");
}
