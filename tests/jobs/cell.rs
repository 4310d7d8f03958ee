//! One outer build around kbuild-rs: its parts, and how to run it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::jobserver::Jobserver;
use kbuild_tests::lab::{self, LabKernel, packages};
use kbuild_tests::run::{self, Output};

use crate::meeting::Meeting;
use crate::support::project::{Project, manifest, set_kernel};
use crate::support::{LIMIT, program, write};

/// The jobserver of the outer build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    None,
    Pipe,
    Fifo,
    /// A system-wide character device, whose server is not part of the outer build.
    Device,
    /// A named pipe whose descriptors are closed for the child.
    Closed,
    /// A named pipe whose descriptors now belong to a file.
    File,
    /// A named pipe whose descriptors now belong to two other pipes.
    Pipes,
    /// The outer build runs one job at a time.
    OneJob,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Make {
    Old,
    New,
}

/// The program that starts kbuild-rs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Under {
    Cargo,
    Make,
    OldNinja,
    NewNinja,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) server: Server,
    /// The make that serves the jobserver, unless Cargo does or there is none.
    pub(crate) outer: Option<Make>,
    pub(crate) under: Under,
    /// The make that kbuild-rs runs.
    pub(crate) inner: Make,
    /// The number behind `-j` of the outermost program.
    pub(crate) jobs: usize,
}

/// The programs for the cells, or the reason why one is missing.
pub(crate) struct Tools {
    makes: [Result<PathBuf, String>; 2],
    ninjas: [Result<PathBuf, String>; 2],
}

impl Tools {
    pub(crate) fn get() -> Tools {
        packages::install(&["ninja-build"]).unwrap();
        Tools {
            makes: [older("/usr/bin/make", "4.4"), lab::program("make")],
            // Not the one in PATH: PyPI's ninja is another program, which uses pipes too.
            ninjas: [older("/usr/bin/ninja", "1.13"), lab::program("ninja")],
        }
    }

    pub(crate) fn make(&self, make: Make) -> Result<&Path, &String> {
        self.makes[make as usize].as_deref()
    }

    /// Any make that exists here.
    pub(crate) fn any_make(&self) -> &Path {
        self.make(Make::Old).or(self.make(Make::New)).unwrap()
    }

    pub(crate) fn ninja(&self, new: bool) -> Result<&Path, &String> {
        self.ninjas[usize::from(new)].as_deref()
    }

    /// `PATH` with which kbuild-rs finds this make.
    pub(crate) fn path(&self, make: Make) -> Result<std::ffi::OsString, &String> {
        let first = self.make(make)?.parent().map(Path::to_owned);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let all = first.into_iter().chain(std::env::split_paths(&path));
        Ok(std::env::join_paths(all).unwrap())
    }
}

/// A program of this machine, which must be older than the given version.
fn older(program: &str, than: &str) -> Result<PathBuf, String> {
    let said = run::checked(Command::new(program).arg("--version"), LIMIT)?.out();
    let version = said
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let number =
        |text: &str| -> Vec<u32> { text.split('.').map_while(|n| n.parse().ok()).collect() };
    match version {
        Some(version) if number(version) < number(than) => Ok(program.into()),
        _ => Err(format!(
            "{program} here is no older one than {than}: {}",
            said.trim()
        )),
    }
}

impl Cell {
    /// The reason why the cell cannot run here.
    pub(crate) fn missing<'a>(&self, tools: &'a Tools) -> Option<&'a String> {
        let ninja = match self.under {
            Under::OldNinja => tools.ninja(false).err(),
            Under::NewNinja => tools.ninja(true).err(),
            _ => None,
        };
        let outer = self.outer.and_then(|make| tools.make(make).err());
        ninja.or(outer).or(tools.make(self.inner).err())
    }

    /// The number of compilers that must run at once.
    pub(crate) fn peak(&self) -> usize {
        match (self.server, self.under) {
            // Cargo notices that these are dead, and becomes the server.
            (Server::Closed | Server::File, Under::Cargo) => self.jobs,
            (Server::Closed | Server::File | Server::Pipes | Server::OneJob, _) => 1,
            _ => self.jobs,
        }
    }

    /// Whether kbuild-rs must report a dead jobserver.
    pub(crate) fn is_dead(&self) -> bool {
        self.peak() == 1 && ![Server::None, Server::OneJob].contains(&self.server)
    }

    /// Builds `source` and returns the output. Below Cargo, the script of `package` builds it.
    pub(crate) fn run(
        &self,
        tools: &Tools,
        kernel: &LabKernel,
        source: &Path,
        package: &Project,
        meeting: &Meeting,
    ) -> Result<Output, String> {
        let scratch = tempfile::tempdir().unwrap();
        let dir = scratch.path();
        let again = || Project::with_copy_of(&package.dir, &package.target);
        let project = (self.under == Under::Cargo).then(again);
        let mut innermost = match &project {
            Some(project) => self.cargo(project, kernel, meeting),
            None => self.program(kernel, source, meeting, dir),
        };
        innermost.env("PATH", tools.path(self.inner)?);
        let mut line = in_shell(&innermost);
        if matches!(self.under, Under::OldNinja | Under::NewNinja) {
            let ninja = tools.ninja(self.under == Under::NewNinja)?;
            let text = format!("rule one\n  command = {line}\nbuild out: one\n");
            write(dir, &[("build.ninja", &text)]);
            line = format!("{} -C {}", ninja.display(), dir.display());
        }
        let mut outermost = match self.outer {
            Some(make) => {
                write(dir, &[("Makefile", &self.makefile(&line, dir))]);
                let mut outer = Command::new(tools.make(make)?);
                outer.args(self.flags()).arg("-C").arg(dir);
                outer
            }
            None => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &line]);
                shell
            }
        };
        outermost.env_clear();
        for (name, value) in innermost.get_envs() {
            outermost.envs(value.map(|value| (name, value)));
        }
        if self.server == Server::Device {
            let tokens = vec![b'+'; self.jobs - 1];
            let server = Jobserver::device(&tokens)?;
            let output = run::checked(server.hand(&mut outermost), LIMIT)?;
            return match server.tokens()? == tokens {
                true => Ok(output),
                false => Err("tokens are missing".to_owned()),
            };
        }
        run::checked(&mut outermost, LIMIT)
    }

    /// The flags of the outer make.
    fn flags(&self) -> Vec<String> {
        let jobs = format!("-j{}", self.jobs);
        match (self.server, self.outer) {
            (Server::None, _) => Vec::new(),
            (Server::OneJob, _) => vec!["-j1".into()],
            (Server::Fifo, _) | (_, Some(Make::Old) | None) => vec![jobs],
            (_, Some(Make::New)) => vec![jobs, "--jobserver-style=pipe".into()],
        }
    }

    fn makefile(&self, line: &str, dir: &Path) -> String {
        let lead = match self.server {
            Server::Pipe => "+".to_owned(),
            // Nothing else uses these two numbers here.
            Server::File => "+exec 3</dev/null 4>/dev/null; ".to_owned(),
            Server::Pipes => {
                let dir = dir.display();
                format!("+mkfifo {dir}/a {dir}/b; exec 3<>{dir}/a 4<>{dir}/b; ")
            }
            Server::None | Server::Fifo | Server::Device | Server::Closed | Server::OneJob => {
                String::new()
            }
        };
        format!("all:\n\t{lead}{line}\n")
    }

    fn program(&self, kernel: &LabKernel, source: &Path, meeting: &Meeting, dir: &Path) -> Command {
        let mut command = Command::new(program());
        command
            .arg("build")
            .arg(source)
            .arg("-o")
            .arg(dir.join("out"));
        command.arg("--kernel").arg(&kernel.kdir);
        command.arg("--cc").arg(meeting.compiler());
        match self.server {
            Server::None => command.arg(format!("-j{}", self.jobs)),
            Server::OneJob => &mut command,
            // The outer build's number wins.
            _ => command.arg("-j9"),
        };
        // The builds of a Ninja share a folder here.
        command.env("XDG_RUNTIME_DIR", dir);
        for name in ["HOME", "TMPDIR"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command
    }

    fn cargo(&self, project: &Project, kernel: &LabKernel, meeting: &Meeting) -> Command {
        let mut cargo = project.cargo();
        set_kernel(&mut cargo, kernel);
        cargo.env("KBUILD_RS_CC", meeting.compiler());
        cargo
            .arg("--manifest-path")
            .arg(project.dir.join("Cargo.toml"));
        // Cargo ignores it if there is an outer jobserver.
        match self.server {
            Server::Pipe | Server::Fifo if self.outer.is_some() => {}
            Server::Device => {}
            _ => {
                cargo.arg(format!("-j{}", self.jobs));
            }
        }
        cargo
    }
}

/// A package whose build script builds the tree, unless it is skipped.
pub(crate) fn package(source: &Path) -> Project {
    let script = format!("fn main() {{ kbuild::Build::tree({source:?}).compile_all(); }}\n");
    let project = Project::new(&[
        ("Cargo.toml", &(manifest("many", "", "") + "[workspace]\n")),
        ("build.rs", &script),
        ("src/lib.rs", ""),
    ]);
    project.built(project.cargo().env("KBUILD_RS_SKIP", "1"));
    project
}

/// A line for a shell. None of the words contains a quote.
pub(crate) fn in_shell(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| format!("'{}'", word.to_str().unwrap()));
    words.collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let make = |make: Option<Make>| match make {
            None => "-",
            Some(Make::Old) => "4.3",
            Some(Make::New) => "4.4",
        };
        let server = match self.server {
            Server::None => "none",
            Server::Pipe => "pipe",
            Server::Fifo => "fifo",
            Server::Device => "device",
            Server::Closed => "closed",
            Server::File => "reused: file",
            Server::Pipes => "reused: pipes",
            Server::OneJob => "-j1",
        };
        let under = match self.under {
            Under::Cargo => "build.rs",
            Under::Make => "make",
            Under::OldNinja => "ninja 1.11",
            Under::NewNinja => "ninja 1.13",
        };
        write!(
            f,
            "{server:13}  {:5}  {under:10}  {:5}  {}",
            make(self.outer),
            make(Some(self.inner)),
            self.jobs
        )
    }
}
