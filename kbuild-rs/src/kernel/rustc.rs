//! The rustc for modules: exactly the one that built the kernel.
//!
//! rustc cannot read a crate that another rustc wrote, and its message does not say so ("can't find
//! crate for `core`"). So kbuild-rs finds the right one before make starts, by its version text,
//! and passes it as a file path. A name in `PATH` may be rustup's proxy, which chooses by its
//! working directory.
//!
//! The whole `--version` line is compared: rustc cannot read crates of another build, even of the
//! same version. The line is remembered by size, times and inode for all modules of an output
//! directory, because a build with nothing to do starts no process.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Kernel;
use super::path::SearchPath;
use crate::error::Advice;
use crate::error::names::RUSTC;
use crate::syntax::{escape, is_carryable, unescape};
use crate::sys::Identity;
use crate::{Error, ErrorKind, Result};

/// The places to search for a Rust compiler.
#[derive(Debug)]
pub(crate) struct RustRequest<'a> {
    /// The rustc that the user names: a program, or its path.
    pub(crate) rustc: Option<&'a str>,
    /// The `PATH` that make will get.
    pub(crate) path: &'a OsStr,
    /// Other candidates: Cargo's, rustup's.
    pub(crate) others: Vec<PathBuf>,
    /// The [`Rustc::note`] of the last build, or of other modules' builds. A build with nothing to
    /// do starts no process.
    pub(crate) known: Vec<Vec<u8>>,
}

/// A Rust compiler that fits a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rustc {
    /// The program itself, which is not a link or a proxy.
    pub(crate) file: PathBuf,
    id: Identity,
    /// The line that its `--version` prints.
    text: String,
}

impl Rustc {
    /// The note to store for [`RustRequest::known`].
    pub(crate) fn note(&self) -> Vec<u8> {
        let mut id = String::new();
        self.id.write(&mut id);
        let mut note = format!("{id} {}\n", self.text).into_bytes();
        escape(&self.file, &mut note);
        note
    }

    fn known(note: &[u8]) -> Option<Rustc> {
        let at = note.iter().position(|&b| b == b'\n')?;
        let line = std::str::from_utf8(&note[..at]).ok()?;
        let mut words = line.splitn(6, ' ');
        let id = Identity::parse(&mut words)?;
        let text = words.next()?.to_owned();
        let file = unescape(&note[at + 1..])?;
        let same = Identity::of(&file).is_ok_and(|now| id.same_metadata(&now));
        same.then_some(Rustc { file, id, text })
    }
}

impl Kernel {
    /// The rustc that built this kernel.
    ///
    /// # Errors
    /// [`ErrorKind::ToolNotFound`] if it is missing, or if the user names another one. The message
    /// lists the installed ones, and how to get or choose the right one.
    pub(crate) fn rustc(&self, request: &RustRequest<'_>) -> Result<Rustc> {
        let search = Search {
            request,
            path: SearchPath(request.path),
            wanted: self.rustc_version(),
            known: request
                .known
                .iter()
                .filter_map(|n| Rustc::known(n))
                .collect(),
        };
        let found = match request.rustc {
            Some(named) => self.named(&search, named)?,
            None => search.fitting().ok_or_else(|| self.no_rustc(&search))?,
        };
        if !is_carryable(&found.file) {
            return Err(Error::input(format!(
                "make cannot handle the path of rustc, {}. Use a link with a plain name (--rustc, \
                 RUSTC=)",
                found.file.display()
            )));
        }
        Ok(found)
    }

    fn named(&self, search: &Search<'_>, named: &str) -> Result<Rustc> {
        let missing = |why: &str| {
            Error::new(
                ErrorKind::ToolNotFound,
                format!("RUSTC={named}: {why}{}", self.offer(search)),
            )
        };
        let file = search
            .path
            .program(named)
            .ok_or_else(|| missing("there is no such program"))?;
        let rustc = match is_proxy(&file) {
            true => behind_proxy(&file).and_then(|file| search.look(&file)),
            false => search.look(&file),
        };
        let rustc = rustc.ok_or_else(|| missing("it does not print its version"))?;
        match search.wanted {
            Some(wanted) if wanted != rustc.text => Err(Error::new(
                ErrorKind::ToolNotFound,
                format!(
                    "RUSTC={named} is {}, but the kernel {} was built with {wanted}. rustc can \
                     only read crates that the same rustc wrote{}",
                    rustc.text,
                    self.release,
                    self.offer(search)
                ),
            )
            .advise(Advice::new("other-rustc-than-kernel", search.advice()))),
            _ => Ok(rustc),
        }
    }

    /// The next sentence of the message: which rustc fits, or how to get it.
    fn offer(&self, search: &Search<'_>) -> String {
        match search.fitting() {
            Some(rustc) => {
                let file = rustc.file.display();
                format!(
                    ". Use {file}:\n    --rustc {file}\n(Build::rustc(\"{file}\"), \
                     KBUILD_RS_RUSTC={file} in the environment; in CMake, -DKbuild_RUSTC={file}; \
                     in Meson, kernel(rustc: '{file}')), or name no rustc: kbuild-rs then finds it"
                )
            }
            None => format!(". {}", search.how_to_get()),
        }
    }

    fn no_rustc(&self, search: &Search<'_>) -> Error {
        let here: Vec<String> = search
            .all()
            .iter()
            .filter_map(|file| search.look(file))
            .map(|rustc| format!("{}, which is {}", rustc.file.display(), rustc.text))
            .collect();
        let here = match here.is_empty() {
            true => "no rustc is in PATH".to_owned(),
            false => format!("installed: {}", here.join("; ")),
        };
        Error::new(
            ErrorKind::ToolNotFound,
            format!(
                "Rust modules for the kernel {} need the compiler that built it, {}. It was not \
                 found ({here}). {}\nIf it is not in PATH, name it ({RUSTC})",
                self.release,
                search.wanted.unwrap_or("rustc"),
                search.how_to_get()
            ),
        )
        .advise(Advice::new("missing-rustc", search.advice()))
    }
}

struct Search<'a> {
    request: &'a RustRequest<'a>,
    path: SearchPath<'a>,
    /// The version text of the right rustc, if the kernel contains it.
    wanted: Option<&'a str>,
    known: Vec<Rustc>,
}

impl Search<'_> {
    /// The first rustc that has the kernel's version.
    fn fitting(&self) -> Option<Rustc> {
        let fits = |rustc: &Rustc| self.wanted.is_none_or(|wanted| wanted == rustc.text);
        if let Some(known) = self.known.iter().find(|known| fits(known)) {
            return Some(known.clone());
        }
        let all = self.all();
        all.iter().filter_map(|file| self.look(file)).find(fits)
    }

    /// The compilers on this machine, each once. A compiler with the right version in its path
    /// comes first.
    fn all(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = Vec::new();
        let mut add = |file: &Path| {
            if let Some(real) = fs::canonicalize(file).ok().filter(|real| real.is_file()) {
                if !is_proxy(file) && !files.contains(&real) {
                    files.push(real);
                }
            }
        };
        for dir in std::env::split_paths(self.request.path).filter(|dir| dir.is_absolute()) {
            add(&dir.join("rustc"));
        }
        for dir in std::env::split_paths(self.request.path).filter(|dir| dir.is_absolute()) {
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                // rustc-1.85, rustc-bin-1.85.0
                let name = entry.file_name();
                let version = name.as_bytes().strip_prefix(b"rustc-").unwrap_or_default();
                if version.last().is_some_and(u8::is_ascii_digit) {
                    add(&entry.path());
                }
            }
        }
        self.request.others.iter().for_each(|file| add(file));
        let number = self.number().unwrap_or_default();
        if !number.is_empty() {
            let mut first = 0;
            for at in 0..files.len() {
                if files[at].to_string_lossy().contains(number) {
                    files[first..=at].rotate_right(1);
                    first += 1;
                }
            }
        }
        files
    }

    /// `1.85.1` of `rustc 1.85.1 (4eb161250 2025-03-15)`.
    fn number(&self) -> Option<&str> {
        self.wanted?.split(' ').nth(1)
    }

    /// The compiler in `file`; `None` if it does not print its version.
    fn look(&self, file: &Path) -> Option<Rustc> {
        let file = fs::canonicalize(file).ok()?;
        let known = self.known.iter().find(|known| known.file == file);
        known.cloned().or_else(|| {
            let id = Identity::of(&file).ok()?;
            let mut command = Command::new(&file);
            // make will start it without Cargo's LD_LIBRARY_PATH, which would give it another
            // rustc's libraries.
            command.arg("--version").env_clear();
            command.env("PATH", self.request.path);
            let text = first_line(&mut command)?;
            // The kernel's configuration has the text in this form.
            let text = text.replace('#', "");
            text.starts_with("rustc ")
                .then_some(Rustc { file, id, text })
        })
    }

    /// Sentences about how to install the right one.
    fn how_to_get(&self) -> String {
        let number = self.number().unwrap_or("VERSION");
        match self.is_of_distribution() {
            true => format!("It is a distribution's own build: {}", self.advice()),
            false => format!("Install it:\n    rustup toolchain install {number}"),
        }
    }

    /// The same advice in one line.
    fn advice(&self) -> String {
        let number = self.number().unwrap_or("VERSION");
        match self.is_of_distribution() {
            true => format!("install the rustc {number} of the distribution that built the kernel"),
            false => format!("install it: rustup toolchain install {number}"),
        }
    }

    fn is_of_distribution(&self) -> bool {
        let wanted = self.wanted.unwrap_or_default();
        wanted.contains("built from a source tarball")
    }
}

/// Whether a program is rustup under another name.
fn is_proxy(file: &Path) -> bool {
    let Ok(meta) = fs::metadata(file) else {
        return false;
    };
    let rustup = fs::metadata(file.with_file_name("rustup"));
    let hard = rustup.is_ok_and(|r| (r.dev(), r.ino()) == (meta.dev(), meta.ino()));
    let real = fs::canonicalize(file).unwrap_or_default();
    hard || real.file_name().is_some_and(|name| name == "rustup")
}

/// The compiler that rustup's proxy would start here and now.
fn behind_proxy(file: &Path) -> Option<PathBuf> {
    let sysroot = first_line(Command::new(file).args(["--print", "sysroot"]))?;
    Some(Path::new(&sysroot).join("bin/rustc"))
}

fn first_line(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.to_owned();
    output.status.success().then_some(line)
}

/// The toolchains that rustup keeps in its folder.
pub(crate) fn of_rustup(home: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(home.join("toolchains")).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path().join("bin/rustc"))
        .collect();
    crate::sys::sort_paths(&mut files);
    files
}
