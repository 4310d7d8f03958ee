//! The program that the package builds from its own source tree.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::{run, scope};
use tempfile::TempDir;

use crate::project::{PACKAGE, fails_with};
use crate::support::{HELLO, LIMIT, built, copy, folder, program};

/// A program that starts the one under test. These tests check how CMake builds it, and the real
/// one takes a minute.
const MAIN: &str = r#"
use std::os::unix::process::CommandExt;
fn main() {
    let real = include_str!("real");
    panic!("{}", std::process::Command::new(real).args(std::env::args_os().skip(1)).exec());
}
"#;

/// No setting for the project's own compiler may arrive.
const BUILD: &str = r#"
fn main() {
    for name in ["CC", "CFLAGS", "LDFLAGS", "CARGO_BUILD_TARGET"] {
        assert_eq!(std::env::var_os(name), None, "{name}");
    }
}
"#;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

struct Scene {
    scratch: TempDir,
    kernel: LabKernel,
}

impl Scene {
    /// The package in a source tree, and a project beside it.
    fn new() -> Scene {
        let lists = format!(
            "cmake_minimum_required(VERSION 3.22)\nproject(built LANGUAGES NONE)\n{PACKAGE}\
             kbuild_add_module(hello hello.c)\n"
        );
        let scratch = folder(&[
            ("project/CMakeLists.txt", &lists),
            ("project/hello.c", HELLO),
            (
                "tree/Cargo.toml",
                "[workspace]\nmembers = [\"kbuild-cli\"]\nresolver = \"2\"\n",
            ),
            (
                "tree/Cargo.lock",
                "version = 3\n\n[[package]]\nname = \"kbuild-cli\"\nversion = \"0.1.0\"\n",
            ),
            (
                "tree/kbuild-cli/Cargo.toml",
                "[package]\nname = \"kbuild-cli\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
                 [[bin]]\nname = \"kbuild-rs\"\npath = \"src/main.rs\"\n[features]\ntest = []\n",
            ),
            ("tree/kbuild-cli/build.rs", BUILD),
            ("tree/kbuild-cli/src/main.rs", MAIN),
            ("tree/kbuild-cli/src/real", program().to_str().unwrap()),
        ]);
        copy(
            &root().join("cmake-module"),
            &scratch.path().join("tree/cmake-module"),
        );
        let kernel = lab::kernel(lab::names()[0]).unwrap();
        Scene { scratch, kernel }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.scratch.path().join(below)
    }

    /// CMake with the environment of an SDK's script.
    fn cmake(&self) -> Command {
        let mut command = Command::new(lab::cmake("3.22").unwrap());
        for name in ["CC", "CFLAGS", "LDFLAGS", "RUSTFLAGS", "CARGO_BUILD_TARGET"] {
            command.env(name, "--nonsense");
        }
        command
    }

    fn configure(&self, source: &str, build: &str, more: &[String]) -> Command {
        let mut command = self.cmake();
        let kernel = &self.kernel;
        command.arg("-S").arg(self.path(source));
        command.arg("-B").arg(self.path(build));
        command.arg(format!("-DKDIR={}", kernel.kdir.display()));
        command.arg(format!(
            "-DKbuild_CC={}",
            kernel.cc.as_deref().unwrap_or_default()
        ));
        command.args(more);
        command
    }
}

fn define(name: &str, path: &Path) -> String {
    format!("-D{name}={}", path.display())
}

#[test]
fn the_program_is_built_where_that_is_asked_for_and_again_when_its_source_changed() {
    let scene = Scene::new();
    let on = "-DKbuild_BUILD_PROGRAM=ON".to_owned();
    let package = define("KBUILD_PACKAGE", &scene.path("tree/cmake-module"));
    built(&mut scene.configure("project", "build", &[on.clone(), package]));
    let build = || {
        let mut command = scene.cmake();
        command.arg("--build").arg(scene.path("build"));
        run::run(&mut command, LIMIT).unwrap()
    };
    let output = build();
    assert!(output.status.success(), "{}", output.err());
    let release = &scene.kernel.release;
    assert!(
        scene
            .path(&format!("build/kbuild-out/{release}/hello.ko"))
            .exists()
    );
    assert!(!scene.path("tree/target").exists());
    let program = scene.path("build/kbuild-cargo/release/kbuild-rs");
    let time = || fs::metadata(&program).unwrap().modified().unwrap();
    let before = time();
    built(&mut scene.configure("project", "build", &[]));
    assert_eq!(time(), before);

    let other = r#"fn main() { println!("kbuild-rs 0.0.9"); }"#;
    fs::write(scene.path("tree/kbuild-cli/src/main.rs"), other).unwrap();
    fails_with(
        &build(),
        "is kbuild-rs 0.0.9, and this package takes 0.1.x from 0.1.0 on",
    );
    fs::write(scene.path("tree/kbuild-cli/src/main.rs"), "fn main() {").unwrap();
    fails_with(&build(), "cargo could not build kbuild-rs");
    if scope::is_full() {
        let package = define("KBUILD_PACKAGE", &root().join("cmake-module"));
        built(&mut scene.configure("project", "real", &[on, package]));
        let program = scene.path("real/kbuild-cargo/release/kbuild-rs");
        let version = built(Command::new(program).arg("--version")).out();
        assert_eq!(
            version,
            concat!("kbuild-rs ", env!("CARGO_PKG_VERSION"), "\n")
        );
    }
}

#[test]
fn a_package_can_be_installed_with_its_program_and_is_found_with_it() {
    let scene = Scene::new();
    let on = "-DKbuild_BUILD_PROGRAM=ON".to_owned();
    built(&mut scene.configure("tree/cmake-module", "package", &[on]));
    let mut install = scene.cmake();
    install.arg("--install").arg(scene.path("package"));
    let prefix = scene.path("prefix");
    built(install.arg("--prefix").arg(&prefix));
    let found = define("CMAKE_PREFIX_PATH", &prefix);
    built(&mut scene.configure("project", "build", &[found]));
    let cache = fs::read_to_string(scene.path("build/CMakeCache.txt")).unwrap();
    let line = format!(
        "Kbuild_EXECUTABLE:FILEPATH={}/bin/kbuild-rs",
        prefix.display()
    );
    assert!(cache.lines().any(|l| l == line), "{cache}");
}

#[test]
fn package_and_program_have_one_version() {
    let file = root().join("cmake-module/KbuildConfigVersion.cmake");
    let text = fs::read_to_string(file).unwrap();
    let line = concat!("set(PACKAGE_VERSION \"", env!("CARGO_PKG_VERSION"), "\")");
    assert!(text.lines().any(|l| l == line), "{text}");
}
