//! A project that CMake configures and builds, and a record of the started commands.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab::{self, LabKernel, packages};
use kbuild_tests::run::{self, Output};
use kbuild_tests::scope;
use tempfile::TempDir;

use crate::support::*;

/// The ways to configure a project. A promise holds for all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct With {
    /// One of [`lab::CMAKES`].
    pub(crate) cmake: &'static str,
    pub(crate) generator: &'static str,
    pub(crate) package: Package,
}

/// The way in which a project gets the package.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Package {
    /// `find_package()` finds an installation by `cmake --install`.
    Installed,
    /// `add_subdirectory()` names the source tree.
    Subdirectory,
}

pub(crate) const MAKE: &str = "Unix Makefiles";
pub(crate) const NINJA: &str = "Ninja";

/// The oldest CMake and the newest, both generators, both ways to the package.
pub(crate) const CORNERS: [With; 2] = [
    With {
        cmake: "3.22",
        generator: MAKE,
        package: Package::Installed,
    },
    With {
        cmake: "newest",
        generator: NINJA,
        package: Package::Subdirectory,
    },
];

/// One of the [`CORNERS`], which tests share among themselves; both in the full run.
pub(crate) fn corners(place: usize) -> Vec<With> {
    scope::one_of(place, &CORNERS).to_vec()
}

/// Checks that the command failed and printed `wanted`. Line breaks do not count, because CMake
/// inserts them.
pub(crate) fn fails_with(output: &Output, wanted: &str) {
    let said = output.err();
    let words: Vec<_> = said.split_whitespace().collect();
    let says = words.join(" ").contains(wanted);
    assert!(!output.status.success() && says, "{said}");
}

pub(crate) struct Project {
    dir: PathBuf,
    _scratch: Option<TempDir>,
    with: With,
    cmake: PathBuf,
    kernel: LabKernel,
    build_dir: &'static str,
}

impl Project {
    /// A project's files, not configured yet. The build folder's path has a blank and an umlaut.
    pub(crate) fn new(with: With, files: &[(&str, &str)]) -> Project {
        let newest = lab::kernel(lab::names().last().unwrap()).unwrap();
        Project::for_kernel(with, &newest, files)
    }

    /// As [`Self::new`], for another kernel than the newest.
    pub(crate) fn for_kernel(with: With, kernel: &LabKernel, files: &[(&str, &str)]) -> Project {
        let scratch = tempfile::tempdir().unwrap();
        let mut project = Project::at(scratch.path(), with, kernel);
        project._scratch = Some(scratch);
        project.build_dir = "bü ild";
        write(&project.source(), files);
        project
    }

    /// A project at a fixed path, so that a cache of compiled objects recognizes it at every run.
    pub(crate) fn at(dir: &Path, with: With, kernel: &LabKernel) -> Project {
        packages::install(&["ninja-build"]).unwrap();
        let project = Project {
            dir: dir.to_owned(),
            _scratch: None,
            with,
            cmake: lab::cmake(with.cmake).unwrap(),
            kernel: kernel.clone(),
            build_dir: "build",
        };
        project.write_program();
        project
    }

    /// A project in tests/cmake/projects.
    pub(crate) fn named(with: With, name: &str) -> Project {
        let project = Project::new(with, &[]);
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("cmake/projects");
        copy(&from.join(name).join("."), &project.source());
        project
    }

    /// Builds the project in its source folder.
    pub(crate) fn in_source(mut self) -> Project {
        self.build_dir = "source";
        self
    }

    /// Builds the project in a folder of this name, beside its sources.
    pub(crate) fn in_folder(mut self, name: &'static str) -> Project {
        self.build_dir = name;
        self
    }

    /// Builds the project in a folder among its sources.
    pub(crate) fn below_source(mut self) -> Project {
        self.build_dir = "source/build";
        self
    }

    /// Writes a script around kbuild-rs that records each build, because a build system does not
    /// print all commands.
    fn write_program(&self) {
        let script = format!(
            "#!/bin/sh\ncase $1 in @*) echo \"$1\" >> '{}' ;; esac\nexec '{}' \"$@\"\n",
            self.log().display(),
            program().display()
        );
        fs::write(self.program(), script).unwrap();
        fs::set_permissions(self.program(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir_all(self.source()).unwrap();
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.dir.join("source")
    }

    pub(crate) fn build_dir(&self) -> PathBuf {
        self.dir.join(self.build_dir)
    }

    fn program(&self) -> PathBuf {
        self.dir.join("kbuild-rs")
    }

    fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// The folder of the modules for the kernel.
    pub(crate) fn out(&self) -> PathBuf {
        self.build_dir()
            .join("kbuild-out")
            .join(&self.kernel.release)
    }

    pub(crate) fn release(&self) -> &str {
        &self.kernel.release
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        write(&self.source(), &[(path, text)]);
    }

    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.source().join(path)).unwrap();
        assert!(text.contains(from), "no {from:?} in {path}");
        self.write(path, &text.replace(from, to));
    }

    /// Runs `cmake -S … -B …` with more arguments.
    pub(crate) fn configure(&self, more: &[&str]) -> Output {
        run::run(&mut self.configure_command(more), LIMIT).unwrap()
    }

    pub(crate) fn configure_command(&self, more: &[&str]) -> Command {
        let mut command = self.cmake();
        command
            .arg("-S")
            .arg(self.source())
            .arg("-B")
            .arg(self.build_dir())
            .args(["-G", self.with.generator])
            .arg(define("Kbuild_EXECUTABLE", &self.program()))
            .arg(define("KDIR", &self.kernel.kdir));
        command.args(self.kernel.cc.iter().map(|cc| format!("-DKbuild_CC={cc}")));
        if let Some(rustc) = &self.kernel.rustc {
            command.arg(define("Kbuild_RUSTC", rustc));
        }
        match self.with.package {
            Package::Installed => {
                command.arg(define("CMAKE_PREFIX_PATH", &self.install_package()));
            }
            Package::Subdirectory => {
                command.arg(define("KBUILD_PACKAGE", &package_sources()));
            }
        }
        command.args(more);
        command
    }

    /// Installs the package; returns the prefix.
    pub(crate) fn install_package(&self) -> PathBuf {
        let prefix = self.dir.join("prefix");
        if prefix.exists() {
            return prefix;
        }
        let build = self.dir.join("package");
        let mut configure = self.cmake();
        configure.arg("-S").arg(package_sources());
        built(configure.arg("-B").arg(&build));
        let mut install = self.cmake();
        install.arg("--install").arg(&build);
        built(install.arg("--prefix").arg(&prefix));
        prefix
    }

    pub(crate) fn configured(&self, more: &[&str]) -> String {
        let output = self.configure(more);
        assert!(
            output.status.success() && !output.err().contains("Warning"),
            "{:?}\n{}{}",
            self.with,
            output.out(),
            output.err()
        );
        output.out()
    }

    /// Builds; returns the sorted names of the targets for which kbuild-rs was started.
    pub(crate) fn builds(&self) -> Vec<String> {
        self.builds_target("all")
    }

    /// As [`Self::builds`], for one target and its dependencies.
    pub(crate) fn builds_target(&self, target: &str) -> Vec<String> {
        fs::write(self.log(), "").unwrap();
        let output = built(self.build().args(["--target", target]));
        let log = fs::read_to_string(self.log()).unwrap();
        let mut targets: Vec<_> = log.lines().map(target_of).collect();
        targets.sort();
        if targets.is_empty() && self.with.generator == NINJA && self.with.cmake == "newest" {
            // No command runs, not even one of CMake's own.
            assert!(output.out().contains("no work to do"), "{}", output.out());
        }
        targets
    }

    fn build(&self) -> Command {
        self.build_with_jobs(2)
    }

    pub(crate) fn build_with_jobs(&self, jobs: usize) -> Command {
        let mut command = self.cmake();
        command
            .arg("--build")
            .arg(self.build_dir())
            .arg(format!("-j{jobs}"));
        command
    }

    pub(crate) fn cmake(&self) -> Command {
        let mut cmake = Command::new(&self.cmake);
        // The stage goes here, because it cannot be below a folder with a blank.
        cmake.env("XDG_CACHE_HOME", self.dir.join("cache"));
        if self.kernel.rustc.is_some() {
            set_bindgen(&mut cmake, &self.kernel);
        }
        cmake
    }
}

fn package_sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../cmake-module")
}

/// The sorted names of the files in a folder.
pub(crate) fn files(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The names of installed modules, without the suffix of a compression, which the kernel chooses.
pub(crate) fn installed(dir: &Path) -> Vec<String> {
    let names = files(dir).into_iter();
    let without = names.map(|name| match name.split_once(".ko.") {
        Some((module, _)) => format!("{module}.ko"),
        None => name,
    });
    without.collect()
}

/// The target of a line: `hello` of `@…/CMakeFiles/hello.dir/arguments`.
fn target_of(line: &str) -> String {
    let folder = Path::new(line).parent().unwrap().file_stem().unwrap();
    folder.to_str().unwrap().to_owned()
}

fn define(name: &str, path: &Path) -> String {
    format!("-D{name}={}", path.display())
}

/// The lines with which the projects of these tests get the package in any of these ways.
pub(crate) const PACKAGE: &str = "\
if(KBUILD_PACKAGE)
  add_subdirectory(\"${KBUILD_PACKAGE}\" kbuild-package)
else()
  find_package(Kbuild 0.1 CONFIG REQUIRED)
endif()
";
