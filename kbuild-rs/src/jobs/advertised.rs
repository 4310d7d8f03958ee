//! The jobserver that the outer build names, and whether it works.
//!
//! A descriptor that is closed on exec does not belong to a jobserver: this process opened it, and
//! the number in `MAKEFLAGS` is stale.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::channel::Channel;
use super::ninja::Ninja;
use super::{device, ninja};
use crate::sys;

/// The nearest jobserver outside this process.
#[derive(Debug)]
pub(crate) enum Outer {
    /// No outer build named a jobserver.
    Silent,
    /// A make that runs one job at a time, and needs no jobserver for that.
    OneJob,
    /// A jobserver is named and cannot be used. The sentence says so.
    Dead(String),
    /// A pipe: (read end, write end), and our own descriptors to it if there can be any.
    Pipe(RawFd, RawFd, Option<Channel>),
    /// A fifo or a character device, open.
    Fifo(PathBuf, Channel),
}

/// The owner of the one token that comes with a jobserver, besides drawn tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FirstToken {
    /// This process.
    Ours,
    /// A Ninja between us and the jobserver, so every process that the Ninja starts shares it.
    OfNinja(&'static Ninja),
    /// A Cargo build script further out, so every process that the script starts shares it.
    OfScript,
}

/// A jobserver as `MAKEFLAGS` names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    Pipe(RawFd, RawFd),
    Fifo(PathBuf),
    /// A name in the form that GNU make uses for "none", or in an unknown form.
    Unknown,
}

/// The outer build's jobserver: in a build script, Cargo's; else that of an outer make; else that
/// of a Cargo further out.
pub(crate) fn outer(is_build_script: bool) -> &'static Outer {
    &found(is_build_script).0
}

pub(crate) fn first_token(is_build_script: bool) -> FirstToken {
    found(is_build_script).1
}

/// Finds the jobserver once, before this process opens anything that could take the number of a
/// closed descriptor.
fn found(is_build_script: bool) -> &'static (Outer, FirstToken) {
    static FOUND: OnceLock<(Outer, FirstToken)> = OnceLock::new();
    FOUND.get_or_init(|| {
        let names: &[&str] = match is_build_script {
            true => &["CARGO_MAKEFLAGS", "MAKEFLAGS"],
            false => &["MAKEFLAGS"],
        };
        let flags: Vec<_> = names.iter().filter_map(std::env::var_os).collect();
        let server = flags.iter().find(|flags| named(flags).is_some());
        match server {
            Some(flags) => {
                let outer = look(flags);
                let first = match of_ninja(&outer, flags) {
                    Some(ninja) => FirstToken::OfNinja(ninja),
                    None => FirstToken::Ours,
                };
                (outer, first)
            }
            None if flags.iter().any(|flags| wants_one_job(flags)) => {
                (Outer::OneJob, FirstToken::Ours)
            }
            None => match std::env::var_os("CARGO_MAKEFLAGS").map(|flags| (look(&flags), flags)) {
                Some((outer @ (Outer::Pipe(..) | Outer::Fifo(..)), flags)) => {
                    let first = match of_ninja(&outer, &flags) {
                        Some(ninja) => FirstToken::OfNinja(ninja),
                        None => FirstToken::OfScript,
                    };
                    (outer, first)
                }
                // No process between Cargo and us promised to hand the jobserver on.
                _ => (Outer::Silent, FirstToken::Ours),
            },
        }
    })
}

/// The Ninja between us and the jobserver in these flags, unless it is a client.
fn of_ninja(outer: &Outer, flags: &OsStr) -> Option<&'static Ninja> {
    let fifo = match outer {
        Outer::Pipe(..) => None,
        Outer::Fifo(path, _) => Some(path.as_path()),
        _ => return None,
    };
    let server = named(flags);
    ninja::that_shares(fifo, |variable| {
        let value = [&b"MAKEFLAGS="[..], b"CARGO_MAKEFLAGS="]
            .iter()
            .find_map(|name| variable.strip_prefix(*name));
        value.is_some_and(|value| named(OsStr::from_bytes(value)) == server)
    })
}

/// Descriptors of the outer build that we inherited. Children inherit them from us unless they are
/// withheld.
pub(crate) fn inherited(is_build_script: bool) -> Vec<RawFd> {
    match outer(is_build_script) {
        Outer::Pipe(read, write, _) => vec![*read, *write],
        _ => Vec::new(),
    }
}

fn look(flags: &OsStr) -> Outer {
    let dead = |why: &str| {
        Outer::Dead(format!(
            "running one job only: the outer build has a jobserver ({}), {why}",
            flags.to_string_lossy().trim()
        ))
    };
    match named(flags) {
        None => Outer::Silent,
        Some(Named::Pipe(read, write)) if sys::are_ends_of_one_pipe(read, write) => {
            Outer::Pipe(read, write, Channel::of_pipe(read, write))
        }
        Some(Named::Pipe(read, write)) if device::is_inherited(read, write) => {
            Outer::Pipe(read, write, Channel::of_pipe(read, write))
        }
        Some(Named::Fifo(path)) => match open_server(&path) {
            Ok(channel) => Outer::Fifo(absolute(path), channel),
            Err(why) => dead(&format!("but {} cannot be used: {why}", path.display())),
        },
        Some(_) => dead(
            "but kbuild-rs did not inherit its descriptors. In a Makefile, put `+` before the \
             command. In CMake, add JOB_SERVER_AWARE TRUE to add_custom_command or \
             add_custom_target",
        ),
    }
}

/// An absolute path, because make runs in another folder than this process.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// Opens the file that names a jobserver: a fifo, or a character device that gives tokens.
fn open_server(path: &Path) -> Result<Channel, String> {
    let file = open(path)?;
    if sys::is_pipe(&file) {
        return Ok(Channel::of_fifo(file));
    }
    match file.metadata() {
        Ok(meta) if meta.file_type().is_char_device() => {
            let channel = Channel::of_fifo(file);
            device::try_out(&channel).map(|()| channel)
        }
        _ => Err("it is neither a fifo nor a character device".to_owned()),
    }
}

/// Opens a fifo.
#[cfg(test)]
pub(crate) fn open_fifo(path: &Path) -> Result<File, String> {
    let file = open(path)?;
    match sys::is_pipe(&file) {
        true => Ok(file),
        false => Err("it is not a fifo".to_owned()),
    }
}

/// Opens for both directions, so that no process is needed at the other end and reading does not
/// wait.
fn open(path: &Path) -> Result<File, String> {
    let opened = sys::open_nonblocking(File::options().read(true).write(true), path);
    opened.map_err(|e| e.to_string())
}

/// The last jobserver that the flags name. Words after `--` are variables.
pub(super) fn named(flags: &OsStr) -> Option<Named> {
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

/// Whether an outer make runs one job (`-j1`). It has no jobserver then.
pub(super) fn wants_one_job(flags: &OsStr) -> bool {
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
    fn the_message_about_a_dead_jobserver_says_how_to_repair_it() {
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
            assert!(
                why.contains(flags) && why.contains("put `+` before"),
                "{why}"
            );
            assert!(why.contains("JOB_SERVER_AWARE"), "{why}");
        }
        assert!(why("--jobserver-auth=fifo:/nonexistent/fifo").contains("No such file"));
        for (path, reason) in [
            ("/", "Is a directory"),
            ("/dev/null", "it does not give tokens"),
            ("/dev/full", "it does not take tokens back"),
        ] {
            let why = why(&format!("--jobserver-auth=fifo:{path}"));
            assert!(why.contains(path) && why.contains(reason), "{why}");
            assert!(why.starts_with("running one job only: "), "{why}");
        }
        let root = crate::fixture::Root::new();
        let file = root.write("no-fifo", "++++");
        let regular = why(&format!("--jobserver-auth=fifo:{}", file.display()));
        assert!(regular.contains("neither a fifo nor a character device"));
    }

    #[test]
    fn a_character_device_that_gives_tokens_and_takes_them_back_is_a_jobserver() {
        match look(OsStr::new(" -j2 --jobserver-auth=fifo:/dev/zero")) {
            Outer::Fifo(path, channel) => {
                assert_eq!(path, Path::new("/dev/zero"));
                assert_eq!(channel.take().unwrap(), Some(0));
            }
            other => panic!("{other:?}"),
        }
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
