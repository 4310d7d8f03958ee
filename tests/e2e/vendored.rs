//! Packages in their published form: packed by `cargo package`, unpacked elsewhere.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::run;

use crate::support::project::{Project, any_kernel, manifest, root};
use crate::support::{HELLO, LIMIT, copy, folder};

/// Packs the package in `dir` and unpacks it below `into`; returns its new folder.
fn pack(dir: &Path, into: &Path) -> PathBuf {
    let target = tempfile::tempdir().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([
            "package",
            "--offline",
            "--allow-dirty",
            "--no-verify",
            "--quiet",
        ])
        // The library is not published, so Cargo finds it here.
        .arg("--config")
        .arg(format!(
            "patch.crates-io.kbuild-rs.path={:?}",
            root().join("kbuild-rs")
        ))
        .arg("--target-dir")
        .arg(target.path())
        .current_dir(dir)
        .env_remove("CARGO_TARGET_DIR");
    run::checked(&mut cargo, LIMIT).unwrap();
    let archive = fs::read_dir(target.path().join("package"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "crate"))
        .unwrap();
    let mut tar = Command::new("tar");
    tar.arg("-xf").arg(&archive).arg("-C").arg(into);
    run::checked(&mut tar, LIMIT).unwrap();
    into.join(archive.file_stem().unwrap())
}

/// The package `driver`, which depends on the library as published packages do.
fn driver() -> tempfile::TempDir {
    let library = root().join("kbuild-rs");
    let manifest = manifest(
        "driver",
        "license = \"MIT\"\ndescription = \"A driver\"\nlinks = \"driver\"",
        "[workspace]",
    )
    .replace(
        "path = \"@KBUILD@\"",
        &format!("version = \"0.1.0\", path = {library:?}"),
    );
    let dir = folder(&[
        ("Cargo.toml", &manifest),
        (
            "build.rs",
            "fn main() {\n    kbuild::Build::new().file(\"module/hello.c\").include(\"include\")\n\
             \x20       .compile(\"hello\");\n    kbuild::Build::tree(\"tree\").compile_all();\n}\n",
        ),
        (
            "src/lib.rs",
            "/// The modules.\npub const MODULES: [&[u8]; 2] =\n\
             \x20   [include_bytes!(env!(\"HELLO_KO\")), include_bytes!(env!(\"LEAF_KO\"))];\n",
        ),
        ("module/hello.c", &format!("#include <own.h>\n{HELLO}")),
        ("include/own.h", "#define OWN 1\n"),
        ("tree/Kbuild", "obj-m := leaf.o\n"),
        ("tree/leaf.c", HELLO),
    ]);
    copy(&root().join("Cargo.lock"), dir.path());
    dir
}

/// A program that uses `driver` and the library from folders inside it.
fn user(vendor: impl FnOnce(&Path)) -> Project {
    let manifest = "[package]\nname = \"user\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n\
        exclude = [\"vendor\"]\n[dependencies]\ndriver = \"0.1.0\"\n[patch.crates-io]\n\
        driver = { path = \"vendor/driver\" }\nkbuild-rs = { path = \"vendor/kbuild-rs\" }\n";
    let project = Project::new(&[
        ("Cargo.toml", manifest),
        (
            "src/main.rs",
            "fn main() { println!(\"{:?}\", driver::MODULES.map(<[u8]>::len)); }\n",
        ),
    ]);
    let folder = project.dir.join("vendor");
    fs::create_dir(&folder).unwrap();
    vendor(&folder);
    project
}

#[test]
fn a_packed_crate_and_the_packed_library_build_from_where_they_were_unpacked() {
    let packed = tempfile::tempdir().unwrap();
    let original = driver();
    let driver = pack(original.path(), packed.path());
    let library = pack(&root().join("kbuild-rs"), packed.path());
    // The folder in which they were packed is gone.
    drop(original);
    let user = user(|vendor| {
        fs::rename(&driver, vendor.join("driver")).unwrap();
        fs::rename(&library, vendor.join("kbuild-rs")).unwrap();
    });
    let kernel = any_kernel();
    let mut cargo = user.cargo_for(&kernel);
    let outcome = user.built_with_library(&mut cargo);
    let told = outcome.directives("driver");
    for line in told.lines() {
        let Some(path) = line.strip_prefix("cargo:rerun-if-changed=") else {
            continue;
        };
        assert!(!path.contains("/kbuild-rs/examples"), "{path}");
        assert!(Path::new(path).exists(), "{path}");
    }
    let mut program = Command::new(user.program("user"));
    let said = run::checked(&mut program, LIMIT).unwrap().out();
    let lengths = ["hello.ko", "leaf.ko"].map(|name| {
        fs::metadata(outcome.out_dir("driver").join(name))
            .unwrap()
            .len()
    });
    assert_eq!(said, format!("{lengths:?}\n"));
    let again = user.built(&mut cargo);
    assert!(
        again.ran.is_empty() && again.compiled.is_empty(),
        "{again:#?}"
    );
}

#[test]
fn documentation_is_built_without_a_kernel_a_c_compiler_for_it_or_make() {
    let original = driver();
    let project = Project::at(original.path());
    // The programs that rustc needs to link build scripts.
    let tools = folder(&[]);
    for tool in ["cc", "ld", "as"] {
        symlink(find(tool), tools.path().join(tool)).unwrap();
    }
    let mut cargo = project.cargo_to("doc", crate::support::project::TARGET);
    cargo
        .env("PATH", tools.path())
        .env("RUSTC", find("rustc"))
        .env("RUSTDOC", find("rustdoc"))
        .env("KDIR", "/nonexistent")
        .arg("--no-deps");
    let said = project.fails(&mut cargo);
    assert!(said.contains("/nonexistent"), "{said}");
    let outcome = project.built(cargo.env("KBUILD_RS_SKIP", "1"));
    // A package outside of a workspace is named by its folder.
    let scripts: Vec<_> = outcome.ran.iter().collect();
    assert_eq!(scripts, ["driver"], "{}", outcome.said);
}

fn find(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("no {program} in PATH"))
}
