//! The arguments about jobs for a make, in the form that its version understands.
//!
//! | jobserver | make from 4.4 on | older ones |
//! | --- | --- | --- |
//! | a pipe | `fifo:/proc/PID/fd/R`: its pipe mode loses the jobserver where `+$(MAKE)` stands in a `define` | `R,W`, which it inherits |
//! | a fifo | `fifo:PATH` | the opened fifo as `F,F`: they die of `fifo:` |
//!
//! PID is this process, which waits for make to end. `-jN` never stands beside a jobserver, because
//! make would then take no job from it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use crate::syntax::is_carryable;

/// The command line, environment and inherited descriptors of a make.
#[derive(Debug, Default)]
pub(crate) struct MakeJobs {
    pub(crate) argument: Option<OsString>,
    pub(crate) makeflags: Option<OsString>,
    pub(crate) descriptors: Vec<RawFd>,
    /// Keeps the descriptors open that the other fields name.
    _opened: Option<File>,
}

type Version = (u32, u32);

impl MakeJobs {
    /// `-jN`: make is the server for the makes below it.
    pub(crate) fn jobs(jobs: usize) -> MakeJobs {
        MakeJobs {
            argument: Some(format!("-j{jobs}").into()),
            ..MakeJobs::default()
        }
    }

    /// A pipe that this process inherited.
    pub(crate) fn pipe(read: RawFd, write: RawFd, make: &Path) -> MakeJobs {
        let version = version(make);
        if version >= (4, 4) {
            if let Some(name) = descriptor_path(read) {
                return MakeJobs::auth("--jobserver-auth=fifo:", name.as_os_str(), Vec::new());
            }
        }
        MakeJobs::pair(read, write, version, vec![read, write])
    }

    /// A fifo.
    pub(crate) fn fifo(path: &Path, make: &Path) -> std::io::Result<MakeJobs> {
        let version = version(make);
        if version >= (4, 4) && is_carryable(path) {
            return Ok(MakeJobs::auth(
                "--jobserver-auth=fifo:",
                path.as_os_str(),
                Vec::new(),
            ));
        }
        // A description of its own that waits. make 4.2 reports one that does not wait as an error,
        // and 4.3 changes it.
        let file = File::options().read(true).write(true).open(path)?;
        // Somebody may have put another file there since its kind was checked. make would write its
        // tokens into that file.
        let kind = file.metadata()?.file_type();
        if !kind.is_fifo() && !kind.is_char_device() {
            let why = "it is neither a fifo nor a character device";
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, why));
        }
        let fd = file.as_raw_fd();
        let by_name = || descriptor_path(fd).filter(|_| version >= (4, 4));
        let mut handed = match by_name() {
            Some(name) => MakeJobs::auth("--jobserver-auth=fifo:", name.as_os_str(), Vec::new()),
            None => MakeJobs::pair(fd, fd, version, vec![fd]),
        };
        handed._opened = Some(file);
        Ok(handed)
    }

    /// Makes the jobserver usable in a sandbox, which shows no other process. Returns the fifo or the
    /// device that the sandbox must show.
    pub(crate) fn reach_from_sandbox(&mut self) -> Option<PathBuf> {
        const FIFO: &[u8] = b"=fifo:";
        let flags = self.makeflags.as_mut()?;
        let bytes = flags.as_bytes();
        let start = bytes.windows(FIFO.len()).position(|at| at == FIFO)? + FIFO.len();
        let path = PathBuf::from(OsStr::from_bytes(&bytes[start..]));
        let of_us = format!("/proc/{}/fd", std::process::id());
        let Ok(number) = path.strip_prefix(&of_us) else {
            return Some(path);
        };
        // Each process finds the descriptor that it inherited under its own name.
        let mut own = OsString::from(OsStr::from_bytes(&bytes[..start]));
        own.push("/proc/self/fd/");
        own.push(number);
        self.descriptors
            .extend(number.to_str().and_then(|n| n.parse::<RawFd>().ok()));
        *flags = own;
        None
    }

    fn pair(read: RawFd, write: RawFd, version: Version, descriptors: Vec<RawFd>) -> MakeJobs {
        // The name of the option before make 4.2.
        let option = match version {
            (1.., _) if version < (4, 2) => "--jobserver-fds=",
            _ => "--jobserver-auth=",
        };
        MakeJobs::auth(option, format!("{read},{write}").as_ref(), descriptors)
    }

    fn auth(option: &str, value: &OsStr, descriptors: Vec<RawFd>) -> MakeJobs {
        let mut makeflags = OsString::from(" -j ");
        makeflags.push(option);
        makeflags.push(value);
        MakeJobs {
            makeflags: Some(makeflags),
            descriptors,
            ..MakeJobs::default()
        }
    }
}

/// A name for one of our descriptors that other processes can open.
fn descriptor_path(fd: RawFd) -> Option<PathBuf> {
    let path = PathBuf::from(format!("/proc/{}/fd/{fd}", std::process::id()));
    path.exists().then_some(path)
}

/// (major, minor) of a GNU make; (0, 0) if the program does not print one. Each program is asked
/// once.
fn version(make: &Path) -> Version {
    static KNOWN: Mutex<Vec<(PathBuf, Version)>> = Mutex::new(Vec::new());
    let mut known = KNOWN.lock().unwrap_or_else(|p| p.into_inner());
    if let Some((_, version)) = known.iter().find(|(path, _)| path == make) {
        return *version;
    }
    let version = ask_version(make).unwrap_or((0, 0));
    known.push((make.to_owned(), version));
    version
}

fn ask_version(make: &Path) -> Option<Version> {
    // An older make fails if MAKEFLAGS names a fifo, even if it only prints its version.
    let output = Command::new(make)
        .arg("--version")
        .env_remove("MAKEFLAGS")
        .env_remove("GNUMAKEFLAGS")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    version_in(&String::from_utf8(output.stdout).ok()?)
}

fn version_in(text: &str) -> Option<Version> {
    let number = text.lines().next()?.strip_prefix("GNU Make ")?;
    let mut parts = number.split(|c: char| !c.is_ascii_digit());
    let major = parts.next()?.parse().ok()?;
    Some((major, parts.next()?.parse().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;
    use crate::sys;

    /// A make of exactly this version.
    fn make_of(version: &str, root: &Root) -> PathBuf {
        let text = format!("#!/bin/sh\necho GNU Make {version}\n");
        root.executable(&format!("make-{version}"), text)
    }

    fn flags(handed: &MakeJobs) -> &str {
        handed.makeflags.as_ref().unwrap().to_str().unwrap()
    }

    #[test]
    fn a_pipe_is_named_to_a_new_make_and_inherited_by_an_old_one() {
        let root = Root::new();
        let (read, write) = sys::pipe().unwrap();
        let (r, w) = (read.as_raw_fd(), write.as_raw_fd());
        let handed = |version: &str| MakeJobs::pipe(r, w, &make_of(version, &root));
        let new = handed("4.4.1");
        let name = format!("fifo:/proc/{}/fd/{r}", std::process::id());
        assert_eq!(flags(&new), format!(" -j --jobserver-auth={name}"));
        assert!(new.descriptors.is_empty());
        let old = handed("4.3");
        assert_eq!(flags(&old), format!(" -j --jobserver-auth={r},{w}"));
        assert_eq!(old.descriptors, [r, w]);
        let older = handed("4.1");
        assert_eq!(flags(&older), format!(" -j --jobserver-fds={r},{w}"));
        // A make of unknown version gets the form that all makes accept.
        let other = handed("so to speak");
        assert_eq!(flags(&other), format!(" -j --jobserver-auth={r},{w}"));
        for handed in [new, old, older, other] {
            assert_eq!(handed.argument, None);
        }
    }

    #[test]
    fn a_fifo_is_named_to_a_new_make_and_open_for_an_old_one() {
        let root = Root::new();
        for name in ["jobs", "the jobs"] {
            let fifo = root.join(name);
            sys::make_fifo(&fifo).unwrap();
            let handed = |version: &str| MakeJobs::fifo(&fifo, &make_of(version, &root)).unwrap();
            let old = handed("4.3");
            let [fd] = old.descriptors[..] else { panic!() };
            assert_eq!(flags(&old), format!(" -j --jobserver-auth={fd},{fd}"));
            let new = handed("4.4");
            assert!(new.descriptors.is_empty());
            let named = flags(&new).strip_prefix(" -j --jobserver-auth=fifo:");
            let named = Path::new(named.unwrap());
            // make splits its flags at blanks.
            assert_eq!(named == fifo, name == "jobs", "{named:?}");
            assert!(named.exists() && !named.to_str().unwrap().contains(' '));
        }
    }

    #[test]
    fn a_file_that_took_the_place_of_a_fifo_is_not_given_to_make() {
        let root = Root::new();
        let file = root.write("jobs", "++++");
        for version in ["4.3", "3.82"] {
            let refused = MakeJobs::fifo(&file, &make_of(version, &root));
            let why = refused.err().unwrap().to_string();
            assert!(
                why.contains("neither a fifo nor a character device"),
                "{why}"
            );
        }
    }

    #[test]
    fn a_version_is_read_from_the_first_line() {
        let of = |text: &str| version_in(text);
        assert_eq!(of("GNU Make 4.3\nBuilt for x"), Some((4, 3)));
        assert_eq!(of("GNU Make 4.4.1\n"), Some((4, 4)));
        assert_eq!(of("GNU Make 3.82"), Some((3, 82)));
        assert_eq!(of("remake 4.3"), None);
        assert_eq!(of(""), None);
    }
}
