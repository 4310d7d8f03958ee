//! CMake below Cargo: a build script runs CMake, and other crates use the products.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use kbuild_tests::lab;
use kbuild_tests::scope;
use kbuild_tests::snapshot::Snapshot;
use tempfile::TempDir;

use crate::meeting::Meeting;
use crate::project::{self, CORNERS, MAKE, NINJA, With};
use crate::support::project::{Project, any_kernel, manifest, root};
use crate::support::*;

/// The programs in the `PATH` of CMake's caller, and the place where CMake finds the package.
pub(crate) struct Tools {
    bin: TempDir,
    /// Keeps the prefix.
    package: project::Project,
}

impl Tools {
    pub(crate) fn of(with: With) -> Tools {
        let package = project::Project::new(with, &[]);
        let bin = tempfile::tempdir().unwrap();
        for (name, program) in [
            ("cmake", &*lab::cmake(with.cmake).unwrap()),
            ("kbuild-rs", program()),
            // PyPI's ninja is another program.
            ("ninja", Path::new("/usr/bin/ninja")),
        ] {
            symlink(program, bin.path().join(name)).unwrap();
        }
        Tools { bin, package }
    }

    pub(crate) fn hand<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let first = [self.bin.path().to_owned()];
        let all: OsString =
            std::env::join_paths(first.into_iter().chain(std::env::split_paths(&path))).unwrap();
        command
            .env("PATH", all)
            .env("CMAKE_PREFIX_PATH", self.package.install_package())
    }

    /// A compiler for programs, which records its command lines.
    fn compiler(&self) -> (OsString, impl Fn() -> String) {
        let (program, log) = (
            self.bin.path().join("noting"),
            self.bin.path().join("asked"),
        );
        let script = format!(
            "#!/bin/sh\necho \"$*\" >> {}\nexec gcc \"$@\"\n",
            log.display()
        );
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        (program.into(), move || fs::read_to_string(&log).unwrap())
    }
}

#[test]
fn the_sdk_is_a_crate_whose_symbols_another_crates_module_uses() {
    let (kernel, tools) = (any_kernel(), Tools::of(CORNERS[0]));
    let examples = ["cargo-cmake-sdk", "cmake-sdk"].map(|name| root().join("examples").join(name));
    let before = examples.each_ref().map(|dir| Snapshot::take(dir).unwrap());
    let project = Project::at(&examples[0]);
    let (compiler, asked) = tools.compiler();
    let build = || {
        let mut cargo = project.cargo_for(&kernel);
        // These variables are for programs, and reach CMake as CMAKE_C_COMPILER and CMAKE_C_FLAGS.
        cargo.env("CC", &compiler).env("CFLAGS", "-DFOR_PROGRAMS");
        project.built(tools.hand(cargo.arg("--locked")))
    };
    // load-module depends on rustix, which has its own build script.
    assert_eq!(build().scripts(), ["alarm", "rustix", "station"]);
    let asked = asked();
    let of_program = |line: &str| line.contains("client.c") && line.contains("-DFOR_PROGRAMS");
    assert!(asked.lines().any(of_program), "{asked}");
    assert!(!asked.contains("-D__KERNEL__"), "{asked}");
    assert_eq!(build().scripts(), [""; 0]);
    for (before, dir) in before.iter().zip(&examples) {
        assert_untouched(before, dir);
    }

    let guest = kernel.guest().unwrap();
    let guest = guest
        .file("/alarm", project.program("cargo-cmake-sdk"))
        .script("/alarm && /alarm limit=23000 && ! grep -E '^(alarm|station)' /proc/modules\n")
        .timeout(Duration::from_secs(180));
    let console = guest.run().unwrap();
    assert!(console.ok, "{console:#?}");
    let says = "sensors above the limit: 2\nsensors above the limit: 1\n";
    assert_eq!(console.text.trim_start(), says, "{}", console.log);
    assert!(
        console
            .log
            .contains("alarm: 2 of 4 sensors are above 22000")
    );
}

/// The number of objects in each module.
const PARTS: usize = 8;

/// Two crates: one has CMake build two modules, the other builds one itself.
fn two_crates() -> Project {
    let mut lists = "cmake_minimum_required(VERSION 3.22)\nproject(sdk LANGUAGES C)\n\
        find_package(Kbuild CONFIG REQUIRED)\n"
        .to_owned();
    let parts: Vec<_> = (0..PARTS).map(|part| format!("part{part}.c")).collect();
    for name in ["one", "two"] {
        lists += &format!("kbuild_add_module({name} {})\n", parts.join(" "));
    }
    let list = format!(
        "[{}]",
        parts.iter().map(|p| format!("{p:?},")).collect::<String>()
    );
    let by_hand = format!("fn main() {{ kbuild::Build::new().files({list}).compile(\"own\"); }}\n");
    let sdk =
        manifest("sdk", "", "").replace("kbuild-rs = { path = \"@KBUILD@\" }", "cmake = \"0.1\"");
    let project = Project::new(&[
        (
            "Cargo.toml",
            "[workspace]\nmembers = [\"sdk\", \"own\"]\nresolver = \"3\"\n",
        ),
        ("sdk/Cargo.toml", &sdk),
        (
            "sdk/build.rs",
            "fn main() { cmake::Config::new(\".\").build_target(\"all\").build(); }\n",
        ),
        ("sdk/src/lib.rs", ""),
        ("sdk/CMakeLists.txt", &lists),
        ("own/Cargo.toml", &manifest("own", "", "")),
        ("own/build.rs", &by_hand),
        ("own/src/lib.rs", ""),
    ]);
    for name in ["sdk", "own"] {
        for (number, part) in parts.iter().enumerate() {
            let text = match number {
                0 => HELLO.to_owned(),
                _ => format!("int part{number}(void);\nint part{number}(void) {{ return 1; }}\n"),
            };
            write(&project.dir.join(name), &[(part, &text)]);
        }
    }
    project
}

#[test]
fn cargos_tokens_go_through_cmake_to_every_module_with_every_generator() {
    // A build for the oldest kernel is the fastest.
    let kernel = lab::kernel(lab::names()[0]).unwrap();
    let crates = two_crates();
    let all = [(MAKE, 4), (NINJA, 4), (NINJA, 1)];
    for &(generator, jobs) in &all[..if scope::is_full() { 3 } else { 2 }] {
        let tools = Tools::of(With {
            cmake: "3.25",
            ..CORNERS[0]
        });
        let meeting = Meeting::of(jobs, &kernel);
        let project = Project::at(&crates.dir);
        let mut cargo = project.cargo();
        cargo
            .arg(format!("-j{jobs}"))
            .env("CMAKE_GENERATOR", generator)
            .env("KDIR", &kernel.kdir)
            .env("KBUILD_RS_CC", meeting.compiler());
        let outcome = project.built(tools.hand(&mut cargo));
        assert_eq!(outcome.scripts(), ["own", "sdk"], "{generator}");
        assert_eq!(meeting.most(), jobs, "{generator}");
        assert_eq!(meeting.arrived().len(), 3 * PARTS, "{generator}");
    }
}
