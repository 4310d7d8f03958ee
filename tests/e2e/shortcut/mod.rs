//! kbuild's first phase is recorded: the next build starts kbuild's makes directly.

mod makes;
mod noticed;
mod random;
mod recording;

use std::fs;
use std::path::{Path, PathBuf};

use kbuild_tests::lab::LabKernel;
use tempfile::TempDir;

use crate::scene::{Scene, kernel_at, newest_kernel, oldest_and_newest};
use crate::support::*;

const KBUILD: &str = "obj-m := hello.o\nccflags-y := -DLEVEL=1\n";

/// A user's cache folder for the builds of one test.
struct Cache(TempDir);

impl Cache {
    fn new() -> Cache {
        Cache(folder(&[]))
    }

    /// A module tree that is built with this cache.
    fn tree(&self, kernel: &LabKernel, files: &[(&str, &str)]) -> Scene {
        let mut scene = Scene::tree(kernel, files);
        let path = self.0.path().to_str().unwrap().to_owned();
        scene.env.insert("XDG_CACHE_HOME".to_owned(), path);
        scene
    }

    fn hello(&self, kernel: &LabKernel) -> Scene {
        self.tree(kernel, &[("hello.c", HELLO), ("Kbuild", KBUILD)])
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("kbuild-rs/shortcut")
    }

    /// The recordings.
    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder()).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

/// Whether the last build into `out` started kbuild's makes directly. It then knew the makefiles
/// before make wrote any.
fn was_direct(out: &Path) -> bool {
    let below = |dir: PathBuf| {
        let entries = fs::read_dir(dir).unwrap();
        entries.map(|entry| entry.unwrap().path())
    };
    let stages = below(out.join(".kbuild")).filter(|path| path.join("folders").is_dir());
    let folders = stages.flat_map(|stage| below(stage.join("folders")));
    let traces: Vec<_> = folders
        .map(|folder| fs::read_to_string(folder.join("trace")).unwrap())
        .collect();
    assert!(!traces.is_empty());
    traces.iter().any(|trace| trace.starts_with("M / /"))
}

/// Edits the module and builds it. Returns whether kbuild's makes were started directly.
fn edited(scene: &Scene, number: usize) -> bool {
    scene.write("hello.c", &format!("{HELLO}\nint edit_{number};\n"));
    scene.build();
    was_direct(scene.out.path())
}

/// Compares the products with those of plain make.
fn is_as_plain(scene: &Scene, what: &str) {
    let source = scene.source.path();
    let plain = plain_modules(&scene.kernel, source, "", source, &[PAHOLE]);
    assert_same_modules(&modules(scene.out.path()), &plain, what);
}

#[test]
fn another_module_and_an_edit_start_kbuilds_makes_directly_with_the_bytes_of_plain_make() {
    for kernel in oldest_and_newest() {
        let cache = Cache::new();
        let first = cache.hello(&kernel);
        first.build();
        assert!(!was_direct(first.out.path()), "{}", kernel.release);
        is_as_plain(&first, "recorded");

        let files = [
            ("Kbuild", "obj-m := pair.o sub/\npair-y := one.o two.o\n"),
            ("one.c", HELLO),
            ("two.c", "int two(void);\nint two(void) { return 2; }\n"),
            ("sub/Kbuild", "obj-m := below.o\n"),
            ("sub/below.c", HELLO),
        ];
        let second = cache.tree(&kernel, &files);
        let said = second.build();
        assert!(was_direct(second.out.path()), "{}", said.err());
        is_as_plain(&second, "another module");
        second.edit("two.c", "return 2", "return 3");
        let said = second.build();
        assert!(was_direct(second.out.path()), "{}", said.err());
        assert_eq!(said.err().matches("  CC ").count(), 1, "{}", said.err());
        is_as_plain(&second, "after an edit");
        assert!(!started_make(&second.build()));
    }
}

#[test]
fn a_build_in_a_sandbox_starts_kbuilds_makes_directly_too() {
    let cache = Cache::new();
    let mut scene = cache.hello(&kernel_at(1));
    scene.args.push("--sandbox".to_owned());
    scene.build();
    assert!(edited(&scene, 1));
    is_as_plain(&scene, "in a sandbox");
}

#[test]
fn a_failing_module_says_the_same_on_both_ways() {
    for kernel in oldest_and_newest() {
        let cache = Cache::new();
        cache.hello(&kernel).build();
        let (ran, note) = log();
        let kbuild = format!("{KBUILD}{note}");
        for (file, text) in [
            ("hello.c", "int x = y;\n".to_owned()),
            ("Kbuild", format!("{kbuild}\n$(error no)\n")),
            (
                "hello.c",
                HELLO.replace("return 0", "extern int nosuch(void); return nosuch()"),
            ),
        ] {
            let scene = cache.hello(&kernel);
            scene.write("Kbuild", &kbuild);
            scene.write(file, &text);
            is_refused_on_both_ways(&scene, &ran);
        }
    }
}

#[test]
fn two_modules_of_one_name_say_what_make_says_and_run_no_rule_twice() {
    // 5.10 does not compare the names of modules.
    for kernel in [kernel_at(1), newest_kernel()] {
        let cache = Cache::new();
        cache.hello(&kernel).build();
        let (ran, note) = log();
        let kbuild = |text: &str| format!("{text}\n{note}");
        let files = [
            ("Kbuild", &*kbuild("obj-m := a/ b/ one.o")),
            ("a/Kbuild", &kbuild("obj-m := same.o one.o")),
            ("b/Kbuild", &kbuild("obj-m := same.o")),
            ("one.c", HELLO),
            ("a/one.c", HELLO),
            ("a/same.c", HELLO),
            ("b/same.c", HELLO),
        ];
        let scene = cache.tree(&kernel, &files);
        let said = is_refused_on_both_ways(&scene, &ran);
        assert!(said.contains("b/same.ko"), "{said}");
    }
}

/// A line of a makefile that writes into a file, and that file.
fn log() -> (TempDir, String) {
    let folder = folder(&[]);
    let file = folder.path().join("log");
    let line = format!("$(shell echo $(obj)$(src) >>{})\n", file.display());
    (folder, line)
}

/// Checks that both ways refuse the module with the same words, and run the same rules: those in the
/// log. Returns the words.
fn is_refused_on_both_ways(scene: &Scene, ran: &TempDir) -> String {
    let log = || {
        let file = ran.path().join("log");
        let text = fs::read_to_string(&file).unwrap();
        fs::remove_file(file).unwrap();
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let direct = refused(&mut scene.command(), 1);
    assert!(was_direct(scene.out.path()), "{direct}");
    let ran_direct = log();
    fs::remove_dir_all(scene.out.path().join(".kbuild")).unwrap();
    let whole = refused(scene.command().arg("--no-shortcut"), 1);
    assert!(!was_direct(scene.out.path()));
    // Compilers may run in any order.
    let parts = |said: &str| {
        let lines = said.lines().map(str::to_owned);
        let (mut steps, others): (Vec<_>, Vec<_>) = lines.partition(|l| l.starts_with("  CC "));
        steps.sort();
        (steps, others)
    };
    assert_eq!(parts(&direct), parts(&whole));
    assert_eq!(ran_direct, log(), "{direct}");
    direct
}

#[test]
fn the_shortcut_can_be_turned_off_and_says_why_it_is_not_taken() {
    let cache = Cache::new();
    let scene = cache.hello(&kernel_at(1));
    built(scene.command().env("KBUILD_RS_SHORTCUT", "0"));
    built(scene.command().arg("--no-shortcut").env("TZ", "UTC"));
    assert_eq!(cache.files(), Vec::<PathBuf>::new());
    let said = built(scene.command().args(["-vv"]).env("TZ", "CET"));
    let why = "no shortcut: nothing is recorded for this kernel";
    assert!(said.err().contains(why), "{}", said.err());
    scene.build();
    scene.write("hello.c", &format!("{HELLO}\nint edit;\n"));
    let said = built(scene.command().arg("-vv"));
    let why = "no shortcut: make shows its commands";
    assert!(said.err().contains(why), "{}", said.err());
    // make takes the last value.
    scene.write("hello.c", &format!("{HELLO}\nint other_edit;\n"));
    let said = built(
        scene
            .command()
            .args(["--make-var", "V=0", "--make-var", "V=2"]),
    );
    assert!(said.err().contains("no shortcut: "), "{}", said.err());
}
