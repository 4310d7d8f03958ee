//! The requirements of a module in Rust, and the errors if one is missing. They come before make
//! starts.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab::{self, LabKernel};
use tempfile::TempDir;

use crate::rust::kernels;
use crate::scene::program_in_front;
use crate::support::kernel_tree::link_kernel;
use crate::support::*;

/// Enough if nothing is compiled.
pub(crate) const HELLO_RS: &str = "//! A module.\n";

/// The version text of another rustc.
const OTHER: &str = "rustc 1.84.0 (9fc6b4312 2025-01-07)";

pub(crate) fn newest() -> Option<LabKernel> {
    kernels().into_iter().find(|kernel| kernel.name == "7.3")
}

/// A build of `hello.rs` without settings for a compiler.
pub(crate) fn hello(kernel: &LabKernel, source: &Path, out: &Path) -> Command {
    let mut command = build(kernel, out);
    command.args(["--name", "hello", "hello.rs"]);
    command.current_dir(source).env_remove("KBUILD_RS_RUSTC");
    // The toolchains of this machine are hidden.
    command.env("RUSTUP_HOME", out.join("no-rustup"));
    command
}

pub(crate) fn assert_says(text: &str, wanted: &[&str]) {
    for word in wanted {
        assert!(text.contains(word), "no `{word}` in\n{text}");
    }
}

/// Writes a program with this text.
fn script(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A rustc that prints this version.
fn rustc_that_says(path: &Path, version: &str) {
    script(path, &format!("#!/bin/sh\necho '{version}'\n"));
}

/// The version text of the kernel's own rustc.
pub(crate) fn own_version(kernel: &LabKernel) -> String {
    let config = fs::read_to_string(kernel.kdir.join("include/config/auto.conf")).unwrap();
    let line = |line: &str| {
        line.strip_prefix("CONFIG_RUSTC_VERSION_TEXT=")
            .map(str::to_owned)
    };
    config.lines().find_map(line).unwrap().replace('"', "")
}

#[test]
fn a_kernel_without_rust_is_named_and_nothing_is_written() {
    for name in ["5.10", "6.1"] {
        let Some(name) = lab::names().iter().find(|known| **known == name) else {
            continue;
        };
        let kernel = lab::kernel(name).unwrap();
        let (source, out) = (
            folder(&[("hello.rs", HELLO_RS)]),
            tempfile::tempdir().unwrap(),
        );
        let said = refused(&mut hello(&kernel, source.path(), out.path()), 1);
        let file = source.path().join("hello.rs");
        assert_says(
            &said,
            &[
                &format!("{} is written in Rust", file.display()),
                &kernel.release,
                "without CONFIG_RUST=y",
                "docs/rust-modules.md",
            ],
        );
        assert_eq!(
            said.contains("Rust came with 6.1"),
            *name == "5.10",
            "{said}"
        );
        assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
    }
}

#[test]
fn a_tree_that_only_has_rust_for_kernels_with_rust_builds_without_it() {
    let kernel = crate::scene::kernel_at(0);
    let kbuild = "obj-m := hello.o\nobj-$(CONFIG_RUST) += other.o\nifdef CONFIG_RUST\n\
                  obj-m += third.o\nendif\n";
    let source = folder(&[
        ("hello.c", HELLO),
        ("other.rs", HELLO_RS),
        ("third.rs", HELLO_RS),
        ("Kbuild", kbuild),
    ]);
    let out = tempfile::tempdir().unwrap();
    built(build(&kernel, out.path()).arg(source.path()));
    write(source.path(), &[("Kbuild", "obj-m := hello.o other.o\n")]);
    let said = refused(build(&kernel, out.path()).arg(source.path()), 1);
    assert_says(
        &said,
        &["other.rs is written in Rust", "without CONFIG_RUST=y"],
    );
}

#[test]
fn metadata_that_is_missing_is_named_file_by_file() {
    let Some(kernel) = newest() else { return };
    let (source, scratch) = (
        folder(&[("hello.rs", HELLO_RS)]),
        tempfile::tempdir().unwrap(),
    );
    let tree = link_kernel(
        &kernel,
        &scratch.path().join("tree"),
        &["rust", "include", "include/generated"],
    );
    let out = scratch.path().join("out");
    let gone = [
        "rust/libkernel.rmeta",
        "rust/libpin_init.rmeta",
        "include/generated/rustc_cfg",
    ];
    for (count, file) in gone.iter().enumerate() {
        fs::remove_file(tree.kdir.join(file)).unwrap();
        let said = refused(&mut hello(&tree, source.path(), &out), 1);
        assert_says(&said, &gone[..=count]);
        assert_says(
            &said,
            &["has CONFIG_RUST=y, but lacks files", &own_version(&kernel)],
        );
        assert!(!said.contains("rust/libcore.rmeta"), "{said}");
    }
    // A distribution's package lacks the same folder.
    fs::remove_dir_all(tree.kdir.join("rust")).unwrap();
    let said = refused(&mut hello(&tree, source.path(), &out), 1);
    assert_says(
        &said,
        &[
            "rust/libcore.rmeta",
            "rust/libmacros.so",
            "Packages of headers do not contain them",
        ],
    );
    assert!(!out.exists());
}

/// A folder with programs, and the `PATH` in which it comes first and the machine's rustc is
/// missing.
fn place() -> (TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("bin")).unwrap();
    let path = format!("{}:/usr/bin:/bin", dir.path().join("bin").display());
    (dir, path)
}

#[test]
fn another_rustc_than_the_kernels_is_refused_with_the_one_that_fits() {
    let Some(kernel) = newest() else { return };
    let own = own_version(&kernel);
    let (source, (dir, path)) = (folder(&[("hello.rs", HELLO_RS)]), place());
    let out = dir.path().join("out");
    let command = |rustc: &[&str]| {
        let mut command = hello(&kernel, source.path(), &out);
        command.args(rustc).env("PATH", &path);
        command
    };
    let wrong = dir.path().join("bin/rustc");
    rustc_that_says(&wrong, OTHER);
    let said = refused(&mut command(&[]), 1);
    let here = format!("installed: {}, which is {OTHER}", wrong.display());
    assert_says(
        &said,
        &[
            &own,
            "need the compiler that built it",
            &here,
            "install the rustc 1.85.1",
        ],
    );

    let named = ["--rustc", wrong.to_str().unwrap()];
    let said = refused(&mut command(&named), 1);
    assert_says(&said, &[&format!("is {OTHER}"), &own, "install the rustc"]);
    let said = refused(&mut command(&["--rustc", "rustc-of-nowhere"]), 1);
    assert_says(&said, &["RUSTC=rustc-of-nowhere: there is no such program"]);

    let right = dir.path().join("bin/rustc-1.85");
    rustc_that_says(&right, &own);
    let said = refused(&mut command(&named), 1);
    let offer = format!("Use {0}:\n    --rustc {0}\n(Build::rustc", right.display());
    assert_says(&said, &[&offer, "KBUILD_RS_RUSTC="]);
    let mut variable = command(&[]);
    let said = refused(variable.env("KBUILD_RS_RUSTC", &wrong), 1);
    assert_says(&said, &[&offer]);
    assert!(!out.exists(), "nothing is written");
}

/// The `RUSTC=` of a build's make line.
fn planned(command: &mut Command) -> PathBuf {
    let output = built(command.arg("--dry-run"));
    let line = output.out();
    let value = line.split("RUSTC=").nth(1);
    let value = value.unwrap_or_else(|| panic!("no RUSTC in {line}"));
    value.split_whitespace().next().unwrap().into()
}

#[test]
fn the_kernels_rustc_is_found_by_itself_and_handed_over_as_the_file_it_is() {
    let Some(kernel) = newest() else { return };
    let own = own_version(&kernel);
    let (source, (dir, path)) = (folder(&[("hello.rs", HELLO_RS)]), place());
    let bin = dir.path().join("bin");
    let out = dir.path().join("out");
    let rustup = dir.path().join("rustup");
    let planned = |changed: &[(&str, &Path)]| {
        let mut command = hello(&kernel, source.path(), &out);
        command.env("PATH", &path).env("RUSTUP_HOME", &rustup);
        planned(command.envs(changed.iter().copied()))
    };

    // rustup's proxy is in PATH, and its toolchains contain the right one.
    script(
        &bin.join("rustup"),
        "#!/bin/sh\necho 'rustc 1.0.0 (of this folder)'\n",
    );
    symlink("rustup", bin.join("rustc")).unwrap();
    rustc_that_says(&rustup.join("toolchains/stable/bin/rustc"), OTHER);
    let toolchain = rustup.join("toolchains/mine/bin/rustc");
    rustc_that_says(&toolchain, &own);
    assert_eq!(planned(&[]), toolchain);

    // A version in the name wins over that, and links are followed.
    let versioned = dir.path().join("lib/rust-1.85/bin/rustc");
    rustc_that_says(&versioned, &own);
    symlink(&versioned, bin.join("rustc-1.85")).unwrap();
    assert_eq!(planned(&[]), versioned);

    // If the proxy is named, its target is used.
    let sysroot = dir.path().join("toolchain");
    let proxy = format!("#!/bin/sh\necho '{}'\n", sysroot.display());
    script(&bin.join("rustup"), &proxy);
    rustc_that_says(&sysroot.join("bin/rustc"), &own);
    let asked = planned(&[("KBUILD_RS_RUSTC", Path::new("rustc"))]);
    assert_eq!(asked, sysroot.join("bin/rustc"));

    // Cargo's own compiler is not the requested one.
    let wrong = dir.path().join("wrong");
    rustc_that_says(&wrong, OTHER);
    assert_eq!(planned(&[("RUSTC", &wrong)]), versioned);
}

#[test]
fn no_variable_of_cargos_reaches_the_kernels_rustc_whose_version_is_asked_once() {
    let Some(kernel) = newest() else { return };
    let source = folder(&[("hello.rs", RUSTY)]);
    let out = tempfile::tempdir().unwrap();
    let (dir, _) = place();
    let log = dir.path().join("log");
    let rustc = dir.path().join("recorder");
    let real = kernel.rustc.as_ref().unwrap();
    let text = format!(
        "#!/bin/sh\n{{ echo \"called $*\"; env; }} >> '{}'\nexec '{}' \"$@\"\n",
        log.display(),
        real.display()
    );
    script(&rustc, &text);
    let of_cargo = [
        "RUSTC",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_LINKER",
        "RUSTDOC",
        "RUSTFLAGS",
        "RUSTUP_TOOLCHAIN",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_TARGET_DIR",
        "CARGO_BUILD_RUSTC_WRAPPER",
        "KRUSTFLAGS",
        "RUSTFLAGS_MODULE",
        "CLIPPY",
        "KBUILD_CLIPPY",
        "HOSTRUSTC",
        "OUT_DIR",
    ];
    let command = || {
        let mut command = hello(&kernel, source.path(), out.path());
        command.env("KBUILD_RS_RUSTC", &rustc);
        for name in of_cargo {
            command.env(name, "/a-leak");
        }
        command
    };
    built(&mut command());
    let said = fs::read_to_string(&log).unwrap();
    let calls: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("called "))
        .collect();
    assert!(
        calls.iter().any(|call| call.contains("--emit=obj=")),
        "{said}"
    );
    assert!(!said.contains("/a-leak"), "{said}");
    let asked = |calls: &[&str]| {
        calls
            .iter()
            .filter(|call| **call == "called --version")
            .count()
    };
    // kbuild-rs asks, and the kernel's Makefile may ask for a variable of its own.
    assert!((1..=2).contains(&asked(&calls)), "{calls:?}");
    fs::remove_file(&log).unwrap();
    let again = built(&mut command());
    assert!(!started_make(&again), "{}", again.err());
    assert!(!log.exists(), "a build with nothing to do starts no rustc");
    let mut other = build(&kernel, out.path());
    other.args(["--name", "other", "hello.rs", "--dry-run"]);
    other.current_dir(source.path());
    built(other.env("KBUILD_RS_RUSTC", &rustc));
    assert!(!log.exists(), "another module beside it asks what is known");

    // Another program with the same name and version is another compiler.
    script(&rustc, &text.replace("called", "Called"));
    let again = built(&mut command());
    assert!(started_make(&again), "{}", again.err());
}

pub(crate) const RUSTY: &str = r#"//! The smallest module.
use kernel::prelude::*;
module! {
    type: Rusty,
    name: "hello",
    authors: ["nobody"],
    description: "The smallest module",
    license: "GPL",
}
struct Rusty;
impl kernel::Module for Rusty {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Rusty)
    }
}
"#;

#[test]
fn a_clang_that_cannot_read_rustcs_output_is_reported() {
    let Some(kernel) = newest() else { return };
    let (source, scratch) = (
        folder(&[("hello.rs", HELLO_RS)]),
        tempfile::tempdir().unwrap(),
    );
    let tree = link_kernel(
        &kernel,
        &scratch.path().join("tree"),
        &["include", "include/config"],
    );
    let config = tree.kdir.join("include/config/auto.conf");
    let text = fs::read_to_string(&config).unwrap();
    fs::remove_file(&config).unwrap();
    let (_programs, path) = program_in_front("clang-18", "#!/bin/sh\n");
    let out = scratch.path().join("out");
    let command = |more: &str| {
        fs::write(&config, format!("{text}{more}=y\n")).unwrap();
        let mut command = hello(&tree, source.path(), &out);
        command
            .args(["--cc", "clang-18", "--dry-run"])
            .env("PATH", &path);
        command.env("KBUILD_RS_RUSTC", kernel.rustc.as_ref().unwrap());
        command
    };
    let wanted = [
        "clang 18 cannot read the bitcode of rustc's LLVM 19",
        "LLVM=-19",
    ];
    let said = refused(&mut command("CONFIG_RUST_INLINE_HELPERS"), 1);
    assert_says(&said, &wanted);
    let output = built(&mut command("CONFIG_LTO_CLANG"));
    assert_says(&output.err(), &wanted);
    let output = built(&mut command("CONFIG_NOTHING"));
    assert!(!output.err().contains("clang 18"), "{}", output.err());
}
