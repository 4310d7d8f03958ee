//! What a call lacks, or finds odd.

use std::fs::{self, File};

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::Result;
use crate::other_user;
use crate::random::Random;
use crate::torture::works::in_front;

/// What a call lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shortage {
    /// KiB on the disk.
    Disk(u64),
    /// Files on the disk.
    Files(u64),
    /// `ulimit -f`, in KiB.
    FileSize(u64),
    /// `ulimit -n`.
    Descriptors(u64),
    /// `ulimit -u`.
    Processes(u64),
    /// `ulimit -v`, in KiB.
    Memory(u64),
    /// The folder of all outputs can only be read.
    ReadOnly,
    /// The sources can only be read.
    ReadOnlySource,
    /// No `/proc`.
    Proc,
    /// No variables of the user.
    Home,
    /// `TMPDIR` is a folder that does not exist, a file, or one that can only be read.
    Tmpdir(&'static str),
    /// Permission bits that new files do not get.
    Umask(&'static str),
    /// The times of the sources, in seconds since 1970.
    Clock(i64),
    /// Closed descriptors.
    Closed(&'static str),
    /// Nobody reads the standard output.
    Pipe,
    /// No output can be written.
    FullOutput(&'static str),
}

impl Shortage {
    /// The one with this number, in a random extent.
    pub(super) fn choose(number: usize, random: &mut Random) -> Shortage {
        let mut below = |limit| random.below(limit);
        match number % 16 {
            0 => Shortage::Disk(below(1500)),
            1 => Shortage::Descriptors(3 + below(40)),
            2 => Shortage::Files(below(90)),
            3 => Shortage::Memory(40_000 + below(400_000)),
            4 => Shortage::Umask(word(random, &["0777", "0", "0377", "0177", "0077"])),
            5 => Shortage::FileSize(below(500)),
            6 => Shortage::Processes(1 + below(12)),
            7 => Shortage::ReadOnly,
            8 => Shortage::Clock(*random.pick(CLOCKS)),
            9 => Shortage::Closed(word(random, CLOSED)),
            10 => Shortage::Proc,
            11 => Shortage::Tmpdir(word(random, &["no/such/folder", "file", ""])),
            12 => Shortage::Pipe,
            13 => Shortage::Home,
            14 => Shortage::FullOutput(word(random, &[">/dev/full", ">/dev/full 2>&1"])),
            _ => Shortage::ReadOnlySource,
        }
    }

    /// Whether it may keep the program from being started at all.
    pub(super) fn is_limit(self) -> bool {
        use Shortage::{Descriptors, Memory, Proc, Processes};
        matches!(self, Descriptors(_) | Memory(_) | Processes(_) | Proc)
    }

    /// Whether no message can be seen.
    pub(super) fn is_mute(self) -> bool {
        match self {
            Shortage::Closed(which) => which.contains("2>&-"),
            Shortage::FullOutput(which) => which.contains("2>&1"),
            _ => false,
        }
    }

    /// The call with this shortage.
    pub(super) fn around(self, call: &Command, folder: &Path, source: &Path) -> Result<Command> {
        let shell = |script: &str| in_front(&["bash", "-c", script, "bash"], call);
        let mounts = |what: String| {
            let script = format!("{what} && exec \"$@\"");
            in_front(&["unshare", "-m", "bash", "-c", &script, "bash"], call)
        };
        let read_only = |path: &Path| {
            let path = path.display();
            mounts(format!("mount --bind -o ro '{path}' '{path}'"))
        };
        let limit = |flag: &str, number: u64| {
            shell(&format!(
                "ulimit -c 0; ulimit -{flag} {number} && exec \"$@\""
            ))
        };
        Ok(match self {
            Shortage::Disk(_) | Shortage::Files(_) => in_front(&["env"], call),
            // The reader has ended before the call begins.
            Shortage::Pipe => shell("exec 3> >(exit); wait $!; exec \"$@\" >&3 3>&-"),
            Shortage::FileSize(kib) => {
                shell(&format!("trap '' XFSZ; ulimit -f {kib} && exec \"$@\""))
            }
            Shortage::Descriptors(number) => limit("n", number),
            Shortage::Memory(kib) => limit("v", kib),
            Shortage::Processes(number) => processes(number, call),
            Shortage::ReadOnly => read_only(folder),
            Shortage::ReadOnlySource => read_only(source),
            Shortage::Proc => mounts("mount -t tmpfs none /proc".into()),
            Shortage::Home => in_front(&["env", "-u", "HOME", "-u", "XDG_CACHE_HOME"], call),
            Shortage::Tmpdir(below) => {
                let file = folder.join("file");
                fs::write(&file, "").map_err(|error| error.to_string())?;
                let value = match below {
                    "" => "TMPDIR=".to_owned(),
                    below => format!("TMPDIR={}", folder.join(below).display()),
                };
                in_front(&["env", &value], call)
            }
            Shortage::Umask(mask) => shell(&format!("umask {mask} && exec \"$@\"")),
            Shortage::Closed(which) | Shortage::FullOutput(which) => {
                shell(&format!("exec \"$@\" {which}"))
            }
            Shortage::Clock(seconds) => {
                set_times(source, seconds)?;
                in_front(&["env"], call)
            }
        })
    }
}

/// One of the words.
fn word(random: &mut Random, words: &[&'static str]) -> &'static str {
    random.pick::<&'static str>(words)
}

const CLOSED: &[&str] = &["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">&- 2>&-"];

/// Before 1970, at its begin, around the ends of 32 bits, and far away.
const CLOCKS: &[i64] = &[
    -1,
    0,
    1,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    15_000_000_000,
];

fn processes(number: u64, call: &Command) -> Command {
    let front = other_user(54_000, "+dac_override");
    let script = format!("ulimit -c 0; ulimit -u {number} && exec \"$@\"");
    let words = front.iter().map(String::as_str);
    let words: Vec<&str> = words.chain(["bash", "-c", &script, "bash"]).collect();
    in_front(&words, call)
}

fn set_times(source: &Path, seconds: i64) -> Result<()> {
    let time = match u64::try_from(seconds) {
        Ok(after) => SystemTime::UNIX_EPOCH + Duration::from_secs(after),
        Err(_) => SystemTime::UNIX_EPOCH - Duration::from_secs(seconds.unsigned_abs()),
    };
    let set = || {
        for entry in fs::read_dir(source)? {
            let file = File::options().append(true).open(entry?.path())?;
            file.set_modified(time)?;
        }
        Ok(())
    };
    set().map_err(|error: std::io::Error| error.to_string())
}
