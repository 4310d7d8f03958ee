//! What the outer build says about jobs, and whether it is true.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::outside::has_ninja_between;
use super::tokens::Channel;
use crate::sys;

/// The nearest jobserver outside of this process.
#[derive(Debug)]
pub(super) enum Outer {
    /// Nobody said anything.
    Silent,
    /// A make that runs one job at a time, and has no jobserver for that.
    OneJob,
    /// One is advertised and cannot be used: the sentence that says so.
    Dead(String),
    /// A pipe: (read end, write end), and descriptors of our own to it where there can be any.
    Pipe(RawFd, RawFd, Option<Channel>),
    /// A fifo, open.
    Fifo(PathBuf, Channel),
}

/// A jobserver as a MAKEFLAGS names it.
#[derive(Debug, PartialEq, Eq)]
enum Named {
    Pipe(RawFd, RawFd),
    Fifo(PathBuf),
    /// In a form that GNU make uses for "none" or that nobody knows.
    Unknown,
}

/// The outer build's jobserver: Cargo's for a build script, else that of a make outside, else that
/// of a Cargo further out.
pub(super) fn outer(cargo: bool) -> &'static Outer {
    &found(cargo).0
}

/// Whether the one token beside those that are drawn was given to somebody further out, and so to
/// all that this has started: to Cargo's build script, to a Ninja that is below make.
pub(super) fn is_shared(cargo: bool) -> bool {
    found(cargo).1
}

/// Looked at once, before this process opens anything that could take the number of a closed
/// descriptor.
fn found(cargo: bool) -> &'static (Outer, bool) {
    static FOUND: OnceLock<(Outer, bool)> = OnceLock::new();
    FOUND.get_or_init(|| {
        let names: &[&str] = match cargo {
            true => &["CARGO_MAKEFLAGS", "MAKEFLAGS"],
            false => &["MAKEFLAGS"],
        };
        let flags: Vec<_> = names.iter().filter_map(std::env::var_os).collect();
        let server = flags.iter().find(|flags| named(flags).is_some());
        match server {
            Some(flags) => {
                let outer = look(flags);
                let shared = match &outer {
                    Outer::Pipe(..) => has_ninja_between(None),
                    Outer::Fifo(path, _) => has_ninja_between(Some(path)),
                    _ => false,
                };
                (outer, shared)
            }
            None if flags.iter().any(|flags| wants_one_job(flags)) => (Outer::OneJob, false),
            None => match std::env::var_os("CARGO_MAKEFLAGS").map(|flags| look(&flags)) {
                Some(outer @ (Outer::Pipe(..) | Outer::Fifo(..))) => (outer, true),
                // Nobody between Cargo and us promised to hand it on.
                _ => (Outer::Silent, false),
            },
        }
    })
}

/// Descriptors of the outer build that we inherited and that a child inherits from us unless it
/// is told otherwise.
pub(super) fn inherited(cargo: bool) -> Vec<RawFd> {
    match outer(cargo) {
        Outer::Pipe(read, write, _) => vec![*read, *write],
        _ => Vec::new(),
    }
}

fn look(flags: &OsStr) -> Outer {
    let dead = |why: &str| {
        Outer::Dead(format!(
            "a jobserver is advertised ({}), {why}; running one job",
            flags.to_string_lossy().trim()
        ))
    };
    match named(flags) {
        None => Outer::Silent,
        Some(Named::Pipe(read, write)) if sys::are_ends_of_one_pipe(read, write) => {
            Outer::Pipe(read, write, Channel::of_pipe(read, write))
        }
        Some(Named::Fifo(path)) => match open_fifo(&path) {
            Ok(file) => Outer::Fifo(absolute(path), Channel::of_fifo(file)),
            Err(why) => dead(&format!("and {} cannot be used: {why}", path.display())),
        },
        Some(_) => dead(
            "and its descriptors did not reach this process. In a Makefile, put a `+` before \
             the command; in CMake, say JOB_SERVER_AWARE TRUE in add_custom_command or \
             add_custom_target",
        ),
    }
}

/// make runs in another folder than we do.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// Opens a fifo for both directions: nobody has to be at the other end, and reading does not wait.
pub(super) fn open_fifo(path: &Path) -> Result<File, String> {
    let file = sys::open_nonblocking(File::options().read(true).write(true), path)
        .map_err(|e| e.to_string())?;
    match sys::is_pipe(&file) {
        true => Ok(file),
        false => Err("it is no fifo".to_owned()),
    }
}

/// The last jobserver that the flags name; what follows `--` are variables.
fn named(flags: &OsStr) -> Option<Named> {
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
        return Some(Named::Fifo(path.into()));
    }
    let pair = value
        .split_once(',')
        .and_then(|(r, w)| Some((r.parse::<RawFd>().ok()?, w.parse::<RawFd>().ok()?)));
    Some(match pair {
        Some((read, write)) if read >= 0 && write >= 0 => Named::Pipe(read, write),
        _ => Named::Unknown,
    })
}

/// An outer `make -j1` says so, and needs no jobserver for it.
fn wants_one_job(flags: &OsStr) -> bool {
    let text = flags.to_str().unwrap_or_default();
    text.split_ascii_whitespace()
        .take_while(|word| *word != "--")
        .any(|word| word == "-j1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_jobserver_before_the_variables_counts() {
        let of = |text: &str| named(OsStr::new(text));
        assert_eq!(
            of("-j --jobserver-fds=3,4 --jobserver-auth=5,6"),
            Some(Named::Pipe(5, 6))
        );
        assert_eq!(
            of(" -j4 --jobserver-auth=3,4 -- V=1"),
            Some(Named::Pipe(3, 4))
        );
        assert_eq!(
            of("-j --jobserver-fds=fifo:/tmp/f --jobserver-auth=fifo:/tmp/f"),
            Some(Named::Fifo("/tmp/f".into()))
        );
        assert_eq!(of("k -- X=--jobserver-auth=3,4"), None);
        assert_eq!(of("--jobserver-auth=-2,-2"), Some(Named::Unknown));
        assert_eq!(of(""), None);
    }

    #[test]
    fn an_outer_make_that_wants_one_job_gets_one() {
        assert!(wants_one_job(OsStr::new(" -j1")));
        assert!(!wants_one_job(OsStr::new("k")));
        assert!(!wants_one_job(OsStr::new(" -- X=-j1 -j1")));
    }

    #[test]
    fn what_is_advertised_and_dead_is_told_with_what_mends_it() {
        let why = |flags: &str| match look(OsStr::new(flags)) {
            Outer::Dead(why) => why,
            other => panic!("{other:?}"),
        };
        for flags in [
            "-j --jobserver-auth=987,988",
            "-j --jobserver-auth=-2,-2",
            "-j --jobserver-auth=what",
            "-j --jobserver-auth=0,0",
        ] {
            let why = why(flags);
            assert!(why.contains(flags) && why.contains("put a `+`"), "{why}");
            assert!(why.contains("JOB_SERVER_AWARE"), "{why}");
        }
        assert!(why("--jobserver-auth=fifo:/nonexistent/fifo").contains("No such file"));
        assert!(why("--jobserver-auth=fifo:/dev/null").contains("it is no fifo"));
    }

    #[test]
    fn a_pipe_that_this_process_opened_itself_is_none_of_the_outer_builds() {
        use std::os::fd::AsRawFd;
        let (read, write) = sys::pipe().unwrap();
        let (read, write) = (read.as_raw_fd(), write.as_raw_fd());
        let flags = format!("-j --jobserver-auth={read},{write}");
        assert!(matches!(look(OsStr::new(&flags)), Outer::Dead(_)));
    }
}
