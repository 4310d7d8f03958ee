//! Modules in Rust: their bytes are plain make's, edits compile the right files, messages are
//! right, and the modules work. The tests use the newest kernel with Rust, and one whose modules
//! have no folder of their own.

use std::fs;

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::snapshot::Snapshot;
use kbuild_tests::{run, scope};

use crate::scene::*;
use crate::support::project::{Project, root};
use crate::support::*;

/// A module of several files, which also calls C. `AUTHORS` stands for the part that differs.
pub(crate) const MAIN: &str = r#"//! Several files.
use kernel::prelude::*;

mod inner;
mod deep;

#[cfg(several_authors)]
module! {
    type: Mixed,
    name: "mixed",
    authors: ["nobody"],
    description: "Rust and C",
    license: "GPL",
}
#[cfg(not(several_authors))]
module! {
    type: Mixed,
    name: "mixed",
    author: "nobody",
    description: "Rust and C",
    license: "GPL",
}

extern "C" {
    fn helper_number() -> core::ffi::c_int;
}

struct Mixed;

impl kernel::Module for Mixed {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        // SAFETY: It takes nothing and changes nothing.
        let number = unsafe { helper_number() };
        pr_info!("{} {} {number} {}\n", inner::word(), deep::sum(), file!());
        Ok(Mixed)
    }
}

impl Drop for Mixed {
    fn drop(&mut self) {
        pr_info!("{}", include_str!("texts/bye.txt"));
    }
}
"#;

const FILES: &[(&str, &str)] = &[
    ("src/mixed_main.rs", MAIN),
    (
        "src/inner.rs",
        "pub(crate) fn word() -> &'static str { \"first\" }\n",
    ),
    (
        "src/deep/mod.rs",
        "mod below;\npub(crate) fn sum() -> u32 { below::one() + 1 }\n",
    ),
    (
        "src/deep/below.rs",
        "include!(\"table.in\");\n\
         pub(super) fn one() -> u32 { assert!(crate::inner::word().len() > TABLE.len()); 1 }\n",
    ),
    (
        "src/deep/table.in",
        "const TABLE: &[u8] = include_bytes!(\"table.bin\");\n",
    ),
    ("src/deep/table.bin", "12"),
    ("src/texts/bye.txt", "bye from mixed\n"),
    (
        "src/helper.c",
        "#include <linux/module.h>\n#include \"helper.h\"\n\
         int helper_number(void);\nint helper_number(void) { return HELPER; }\n",
    ),
    ("src/helper.h", "#define HELPER 40\n"),
    ("src/main.rs", "fn main() { no rustc ever reads this }\n"),
];

const KBUILD: &str = "obj-m := mixed.o\nmixed-y := src/mixed_main.o src/helper.o\n";

/// The lab's kernels with Rust.
#[allow(clippy::print_stdout, reason = "what did not run, and why")]
pub(crate) fn kernels() -> Vec<LabKernel> {
    let known = |name: &&str| match lab::why_not(name) {
        Some(why) => {
            println!("not run: {name}: {why}");
            None
        }
        None => Some(lab::kernel(name).unwrap()),
    };
    ["7.3", "6.12-rust"].iter().filter_map(known).collect()
}

/// Whether its `module!` takes a list of authors, as it does since 6.15.
pub(crate) fn takes_authors(kernel: &LabKernel) -> bool {
    kernel.name == "7.3"
}

/// The same as a declared module.
fn declared(kernel: &LabKernel) -> Scene {
    let args = ["--name", "mixed", "src/mixed_main.rs", "src/helper.c"];
    let mut scene = Scene::with(kernel, FILES, &args);
    if takes_authors(kernel) {
        scene
            .args
            .extend(["--cfg".into(), "several_authors".into()]);
    }
    scene
}

/// Plain make's modules, built in place in a copy, with these flags for rustc.
fn by_hand(
    scene: &Scene,
    kbuild: &str,
    flags: &str,
) -> std::collections::BTreeMap<String, Vec<u8>> {
    let authors = match takes_authors(&scene.kernel) {
        true => "--cfg several_authors",
        false => "",
    };
    let kbuild = format!("{kbuild}rustflags-y := {authors} {flags}\n");
    let copied = tempfile::tempdir().unwrap();
    let place = copied.path().join("copy");
    copy(scene.source.path(), &place);
    write(&place, &[("Kbuild", &kbuild)]);
    let mut make = kbuild_tests::plain::make(&scene.kernel, &place, &place, scene.source.path());
    run::checked(make.arg("modules"), LIMIT).unwrap();
    modules(&place)
}

#[test]
fn a_module_in_rust_and_c_has_plain_makes_bytes_follows_its_files_and_works() {
    for kernel in scope::one_of(0, &kernels()).to_vec() {
        let scene = declared(&kernel);
        let source = Snapshot::take(scene.source.path()).unwrap();
        let tree = Snapshot::take(&kernel.kdir).unwrap();
        let first = built(
            scene
                .command()
                .arg("--depfile")
                .arg(scene.out.path().join("d")),
        );
        assert_eq!(compiled(&first), ["helper.o", "mixed_main.o"]);
        assert_untouched(&source, scene.source.path());
        assert_untouched(&tree, &kernel.kdir);
        let ours = modules(scene.out.path());
        assert_same_modules(&ours, &by_hand(&scene, KBUILD, ""), &kernel.release);

        let depfile = fs::read_to_string(scene.out.path().join("d")).unwrap();
        for (name, text) in FILES {
            let told = depfile.contains(&format!("{}/{name}", scene.source.path().display()));
            assert_eq!(told, !text.starts_with("fn main"), "{name} in {depfile}");
        }
        assert!(depfile.contains("rust/libkernel.rmeta"), "{depfile}");

        scene.is_fresh("nothing changed");
        scene.edit("src/main.rs", "ever", "never");
        scene.is_fresh("a file of no crate");
        scene.all_recompile(&[("a header of the C source", &["helper.o"], &|| {
            scene.edit("src/helper.h", "40", "41");
        })]);
        scene.all_recompile(&[
            ("an inner module", &["mixed_main.o"], &|| {
                scene.edit("src/inner.rs", "first", "second");
                make_old(&scene.path("src/inner.rs"));
            }),
            ("a module of a module", &["mixed_main.o"], &|| {
                scene.edit("src/deep/below.rs", " 1 }", " 2 }");
            }),
            (
                "what an included source includes",
                &["mixed_main.o"],
                &|| {
                    scene.edit("src/deep/table.bin", "12", "3");
                },
            ),
            ("an included text", &["mixed_main.o"], &|| {
                scene.edit("src/texts/bye.txt", "bye", "so long");
            }),
        ]);
        scene.is_as_clean("after all of it");

        let guest = kernel.guest().unwrap();
        let guest = guest
            .file("/mixed.ko", scene.out.path().join("mixed.ko"))
            .script("insmod /mixed.ko && grep -q '^mixed ' /proc/modules && rmmod mixed\n");
        let console = guest.run().unwrap();
        assert!(console.ok, "{console:?}");
        let file = match kernel.name {
            "7.3" => "src/mixed_main.rs".to_owned(),
            _ => scene.path("src/mixed_main.rs").display().to_string(),
        };
        for line in [
            &*format!("mixed: second 3 41 {file}\n"),
            "so long from mixed\n",
        ] {
            assert!(console.log.contains(line), "no {line}: {}", console.log);
        }
        assert!(!console.log.contains("WARNING"), "{}", console.log);
    }
}

/// Another crate of a tree, which checks its flags.
const ASKING: &str = "#[cfg(not(all(word = \"a b\", flagged)))]\n\
                      compile_error!(\"nobody says the word\");\n";

#[test]
fn a_tree_with_crates_of_its_own_has_plain_makes_bytes_and_each_crate_the_flags_that_are_named() {
    for kernel in scope::one_of(1, &kernels()).to_vec() {
        let mut files = FILES.to_vec();
        let kbuild = format!("{KBUILD}mixed-y += src/asking.o\n");
        files.extend([("Kbuild", &*kbuild), ("src/asking.rs", ASKING)]);
        let mut scene = Scene::tree(&kernel, &files);
        if takes_authors(&kernel) {
            scene
                .args
                .extend(["--cfg".into(), "several_authors".into()]);
        }
        let flags = ["--rustflag", "--cfg=flagged", "--cfg", "word=a b"];
        scene.args.extend(flags.map(str::to_owned));
        scene.build();
        assert_same_modules(
            &modules(scene.out.path()),
            &by_hand(&scene, &kbuild, "--cfg 'word=\"a b\"' --cfg=flagged"),
            &kernel.release,
        );
        scene.edit("src/inner.rs", "first", "third");
        scene.compiles(&["mixed_main.o"], "an inner module");
        scene.is_fresh("nothing changed");
        write(scene.source.path(), &[("src/inner/mod.rs", "")]);
        let said = refused(&mut scene.command(), 1);
        assert!(said.contains("E0761"), "found at two places: {said}");
        fs::remove_file(scene.path("src/inner/mod.rs")).unwrap();
        scene.compiles(&["mixed_main.o"], "one place again");

        *scene.args.last_mut().unwrap() = "word=c".into();
        let said = refused(&mut scene.command(), 1);
        assert!(said.contains("nobody says the word"), "{said}");
    }
}

#[test]
fn rustcs_messages_name_the_sources() {
    for kernel in scope::one_of(0, &kernels()).to_vec() {
        let scene = declared(&kernel);
        scene.edit("src/deep/below.rs", "u32", "u16");
        let said = refused(&mut scene.command(), 1);
        let path = scene.path("src/deep/mod.rs");
        let line = format!("--> {}:2:", path.display());
        let (_, end) = said.split_once("error: cannot build mixed").unwrap();
        for text in ["error[E0308]: mismatched types", &line] {
            assert!(said.contains(text), "no {text} in {said}");
            assert!(!end.contains(text), "{said}");
        }
        assert!(!said.contains(".kbuild/"), "{said}");

        fs::remove_file(scene.path("src/deep/below.rs")).unwrap();
        let said = refused(&mut scene.command(), 1);
        let file = format!(
            "create file \"{}\"",
            scene.path("src/deep/below.rs").display()
        );
        assert!(said.contains(&file), "no {file} in {said}");
    }
}

/// The examples' commands in a guest.
const EXAMPLES: &str = r#"
fail() { echo "FAILED: $*"; exit 1; }
/cargo-rust-module 30 || fail cargo-rust-module
grep -q '^primes ' /proc/modules && fail 'primes is still loaded'
[ ! -e /dev/primes ] || fail 'its device is still there'
/rust-with-c percent=0 || fail rust-with-c
/rust-with-c percent=101 && fail 'a percentage that cannot be is taken'
grep -q '^memory ' /proc/modules && fail 'memory is still loaded'
exit 0
"#;

#[test]
fn the_examples_in_rust_work_on_both_kernels_and_a_second_build_runs_no_script() {
    let names = ["cargo-rust-module", "rust-with-c"];
    let dirs = names.map(|name| root().join("examples").join(name));
    let before = dirs.each_ref().map(|dir| Snapshot::take(dir).unwrap());
    for kernel in kernels() {
        let mut guest = kernel.guest().unwrap();
        let mut examples = Vec::new();
        for (name, dir) in names.iter().zip(&dirs) {
            let example = Project::at(dir);
            let cargo = || {
                let mut cargo = example.cargo_for(&kernel);
                set_bindgen(&mut cargo, &kernel);
                cargo
            };
            example.built(cargo().arg("--locked"));
            let again = example.built(&mut cargo());
            assert!(again.ran.is_empty(), "nothing changed:\n{}", again.said);
            guest = guest.file(format!("/{name}"), example.program(name));
            examples.push(example);
        }
        let console = guest.script(EXAMPLES).run().unwrap();
        assert!(console.ok, "{console:?}");
        let said = match kernel.name {
            "7.3" => "up to 30: 2 3 5 7 11 13 17 19 23 29\n",
            _ => "there is no /dev/primes on this kernel",
        };
        for line in [said, "scarce is less than 0 %\n"] {
            assert!(console.text.contains(line), "no {line}: {console:?}");
        }
        for line in ["primes: 8 primes up to 20\n", " MiB free: plenty\n"] {
            assert!(console.log.contains(line), "no {line}: {console:?}");
        }
        assert!(!console.log.contains("WARNING"), "{}", console.log);
    }
    for (before, dir) in before.iter().zip(&dirs) {
        assert_untouched(before, dir);
    }
}

#[test]
fn an_inner_module_that_cargo_watches_only_rebuilds_the_module() {
    let Some(kernel) = kernels().into_iter().next() else {
        return;
    };
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("examples/cargo-rust-module");
    fs::create_dir_all(dir.parent().unwrap()).unwrap();
    copy(&root().join("examples/cargo-rust-module"), &dir);
    for (there, here) in [
        ("../../kbuild-rs", "kbuild-rs"),
        ("../load-module", "examples/load-module"),
    ] {
        let here = root().join(here).display().to_string();
        edit(&dir.join("Cargo.toml"), there, &here);
    }
    let example = Project::at(&dir);
    let first = example.built(&mut example.cargo_for(&kernel));
    let module = first.out_dir("cargo-rust-module").join("primes.ko");
    let bytes = fs::read(&module).unwrap();
    edit(&dir.join("module/sieve.rs"), "(2..=limit)", "(3..=limit)");
    let next = example.built(&mut example.cargo_for(&kernel));
    assert_eq!(next.scripts(), ["cargo-rust-module"]);
    assert_ne!(fs::read(&module).unwrap(), bytes);
    edit(&dir.join("src/main.rs"), "Loads", "It loads");
    let next = example.built(&mut example.cargo_for(&kernel));
    assert!(next.ran.is_empty(), "{}", next.said);

    // The same script for both kernels at once. Each kernel has its own cfgs.
    edit(
        &dir.join("build.rs"),
        ".compile(\"primes\")",
        ".compile_each(\"primes\")",
    );
    write(&dir, &[("src/main.rs", "fn main() {}\n")]);
    let mut cargo = example.cargo_for(&kernel);
    let list = std::env::join_paths(kernels().iter().map(|k| &k.kdir)).unwrap();
    let both = example.built(cargo.env("KDIR", list));
    for kernel in kernels() {
        let module = both.out_dir("cargo-rust-module").join(&kernel.release);
        assert!(module.join("primes.ko").exists(), "{}", both.said);
    }
}
