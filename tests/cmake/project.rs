//! A project that CMake configures and builds, and what was started for it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab::{self, LabKernel, packages};
use kbuild_tests::run::{self, Output};
use kbuild_tests::scope;
use tempfile::TempDir;

use crate::support::*;

/// How a project is configured: everything that a promise holds for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct With {
    /// One of [`lab::CMAKES`].
    pub(crate) cmake: &'static str,
    pub(crate) generator: &'static str,
    pub(crate) package: Package,
}

/// How a project gets the package.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Package {
    /// `find_package()` finds what `cmake --install` has put somewhere.
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

/// One of the [`CORNERS`], which tests share out among themselves; both in the full run.
pub(crate) fn corners(place: usize) -> Vec<With> {
    scope::one_of(place, &CORNERS).to_vec()
}

/// The command failed and said `wanted`; the breaks of its lines are CMake's.
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

    /// One that a cache of compiled objects knows again, for its path is the same at every run.
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

    /// One that lies in tests/cmake/projects.
    pub(crate) fn named(with: With, name: &str) -> Project {
        let project = Project::new(with, &[]);
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("cmake/projects");
        copy(&from.join(name).join("."), &project.source());
        project
    }

    /// To be built where its sources are.
    pub(crate) fn in_source(mut self) -> Project {
        self.build_dir = "source";
        self
    }

    /// To be built in a folder of this name, beside its sources.
    pub(crate) fn in_folder(mut self, name: &'static str) -> Project {
        self.build_dir = name;
        self
    }

    /// To be built in a folder among its sources.
    pub(crate) fn below_source(mut self) -> Project {
        self.build_dir = "source/build";
        self
    }

    /// kbuild-rs behind a script that tells of each build: what a build starts is not what it says.
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

    /// Where the modules for the kernel are.
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

    /// `cmake -S … -B …`, and more arguments.
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

    /// Gives the prefix that the package is installed in.
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

    /// Builds; gives the names of the targets that kbuild-rs was started for, sorted.
    pub(crate) fn builds(&self) -> Vec<String> {
        self.builds_target("all")
    }

    /// As [`Self::builds`], of one target and what it needs.
    pub(crate) fn builds_target(&self, target: &str) -> Vec<String> {
        fs::write(self.log(), "").unwrap();
        let output = built(self.build().args(["--target", target]));
        let log = fs::read_to_string(self.log()).unwrap();
        let mut targets: Vec<_> = log.lines().map(target_of).collect();
        targets.sort();
        if targets.is_empty() && self.with.generator == NINJA && self.with.cmake == "newest" {
            // Not one command, those of CMake's own included.
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
        // Where the stage goes that cannot lie below a folder with a blank.
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

/// The names of what a folder holds, sorted.
pub(crate) fn files(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// `@…/CMakeFiles/hello.dir/arguments` -> `hello`
fn target_of(line: &str) -> String {
    let folder = Path::new(line).parent().unwrap().file_stem().unwrap();
    folder.to_str().unwrap().to_owned()
}

fn define(name: &str, path: &Path) -> String {
    format!("-D{name}={}", path.display())
}

/// How each project of these tests gets the package, whichever way it is tried.
pub(crate) const PACKAGE: &str = "\
if(KBUILD_PACKAGE)
  add_subdirectory(\"${KBUILD_PACKAGE}\" kbuild-package)
else()
  find_package(Kbuild 0.1 CONFIG REQUIRED)
endif()
";
