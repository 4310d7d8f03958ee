//! The Ninja that this process runs below.
//!
//! Before 1.13, Ninja tells its commands nothing: no variable, no jobserver. The commands can see
//! Ninja's process, and its command line (`ninja -j4 -v`; `cmake --build` and `meson compile` start
//! such a Ninja).
//!
//! # Decisions
//!
//! - A pool of the machine's size instead would ignore the number of jobs that was asked for.
//! - A Ninja stands between this process and a jobserver only if its environment names that
//!   jobserver. A make below Ninja that has a jobserver of its own gives each process a token.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::OnceLock;

/// The number of ancestors that are searched: a shell or two and a rule's wrapper, and the same
/// again if one Ninja starts another.
const GENERATIONS: usize = 12;

/// A running Ninja.
#[derive(Debug)]
pub(crate) struct Ninja {
    process: u32,
    /// The time of its start in the kernel's clock ticks. The kernel reuses process numbers.
    started: u64,
    arguments: Vec<String>,
}

/// The Ninjas that this process runs below, the nearest first. They are looked up once, because a
/// parent that ends breaks the chain.
pub(crate) fn above() -> &'static [Ninja] {
    static ABOVE: OnceLock<Vec<Ninja>> = OnceLock::new();
    ABOVE.get_or_init(|| {
        let mut found = Vec::new();
        let mut process = std::os::unix::process::parent_id();
        for _ in 0..GENERATIONS {
            let stat = fs::read_to_string(format!("/proc/{process}/stat"));
            let Some((parent, started)) = stat.ok().as_deref().and_then(parent_and_start) else {
                break;
            };
            found.extend(Ninja::at(process, started));
            process = parent;
        }
        found
    })
}

/// The smallest `-j` of these Ninjas; `None` if there is none, or if it is unknown.
pub(crate) fn jobs() -> Option<usize> {
    let told = above()
        .iter()
        .filter_map(|ninja| asked_for(&ninja.arguments));
    told.min()
}

/// The Ninja that owns the one token that came with this jobserver. It runs between us and the
/// jobserver, is not a client of it, and starts several of us with that token. A client draws a
/// token for each command, from a fifo or device that it opens itself. No Ninja draws tokens from a
/// pipe.
///
/// `is_it` tells whether a process's environment names that jobserver.
pub(crate) fn that_shares(
    fifo: Option<&Path>,
    is_it: impl Fn(&[u8]) -> bool,
) -> Option<&'static Ninja> {
    let gives_one_token = |ninja: &&Ninja| {
        // A process whose environment cannot be read counts as one in between.
        let environment = fs::read(format!("/proc/{}/environ", ninja.process));
        let has_it = |all: Vec<u8>| all.split(|byte| *byte == 0).any(&is_it);
        environment.map_or(true, has_it) && !fifo.is_some_and(|fifo| has_open(ninja.process, fifo))
    };
    above().iter().take_while(gives_one_token).last()
}

impl Ninja {
    fn at(process: u32, started: u64) -> Option<Ninja> {
        let line = fs::read(format!("/proc/{process}/cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line);
        let words: Vec<&str> = line.split('\0').collect();
        let arguments = arguments(&words)?.iter().map(|&word| word.to_owned());
        Some(Ninja {
            process,
            started,
            arguments: arguments.collect(),
        })
    }

    /// A key that no other process has, on this machine and until it boots again.
    pub(crate) fn key(&self) -> String {
        key(self.process, self.started)
    }

    pub(crate) fn is_verbose(&self) -> bool {
        is_verbose(&self.arguments)
    }
}

pub(crate) fn key(process: u32, started: u64) -> String {
    format!("{}{process}-{started}", prefix())
}

/// The prefix of the keys of all Ninjas whose process numbers this process can see.
fn prefix() -> String {
    // "pid:[4026531836]"
    let space = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let space = space.to_string_lossy();
    let digits = space.chars().filter(char::is_ascii_digit);
    format!("ninja-{}-", digits.collect::<String>())
}

/// Whether a key belongs to a Ninja that has ended.
pub(crate) fn has_ended(key: &str) -> bool {
    let numbers = key.strip_prefix(&prefix()).and_then(|key| {
        let (process, started) = key.split_once('-')?;
        Some((process.parse::<u32>().ok()?, started.parse::<u64>().ok()?))
    });
    numbers.is_some_and(|(process, started)| {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"));
        let now = stat.ok().as_deref().and_then(parent_and_start);
        now.is_none_or(|(_, now)| now != started)
    })
}

fn has_open(process: u32, file: &Path) -> bool {
    let identity = |meta: fs::Metadata| match meta.file_type().is_char_device() {
        // Several files may stand for one device.
        true => (0, meta.rdev()),
        false => (meta.dev(), meta.ino()),
    };
    let Ok(file) = fs::metadata(file).map(identity) else {
        return false;
    };
    let opened = fs::read_dir(format!("/proc/{process}/fd"));
    let mut opened = opened.into_iter().flatten().flatten();
    opened.any(|fd| {
        fs::metadata(fd.path())
            .map(identity)
            .is_ok_and(|fd| fd == file)
    })
}

/// The words behind the program's name. The name is the first word, unless a loader runs the
/// program.
pub(super) fn arguments<'a>(words: &'a [&'a str]) -> Option<&'a [&'a str]> {
    let name = |word: &'a str| word.rsplit('/').next().unwrap_or_default();
    let is_ninja = |word: &&'a str| matches!(name(word), "ninja" | "ninja-build" | "samu");
    let by_loader = name(words.first()?).starts_with("ld-");
    let programs = if by_loader { words.len() } else { 1 };
    let at = words[..programs].iter().rposition(is_ninja)?;
    Some(&words[at + 1..])
}

/// The requested number of jobs. The last one counts, as in Ninja. `-j0` means no limit.
pub(super) fn asked_for(arguments: &[String]) -> Option<usize> {
    let mut jobs = None;
    for (at, word) in arguments.iter().enumerate() {
        let number = match word.strip_prefix("-j") {
            Some("") => arguments.get(at + 1).map(String::as_str),
            number => number,
        };
        jobs = number.map_or(jobs, |number| number.parse().ok());
    }
    jobs.filter(|jobs| *jobs > 0)
}

pub(super) fn is_verbose(arguments: &[String]) -> bool {
    arguments
        .iter()
        .any(|word| matches!(&**word, "-v" | "--verbose"))
}

/// The parent and the start time in a line of `/proc/PID/stat`: the second and the twentieth word
/// after the name. The name is in brackets and may hold anything.
pub(super) fn parent_and_start(stat: &str) -> Option<(u32, u64)> {
    let (_, after) = stat.rsplit_once(')')?;
    let mut words = after.split_ascii_whitespace().skip(1);
    let parent = words.next()?.parse().ok()?;
    Some((parent, words.nth(17)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments_of(line: &str) -> Option<Vec<String>> {
        let words: Vec<&str> = line.split(' ').collect();
        let arguments = arguments(&words)?.iter().map(|&word| word.to_owned());
        Some(arguments.collect())
    }

    fn of(line: &str) -> Option<usize> {
        asked_for(&arguments_of(line)?)
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
        let of = |line: &str| arguments_of(line).map(|arguments| is_verbose(&arguments));
        assert_eq!(of("ninja -j4 -v"), Some(true));
        assert_eq!(of("/usr/bin/ninja --verbose hello"), Some(true));
        assert_eq!(of("ninja -j4"), Some(false));
        assert_eq!(of("make -v"), None);
    }

    #[test]
    fn a_jobservers_client_is_known_by_the_fifo_or_device_that_it_has_open() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        crate::sys::make_fifo(&fifo).unwrap();
        let us = std::process::id();
        assert!(!has_open(us, &fifo));
        let client = crate::jobs::advertised::open_fifo(&fifo).unwrap();
        assert!(has_open(us, &fifo));
        drop(client);
        fs::remove_file(&fifo).unwrap();
        assert!(!has_open(us, &fifo));

        let device = Path::new("/dev/full");
        assert!(!has_open(us, device));
        let _client = fs::File::open(device).unwrap();
        assert!(has_open(us, device));
        assert!(!has_open(us, Path::new("/dev/zero")));
    }

    #[test]
    fn parent_and_start_are_found_behind_any_name() {
        let stat = "7 (a) b) S 42 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 9876 54321 9 18 0";
        assert_eq!(parent_and_start(stat), Some((42, 9876)));
        assert_eq!(parent_and_start("7"), None);
        assert_eq!(parent_and_start("7 (a) S 42"), None);
    }

    #[test]
    fn a_key_is_of_one_process_and_tells_when_that_has_ended() {
        let us = std::process::id();
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        let (_, started) = parent_and_start(&stat).unwrap();
        assert!(!has_ended(&key(us, started)));
        // Another process now has this number, so the Ninja has ended.
        assert!(has_ended(&key(us, started + 1)));
        assert!(has_ended(&key(4_194_305, 1)));
        // Processes of another namespace cannot be seen, and a text that is not a key cannot be
        // judged.
        let elsewhere = format!("ninja-1-{us}-1");
        for key in [elsewhere.as_str(), "ninja-", "pool-1", ""] {
            assert!(!has_ended(key), "{key}");
        }
    }
}
