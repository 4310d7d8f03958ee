//! With which tokens make runs: the jobserver of the outer build, or jobs of its own.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsRawFd, RawFd};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::message::Sink;
use crate::{Error, Result, sys};

/// What make is told about parallel jobs.
#[derive(Debug)]
pub(crate) enum Jobs {
    /// An outer build's jobserver: the value of MAKEFLAGS, and what the child must inherit.
    Inherited {
        makeflags: OsString,
        descriptors: Vec<RawFd>,
        /// Keeps a descriptor of ours open that `descriptors` names.
        _opened: Option<File>,
    },
    /// No jobserver: make runs `-jN` and is the server for those below it.
    Own(usize),
}

/// A jobserver as a MAKEFLAGS names it.
#[derive(Debug, PartialEq, Eq)]
enum Advertised {
    Pipe(RawFd, RawFd),
    Fifo(PathBuf),
    /// It is named in a form that GNU make uses for "none" or that nobody knows.
    Unusable,
}

impl Jobs {
    /// Finds the nearest jobserver: Cargo's for a build script, else that of a make outside.
    /// One that is advertised and unusable means one job, as it does to GNU make.
    pub(crate) fn find(
        cargo: bool,
        requested: Option<usize>,
        make: &Path,
        sink: &Sink,
    ) -> Result<Jobs> {
        let names: &[&str] = if cargo {
            &["CARGO_MAKEFLAGS", "MAKEFLAGS"]
        } else {
            &["MAKEFLAGS"]
        };
        let flags = names.iter().find_map(std::env::var_os);
        let flags = flags.as_deref().unwrap_or_default();
        match advertised(flags) {
            Some(Advertised::Pipe(read, write)) if sys::are_ends_of_one_pipe(read, write) => {
                Ok(Jobs::Inherited {
                    makeflags: format!(" -j --jobserver-auth={read},{write}").into(),
                    descriptors: vec![read, write],
                    _opened: None,
                })
            }
            Some(Advertised::Fifo(path)) => Self::over_fifo(&path, make).or_else(|why| {
                sink.warning(&format!(
                    "{}: {why}; running one job",
                    dead_jobserver(flags)
                ));
                Ok(Jobs::Own(1))
            }),
            Some(_) => {
                sink.warning(&format!(
                    "{} and it cannot be used; running one job. In a Makefile, put a `+` before \
                     the command; in CMake, say JOB_SERVER_AWARE",
                    dead_jobserver(flags)
                ));
                Ok(Jobs::Own(1))
            }
            None => {
                let asked = requested.or_else(|| one_job(flags));
                Ok(Jobs::Own(match asked {
                    Some(0) => {
                        return Err(Error::input("the number of jobs must be at least 1"));
                    }
                    Some(jobs) => jobs,
                    None => default_jobs(cargo),
                }))
            }
        }
    }

    /// make 4.4 understands a fifo by name; an older one dies of it, and gets the opened fifo.
    fn over_fifo(path: &Path, make: &Path) -> Result<Jobs, String> {
        let file = File::options()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|e| e.to_string())?;
        let fd = file.as_raw_fd();
        if !sys::is_pipe(fd) {
            return Err(format!("{} is no fifo", path.display()));
        }
        if make_version(make) >= (4, 4) {
            let mut makeflags = OsString::from(" -j --jobserver-auth=fifo:");
            makeflags.push(path);
            return Ok(Jobs::Inherited {
                makeflags,
                descriptors: Vec::new(),
                _opened: None,
            });
        }
        Ok(Jobs::Inherited {
            makeflags: format!(" -j --jobserver-auth={fd},{fd}").into(),
            descriptors: vec![fd],
            _opened: Some(file),
        })
    }

    /// What make's command line says.
    pub(crate) fn argument(&self) -> Option<OsString> {
        match self {
            Jobs::Inherited { .. } => None,
            Jobs::Own(jobs) => Some(format!("-j{jobs}").into()),
        }
    }

    /// What make's environment says.
    pub(crate) fn variable(&self) -> Option<(OsString, OsString)> {
        match self {
            Jobs::Inherited { makeflags, .. } => Some(("MAKEFLAGS".into(), makeflags.clone())),
            Jobs::Own(_) => None,
        }
    }

    pub(crate) fn descriptors(&self) -> &[RawFd] {
        match self {
            Jobs::Inherited { descriptors, .. } => descriptors,
            Jobs::Own(_) => &[],
        }
    }
}

fn dead_jobserver(flags: &OsStr) -> String {
    format!(
        "a jobserver is advertised ({})",
        flags.to_string_lossy().trim()
    )
}

/// The last jobserver that the flags name; what follows `--` are variables.
fn advertised(flags: &OsStr) -> Option<Advertised> {
    let text = flags.to_str()?;
    let value = text
        .split_ascii_whitespace()
        .take_while(|word| *word != "--")
        .filter_map(|word| {
            word.strip_prefix("--jobserver-auth=")
                .or_else(|| word.strip_prefix("--jobserver-fds="))
        })
        .last()?;
    if let Some(path) = value.strip_prefix("fifo:") {
        return Some(Advertised::Fifo(path.into()));
    }
    let pair = value
        .split_once(',')
        .and_then(|(r, w)| Some((r.parse::<RawFd>().ok()?, w.parse::<RawFd>().ok()?)));
    Some(match pair {
        Some((read, write)) if read >= 0 && write >= 0 => Advertised::Pipe(read, write),
        _ => Advertised::Unusable,
    })
}

/// An outer `make -j1` says that it wants one job, and needs no jobserver for it.
fn one_job(flags: &OsStr) -> Option<usize> {
    let text = flags.to_str()?;
    text.split_ascii_whitespace()
        .take_while(|word| *word != "--")
        .any(|word| word == "-j1")
        .then_some(1)
}

fn default_jobs(cargo: bool) -> usize {
    let of_cargo = || std::env::var("NUM_JOBS").ok()?.parse().ok();
    cargo
        .then(of_cargo)
        .flatten()
        .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
        .unwrap_or(1)
}

/// (major, minor) of a GNU make; (0, 0) for what does not say.
fn make_version(make: &Path) -> (u32, u32) {
    let version = Command::new(make)
        .arg("--version")
        .output()
        .ok()
        .and_then(|out| {
            let text = String::from_utf8(out.stdout).ok()?;
            let number = text.lines().next()?.rsplit(' ').next()?.to_owned();
            let mut parts = number.split('.').map(|p| p.parse::<u32>().unwrap_or(0));
            Some((parts.next()?, parts.next().unwrap_or(0)))
        });
    version.unwrap_or((0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_jobserver_before_the_variables_counts() {
        let of = |text: &str| advertised(OsStr::new(text));
        assert_eq!(
            of("-j --jobserver-fds=3,4 --jobserver-auth=5,6"),
            Some(Advertised::Pipe(5, 6))
        );
        assert_eq!(
            of(" -j4 --jobserver-auth=3,4 -- V=1"),
            Some(Advertised::Pipe(3, 4))
        );
        assert_eq!(
            of("-j --jobserver-fds=fifo:/tmp/f --jobserver-auth=fifo:/tmp/f"),
            Some(Advertised::Fifo("/tmp/f".into()))
        );
        assert_eq!(of("k -- X=--jobserver-auth=3,4"), None);
        assert_eq!(of("--jobserver-auth=-2,-2"), Some(Advertised::Unusable));
        assert_eq!(of(""), None);
    }

    #[test]
    fn an_outer_make_that_wants_one_job_gets_one() {
        assert_eq!(one_job(OsStr::new(" -j1")), Some(1));
        assert_eq!(one_job(OsStr::new("k")), None);
    }
}
