//! What the build outside was asked for that it tells nobody: how many jobs, to show its commands, or
//! to do nothing.
//!
//! Before 1.13, Ninja tells its commands nothing: no variable, no jobserver. What stands on its
//! command line is the one thing that they can see of `ninja -j4 -v`, and so of `cmake --build` and
//! `meson compile` with these.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Ninja, a shell or two, and what a rule puts in front of a command.
const GENERATIONS: usize = 6;

/// The number behind `-j` of the Ninja that this process runs below; `None` where there is none,
/// or it was not told.
pub(super) fn jobs() -> Option<usize> {
    of_ninja(|_, arguments| asked_for(arguments))?
}

/// Whether a Ninja stands between us and a make's jobserver, and is none of its clients: it starts
/// several of us with the one token that make gave it. A client draws one for each, through a fifo
/// of its own opening; from a pipe, no Ninja does.
pub(super) fn has_ninja_between(fifo: Option<&Path>) -> bool {
    of_ninja(|process, _| !fifo.is_some_and(|fifo| has_open(process, fifo))).unwrap_or(false)
}

fn has_open(process: u32, file: &Path) -> bool {
    let Ok(file) = fs::metadata(file) else {
        return false;
    };
    let opened = fs::read_dir(format!("/proc/{process}/fd"));
    let mut opened = opened.into_iter().flatten().flatten();
    opened.any(|fd| {
        fs::metadata(fd.path()).is_ok_and(|fd| (fd.dev(), fd.ino()) == (file.dev(), file.ino()))
    })
}

/// Whether the build outside shows its commands: `ninja -v`, or `VERBOSE` in the environment, as
/// the Makefiles that CMake writes have it.
pub fn is_outside_verbose() -> bool {
    let by_make = std::env::var_os("VERBOSE").is_some_and(|value| !value.is_empty());
    by_make || of_ninja(|_, arguments| is_verbose(arguments)).unwrap_or(false)
}

/// Whether the make outside only tells what it would do (`-n`), or whether it would do anything
/// (`-q`), or marks it as done (`-t`). A recipe that is given its jobserver runs all the same.
pub fn is_outside_pretending() -> bool {
    std::env::var("MAKEFLAGS").is_ok_and(|flags| pretends(&flags))
}

/// Flags of one letter stand together in the first word, without a dash.
fn pretends(flags: &str) -> bool {
    let letters = flags.split(' ').next().unwrap_or_default();
    !letters.starts_with('-') && !letters.contains('=') && letters.contains(['n', 'q', 't'])
}

/// What the Ninja that this process runs below, and its arguments, say.
fn of_ninja<T>(say: impl Fn(u32, &[&str]) -> T) -> Option<T> {
    let mut process = std::os::unix::process::parent_id();
    for _ in 0..GENERATIONS {
        let line = fs::read(format!("/proc/{process}/cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line);
        let words: Vec<&str> = line.split('\0').collect();
        if let Some(arguments) = arguments_of_ninja(&words) {
            return Some(say(process, arguments));
        }
        process = parent(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)?;
    }
    None
}

/// What follows the program's name, which is the first word, unless a loader runs it.
fn arguments_of_ninja<'a>(words: &'a [&'a str]) -> Option<&'a [&'a str]> {
    let name = |word: &'a str| word.rsplit('/').next().unwrap_or_default();
    let is_ninja = |word: &&'a str| matches!(name(word), "ninja" | "ninja-build" | "samu");
    let by_loader = name(words.first()?).starts_with("ld-");
    let programs = if by_loader { words.len() } else { 1 };
    let at = words[..programs].iter().rposition(is_ninja)?;
    Some(&words[at + 1..])
}

/// The last one counts, as it does to Ninja; `-j0` means as many as there are.
fn asked_for(arguments: &[&str]) -> Option<usize> {
    let mut jobs = None;
    for (at, word) in arguments.iter().enumerate() {
        let number = match word.strip_prefix("-j") {
            Some("") => arguments.get(at + 1).copied(),
            number => number,
        };
        jobs = number.map_or(jobs, |number| number.parse().ok());
    }
    jobs.filter(|jobs| *jobs > 0)
}

fn is_verbose(arguments: &[&str]) -> bool {
    arguments
        .iter()
        .any(|word| matches!(*word, "-v" | "--verbose"))
}

/// The parent in a line of `/proc/PID/stat`: the second word after the name, which stands in
/// brackets and may hold anything.
fn parent(stat: &str) -> Option<u32> {
    let (_, after) = stat.rsplit_once(')')?;
    after.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<usize> {
        let words: Vec<&str> = line.split(' ').collect();
        asked_for(arguments_of_ninja(&words)?)
    }

    #[test]
    fn the_number_is_read_in_both_forms_and_the_last_one_counts() {
        assert_eq!(of("/usr/bin/ninja -v -j 4"), Some(4));
        assert_eq!(of("ninja -j4 -C build hello"), Some(4));
        assert_eq!(of("ninja -j4 -j2"), Some(2));
        assert_eq!(
            of("/lib/ld-linux-x86-64.so.2 --argv0 /l/ninja /l/bin/ninja -j3"),
            Some(3)
        );
    }

    #[test]
    fn without_a_number_or_a_ninja_there_is_none() {
        for line in [
            "ninja",
            "ninja -j0",
            "ninja -j",
            "ninja -jx",
            "make -j4",
            "sh -c ninja -j4",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
    }

    #[test]
    fn a_ninja_that_shows_its_commands_is_noticed() {
        let of = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            arguments_of_ninja(&words).map(is_verbose)
        };
        assert_eq!(of("ninja -j4 -v"), Some(true));
        assert_eq!(of("/usr/bin/ninja --verbose hello"), Some(true));
        assert_eq!(of("ninja -j4"), Some(false));
        assert_eq!(of("make -v"), None);
    }

    #[test]
    fn a_make_that_only_pretends_is_noticed() {
        for flags in ["n", "kn -j4 --jobserver-auth=3,4", "sq", "t -- V=1"] {
            assert!(pretends(flags), "{flags}");
        }
        for flags in [
            "",
            " -j4 -- n=1",
            "kw -j2",
            "--no-print-directory",
            "note=1",
        ] {
            assert!(!pretends(flags), "{flags}");
        }
    }

    #[test]
    fn a_jobservers_client_is_known_by_the_fifo_that_it_has_open() {
        let fifo = std::env::temp_dir().join(format!("kbuild-outside-{}", std::process::id()));
        crate::sys::make_fifo(&fifo).unwrap();
        let us = std::process::id();
        assert!(!has_open(us, &fifo));
        let client = super::super::advertised::open_fifo(&fifo).unwrap();
        assert!(has_open(us, &fifo));
        drop(client);
        fs::remove_file(&fifo).unwrap();
        assert!(!has_open(us, &fifo));
    }

    #[test]
    fn the_parent_is_found_behind_any_name() {
        assert_eq!(parent("7 (a) b) S 42 1 1 0"), Some(42));
        assert_eq!(parent("7"), None);
    }
}
