//! `rust-project.json`, as rust-analyzer reads it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::{run, scope};
use serde_json::Value;

use crate::rust::{kernels, takes_authors};
use crate::rust_checks::{RUSTY, hello};
use crate::support::project::root;
use crate::support::*;

/// A toolchain like a user's: it contains the compiler and the server for procedural macros. The
/// lab's own programs run through scripts.
fn toolchain(kernel: &LabKernel, at: &Path) -> PathBuf {
    let rustc = kernel.rustc.as_ref().unwrap();
    let own = rustc.ancestors().nth(2).unwrap().join("usr");
    let libraries = own.join("lib/x86_64-linux-gnu");
    let server = "libexec/rust-analyzer-proc-macro-srv";
    let libraries = libraries.display();
    for (name, text) in [
        ("bin/rustc", format!("exec '{}' \"$@\"", rustc.display())),
        (
            server,
            format!(
                "exec '{libraries}/ld-linux-x86-64.so.2' --library-path '{libraries}' '{}' \"$@\"",
                own.join(server).display()
            ),
        ),
    ] {
        let path = at.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::create_dir_all(at.join("lib")).unwrap();
    symlink(own.join("lib/rustlib"), at.join("lib/rustlib")).unwrap();
    symlink(own.join("src"), at.join("src")).unwrap();
    at.join("bin/rustc")
}

#[test]
fn clippy_looks_at_a_module_with_the_kernels_lints_and_is_asked_for_where_it_is_missing() {
    let Some(kernel) = kernels().into_iter().next() else {
        return;
    };
    let scratch = tempfile::tempdir().unwrap();
    let rustc = toolchain(&kernel, &scratch.path().join("toolchain"));
    let source = folder(&[(
        "linted.rs",
        "//! One that clippy has something to say of.\n\
         /// As the kernel does not want it.\n\
         pub unsafe fn read(from: *const u8) -> *const u32 { from as *const u32 }\n\
         use kernel::prelude::*;\n\
         module! { type: Linted, name: \"linted\", authors: [\"nobody\"], \
         description: \"-\", license: \"GPL\", }\n\
         struct Linted;\n\
         impl kernel::Module for Linted {\n\
         fn init(_module: &'static ThisModule) -> Result<Self> { Ok(Linted) }\n}\n",
    )]);
    let out = scratch.path().join("out");
    let command = |more: &[&str]| {
        let mut command = build(&kernel, &out);
        command
            .env("KBUILD_RS_RUSTC", &rustc)
            .current_dir(source.path());
        command.args(["--name", "linted", "linted.rs"]).args(more);
        command
    };
    let said = refused(&mut command(&["--clippy"]), 1);
    assert!(said.contains("rustup component add clippy"), "{said}");
    let driver = lab::program("rust-analyzer")
        .unwrap()
        .with_file_name("clippy-driver");
    symlink(driver, rustc.with_file_name("clippy-driver")).unwrap();
    let with = built(&mut command(&["--clippy"])).err();
    assert!(with.contains("CLIPPY [M]"), "{with}");
    // The kernel chooses both lints; neither is on by default.
    for lint in ["clippy::ptr_as_ptr", "clippy::missing_safety_doc"] {
        assert!(
            with.contains(lint) || with.contains(&lint.replace('_', "-")),
            "no {lint}: {with}"
        );
    }
    let without = built(&mut command(&[])).err();
    assert!(!without.contains("clippy::"), "{without}");
}

/// rust-analyzer's errors, without those about parts that this kernel's build leaves out.
fn problems(project: &Path) -> Vec<String> {
    let mut analyzer = Command::new(lab::program("rust-analyzer").unwrap());
    analyzer.arg("diagnostics").arg(project);
    let output = run::run(&mut analyzer, Duration::from_secs(300)).unwrap();
    let said = output.out();
    assert!(
        said.contains("diagnostic scan complete"),
        "{said}{}",
        output.err()
    );
    let lines = said
        .lines()
        .chain(std::str::from_utf8(&output.stderr).unwrap().lines());
    let problem = |line: &&str| {
        let level = ["Error Ra", "Error Rustc", "Error Syntax", "Warning R"];
        level.iter().any(|level| line.starts_with(level))
    };
    lines.filter(problem).map(str::to_owned).collect()
}

#[test]
fn a_missing_file_for_editors_is_written_even_if_there_is_nothing_to_build() {
    let Some(kernel) = kernels().into_iter().next() else {
        return;
    };
    let source = folder(&[
        ("hello.rs", RUSTY),
        (
            "more.c",
            "int more_number(void);\nint more_number(void) { return 1; }\n",
        ),
    ]);
    let out = tempfile::tempdir().unwrap();
    let fresh = || {
        let mut command = hello(&kernel, source.path(), out.path());
        command.arg("more.c");
        command.env("KBUILD_RS_RUSTC", kernel.rustc.as_ref().unwrap());
        !started_make(&built(&mut command))
    };
    assert!(!fresh());
    let files = ["rust-project.json", "compile_commands.json"].map(|file| out.path().join(file));
    let texts = files.each_ref().map(|file| fs::read(file).unwrap());
    let same = || {
        files
            .iter()
            .zip(&texts)
            .all(|(file, text)| fs::read(file).unwrap() == *text)
    };
    files.iter().for_each(|file| fs::remove_file(file).unwrap());
    assert!(fresh() && same(), "somebody removed them");

    // A build without the feature leaves this state.
    fs::remove_file(&files[0]).unwrap();
    let mut own = Vec::new();
    below(&out.path().join(".kbuild"), "rust_project", &mut own);
    assert_eq!(own.len(), 1, "{own:?}");
    fs::remove_file(&own[0]).unwrap();
    assert!(fresh() && same(), "nothing was written of the crates");
}

/// The files of this name below `dir`.
fn below(dir: &Path, name: &str, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => below(&entry.path(), name, files),
            false if entry.file_name() == name => files.push(entry.path()),
            false => {}
        }
    }
}

#[test]
fn the_file_for_editors_has_a_crate_that_does_not_compile_yet() {
    // The oldest one, because its compilers run in the kernel's folder and not in the module
    // folder.
    let Some(kernel) = kernels().into_iter().next_back() else {
        return;
    };
    let whole = match takes_authors(&kernel) {
        true => RUSTY.to_owned(),
        false => RUSTY.replace("authors: [\"nobody\"]", "author: \"nobody\""),
    };
    let whole = whole + "include!(concat!(env!(\"GENERATED\"), \"/table.rs\"));\n";
    let source = folder(&[("hello.rs", &(whole.clone() + "fn unfinished("))]);
    let scratch = folder(&[("generated/table.rs", "const _TABLE: u8 = 1;\n")]);
    let generated = scratch.path().join("generated").display().to_string();
    let out = scratch.path().join("out");
    let ide = || {
        let mut ide = Command::new(program());
        ide.args(["ide", "--into"]).arg(scratch.path());
        ide.arg("--kernel")
            .arg(&kernel.kdir)
            .arg("--out-dir")
            .arg(&out);
        ide.args([
            "--make-var",
            PAHOLE,
            "--name",
            "hello",
            "hello.rs",
            "--cfg",
            "mine",
        ]);
        ide.args(["--env", &format!("GENERATED={generated}")]);
        ide.env("KBUILD_RS_RUSTC", kernel.rustc.as_ref().unwrap());
        ide.current_dir(source.path());
        ide
    };
    let own = || {
        let text = fs::read_to_string(scratch.path().join("rust-project.json")).unwrap();
        let project: Value = serde_json::from_str(&text).unwrap();
        let crates = project["crates"].as_array().unwrap();
        let own = crates.last().unwrap();
        assert_eq!(own["is_workspace_member"], true, "{own}");
        let file = source.path().join("hello.rs").display().to_string();
        assert_eq!(own["root_module"], file);
        let cfgs = own["cfg"].as_array().unwrap();
        for cfg in ["MODULE", "CONFIG_MODULES", "mine"] {
            assert!(cfgs.iter().any(|set| set == cfg), "no {cfg} in {own}");
        }
        let needs = own["deps"].as_array().unwrap();
        assert!(needs.iter().any(|need| need["name"] == "kernel"), "{own}");
        assert_eq!(own["env"]["GENERATED"], *generated, "{own}");
        let folders = own["source"]["include_dirs"].as_array().unwrap();
        folders.iter().any(|folder| *folder == *generated)
    };
    refused(&mut ide(), 1);
    own();
    write(source.path(), &[("hello.rs", &whole)]);
    built(&mut ide());
    assert!(own(), "what is included from elsewhere is looked at");

    // A link that leads elsewhere belongs to the user. A link that leads to nothing may be
    // replaced.
    let link = scratch.path().join("rust-project.json");
    let relink = |to: &str| {
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(to, &link).unwrap();
    };
    relink("generated");
    let said = refused(&mut ide(), 2);
    assert!(
        said.contains("exists and was not created by kbuild-rs"),
        "{said}"
    );
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("generated"));
    relink("gone");
    built(&mut ide());
    own();
}

/// Both examples in Rust, built into one output directory.
fn build_both_examples(kernel: &LabKernel, rustc: &Path, out: &Path) {
    for (dir, args) in [
        (
            "cargo-rust-module",
            &["--name", "primes", "module/primes.rs"][..],
        ),
        (
            "rust-with-c",
            &[
                "--name",
                "memory",
                "module/memory.rs",
                "module/helper.c",
                "--bindings",
                "module/helper.h",
            ],
        ),
    ] {
        let mut command = build(kernel, out);
        set_bindgen(&mut command, kernel);
        command
            .env("KBUILD_RS_RUSTC", rustc)
            .current_dir(root().join("examples").join(dir))
            .args(args);
        if kernel.name == "7.3" {
            command.args(["--cfg", "several_authors", "--cfg", "devices"]);
        }
        built(&mut command);
    }
}

#[test]
fn rust_analyzer_resolves_every_name_of_the_examples() {
    // Each run of rust-analyzer takes about ten seconds.
    let count = if scope::is_full() { usize::MAX } else { 1 };
    for kernel in kernels().into_iter().take(count) {
        let scratch = tempfile::tempdir().unwrap();
        let rustc = toolchain(&kernel, &scratch.path().join("toolchain"));
        let examples = root().join("examples");
        let out = scratch.path().join("out");
        build_both_examples(&kernel, &rustc, &out);
        let mut ide = Command::new(program());
        ide.args(["ide", "--into"])
            .arg(scratch.path())
            .args(["--kernel"])
            .arg(&kernel.kdir);
        ide.arg("--out-dir")
            .arg(&out)
            .args(["--make-var", PAHOLE, "--name", "memory"]);
        ide.args([
            "module/memory.rs",
            "module/helper.c",
            "--bindings",
            "module/helper.h",
        ]);
        if kernel.name == "7.3" {
            ide.args(["--cfg", "several_authors", "--cfg", "devices"]);
        }
        set_bindgen(&mut ide, &kernel);
        ide.env("KBUILD_RS_RUSTC", &rustc)
            .current_dir(examples.join("rust-with-c"));
        assert!(!started_make(&built(&mut ide)), "the same build");
        let file = scratch.path().join("rust-project.json");
        assert_eq!(
            fs::canonicalize(&file).unwrap(),
            out.join("rust-project.json")
        );
        assert!(scratch.path().join("compile_commands.json").exists());
        let text = fs::read_to_string(&file).unwrap();
        let project: Value = serde_json::from_str(&text).unwrap();
        let own = project["crates"].as_array().unwrap().iter();
        let own = own.filter(|one| one["is_workspace_member"] == true);
        let roots: Vec<_> = own
            .map(|one| one["root_module"].as_str().unwrap())
            .collect();
        let expected = [
            "rust-with-c/module/memory.rs",
            "cargo-rust-module/module/primes.rs",
        ];
        let expected = expected.map(|root| examples.join(root).display().to_string());
        assert_eq!(roots, expected);
        assert_eq!(problems(&file), Vec::<String>::new(), "{}", kernel.release);

        if !scope::is_full() {
            continue;
        }
        // The same without one of the kernel's crates, so that rust-analyzer reports an error.
        let broken = scratch.path().join("broken/rust-project.json");
        fs::create_dir_all(broken.parent().unwrap()).unwrap();
        fs::write(
            &broken,
            text.replace("\"name\":\"kernel\"", "\"name\":\"other\""),
        )
        .unwrap();
        assert!(!problems(&broken).is_empty(), "{}", kernel.release);
    }
}
