//! A project that Meson sets up and Ninja builds, and a record of the started commands.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab::{self, LabKernel, packages};
use kbuild_tests::run::{self, Output};
use kbuild_tests::scope;
use tempfile::TempDir;

use crate::support::*;

/// The ways to build a project. A promise holds for all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct With {
    /// One of [`lab::MESONS`].
    pub(crate) meson: &'static str,
    pub(crate) ninja: Ninja,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Ninja {
    /// The machine's own Ninja 1.11, which does not support jobservers.
    Old,
    /// Ninja 1.13 or newer.
    New,
}

/// The oldest Meson and the newest, the oldest Ninja and a new one.
pub(crate) const CORNERS: [With; 2] = [
    With {
        meson: "1.0",
        ninja: Ninja::Old,
    },
    With {
        meson: "newest",
        ninja: Ninja::New,
    },
];

/// One of the [`CORNERS`], which tests share among themselves; both in the full run.
pub(crate) fn corners(place: usize) -> Vec<With> {
    scope::one_of(place, &CORNERS).to_vec()
}

/// The variable with the kernel tree at the first setup.
pub(crate) const KDIR: &str = "KDIR";

pub(crate) struct Project {
    scratch: TempDir,
    with: With,
    ninja: PathBuf,
    kernel: LabKernel,
    build_dir: &'static str,
}

impl Project {
    /// A project's files, not set up yet, for the kernel with the fastest builds. The build
    /// folder's path has a blank and an umlaut.
    pub(crate) fn new(with: With, files: &[(&str, &str)]) -> Project {
        Project::for_kernel(with, &lab::kernel(lab::names()[0]).unwrap(), files)
    }

    /// As [`Self::new`], for another kernel.
    pub(crate) fn for_kernel(with: With, kernel: &LabKernel, files: &[(&str, &str)]) -> Project {
        packages::install(&["ninja-build"]).unwrap();
        let project = Project {
            scratch: tempfile::tempdir().unwrap(),
            with,
            ninja: match with.ninja {
                Ninja::Old => PathBuf::from("/usr/bin/ninja"),
                Ninja::New => lab::program("ninja").unwrap(),
            },
            kernel: kernel.clone(),
            build_dir: "bü ild",
        };
        fs::create_dir_all(project.source()).unwrap();
        write(&project.source(), files);
        project.write_programs();
        project
    }

    /// A copy of a folder's content.
    pub(crate) fn copy_of(with: With, folder: &Path) -> Project {
        let kernel = lab::kernel(lab::names()[0]).unwrap();
        Project::copy_for_kernel(with, &kernel, folder)
    }

    /// As [`Self::copy_of`], for another kernel.
    pub(crate) fn copy_for_kernel(with: With, kernel: &LabKernel, folder: &Path) -> Project {
        let project = Project::for_kernel(with, kernel, &[]);
        copy(&folder.join("."), &project.source());
        project
    }

    /// Builds the project in a folder among its sources.
    pub(crate) fn below_source(mut self) -> Project {
        self.build_dir = "my source/build";
        self
    }

    /// Writes the programs. Meson is a script like that of a pip-installed Meson, and Python starts
    /// the module's finder as for a folder of packages. kbuild-rs is behind a script that records
    /// each build, because a build system does not print all commands.
    fn write_programs(&self) {
        let meson = lab::meson(self.with.meson).unwrap();
        let start = format!(
            "import site, sys\n\
             site.addsitedir({module:?})\n\
             sys.path.insert(0, {meson:?})\n\
             from mesonbuild.mesonmain import main\n\
             sys.exit(main())\n",
            module = root().join("meson-module"),
        );
        fs::write(self.meson_script(), start).unwrap();
        let script = format!(
            "#!/bin/sh\nexec 3>> '{log}'\n\
             case $1 in\n\
             @*) echo \"$1\" >&3 ;;\n\
             build) for word; do [ \"$last\" != --name ] || echo \"$word\" >&3; last=$word; done ;;\n\
             esac\n\
             exec '{program}' \"$@\" 3>&-\n",
            log = self.log().display(),
            program = program().display()
        );
        fs::create_dir_all(self.bin()).unwrap();
        let kbuild_rs = self.bin().join("kbuild-rs");
        fs::write(&kbuild_rs, script).unwrap();
        fs::set_permissions(&kbuild_rs, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.scratch.path().join("my source")
    }

    pub(crate) fn build_dir(&self) -> PathBuf {
        self.scratch.path().join(self.build_dir)
    }

    /// The folder that comes first in PATH.
    fn bin(&self) -> PathBuf {
        self.scratch.path().join("bin")
    }

    fn meson_script(&self) -> PathBuf {
        self.scratch.path().join("meson.py")
    }

    fn log(&self) -> PathBuf {
        self.scratch.path().join("log")
    }

    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    pub(crate) fn kernel(&self) -> &LabKernel {
        &self.kernel
    }

    pub(crate) fn out(&self, file: &str) -> PathBuf {
        self.build_dir().join(file)
    }

    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        crate::support::project::edit(&self.source().join(path), from, to);
    }

    /// A command with the programs of this project in its PATH.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let own = [self.bin(), self.ninja.parent().unwrap().to_owned()];
        let path = std::env::join_paths(own.into_iter().chain(std::env::split_paths(&path)));
        command
            .env("PATH", path.unwrap())
            .env("NINJA", &self.ninja)
            // The stages go here if they cannot be below a path with blanks.
            .env("XDG_CACHE_HOME", self.scratch.path().join("cache"))
            .env_remove("MAKEFLAGS")
            .env_remove(KDIR);
        if let Some(cc) = &self.kernel.cc {
            command.env("KBUILD_RS_CC", cc);
        }
        if let Some(rustc) = &self.kernel.rustc {
            command.env("KBUILD_RS_RUSTC", rustc);
            set_bindgen(&mut command, &self.kernel);
        }
        command
    }

    pub(crate) fn meson(&self) -> Command {
        let mut command = self.command(Path::new("python3"));
        command.arg(self.meson_script());
        command
    }

    /// `meson setup` with more arguments.
    pub(crate) fn setup_command(&self, more: &[&str]) -> Command {
        let mut command = self.meson();
        command
            .arg("setup")
            .arg(self.build_dir())
            .arg(self.source())
            .args(more)
            .env(KDIR, &self.kernel.kdir);
        command
    }

    pub(crate) fn setup(&self, more: &[&str]) -> Output {
        run::run(&mut self.setup_command(more), LIMIT).unwrap()
    }

    pub(crate) fn set_up(&self, more: &[&str]) -> String {
        let output = self.setup(more);
        let said = output.out() + &output.err();
        assert!(
            output.status.success() && !said.contains("WARNING"),
            "{:?}\n{said}",
            self.with
        );
        said
    }

    /// Builds; returns the sorted names of the modules for which kbuild-rs was started.
    pub(crate) fn builds(&self) -> Vec<String> {
        fs::write(self.log(), "").unwrap();
        let output = built(&mut self.ninja(&["-j2"]));
        let log = fs::read_to_string(self.log()).unwrap();
        let mut targets: Vec<_> = log.lines().map(target_of).collect();
        targets.sort();
        if targets.is_empty() {
            // No command runs, not even one of Meson's own.
            assert!(output.out().contains("no work to do"), "{}", output.out());
        }
        targets
    }

    pub(crate) fn ninja(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&self.ninja);
        command.arg("-C").arg(self.build_dir()).args(arguments);
        command
    }
}

/// A kernel of the lab by its name. If it is missing here, prints the reason and returns `None`.
pub(crate) fn kernel_called(name: &str) -> Option<LabKernel> {
    let foreign = || (!lab::all().contains(&name)).then(|| "it is Debian's".to_owned());
    match lab::why_not(name).or_else(foreign) {
        Some(why) => {
            println!("not run: {name}: {why}");
            None
        }
        None => Some(lab::kernel(name).unwrap()),
    }
}

/// The target of a line: `hello` of `@meson-private/kbuild/drivers/hello.args`.
fn target_of(line: &str) -> String {
    let name = Path::new(line).file_name().unwrap().to_str().unwrap();
    name.trim_end_matches(".args").to_owned()
}

/// The files below a folder, sorted.
pub(crate) fn files_below(dir: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                pending.push(path);
            } else {
                let below = path.strip_prefix(dir).unwrap();
                files.push(below.to_str().unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}

/// The checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
