//! What can take the place of a private file or folder.

use std::fmt;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

use super::world::{Hostile, Users};
use crate::random::Random;
use crate::torture::Attempt;
use crate::torture::files::{NOBODY, at, give, make_folder, remove, write};
use crate::{Result, plain};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A link to the victim's file.
    Link,
    /// A link to a copy among the victims.
    LinkSame,
    /// A link to a file that does not exist among the victims.
    LinkNew,
    /// A link to itself.
    Loop,
    /// A link to the victim's folder.
    LinkFolder,
    /// The victim's file under another name.
    Hard,
    /// The same, and it has the original content.
    HardSame,
    Fifo,
    Null,
    Zero,
    Full,
    Socket,
    /// A folder with a file.
    Folder,
    Gone,
    /// It belongs to another user.
    Owner,
    /// Nobody may use it.
    Closed,
    /// Everybody may write to it.
    Open,
    Empty,
    Half,
    Noise,
    /// Some lines name other files, or huge numbers.
    Forged,
    /// A link that has the name of a temporary file.
    BesideLink,
    /// A folder that has the name of a temporary file.
    BesideFolder,
}

use Shape::*;

const SHAPES: &[Shape] = &[
    Link,
    LinkSame,
    LinkNew,
    Loop,
    LinkFolder,
    Hard,
    HardSame,
    Fifo,
    Null,
    Zero,
    Full,
    Socket,
    Folder,
    Gone,
    Owner,
    Closed,
    Open,
    Empty,
    Half,
    Noise,
    Forged,
    Forged,
    Forged,
    BesideLink,
    BesideFolder,
];

/// The shapes that somebody swaps in while a build runs.
pub(super) const SWIFT: &[Shape] = &[
    Link, LinkNew, Loop, LinkFolder, Hard, Fifo, Socket, Folder, Gone,
];

/// A change of a path.
#[derive(Clone, Debug)]
pub(super) struct Spoil {
    /// Relative to the world.
    path: PathBuf,
    shape: Shape,
    seed: u64,
}

impl fmt::Display for Spoil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is {:?} ({})",
            self.path.display(),
            self.shape,
            self.seed
        )
    }
}

impl Spoil {
    pub(super) fn new(hostile: &Hostile, attempt: &mut Attempt) -> Spoil {
        Spoil {
            path: attempt.random.pick(&hostile.private).clone(),
            shape: *attempt.random.pick(SHAPES),
            seed: attempt.random.below(1 << 32),
        }
    }

    /// Whether it makes a record say something else, in its own form. The owner of an output directory
    /// may lie to himself, so only other files count.
    pub(super) fn forges(&self) -> bool {
        self.shape == Forged
    }

    pub(super) fn apply(&self, hostile: &Hostile, users: Users) -> Result<()> {
        let path = hostile.at("").join(&self.path);
        let victims = hostile.at("victims");
        let Some(parent) = path.parent().filter(|parent| parent.is_dir()) else {
            // An earlier change took its folder.
            return Ok(());
        };
        if is_in(parent, &victims) {
            return Ok(());
        }
        let mut random = Random::seeded(self.seed);
        put(&path, self.shape, &victims, &mut random)?;
        let meta = fs::symlink_metadata(&path);
        if hostile.is_root && users.owner != 0 && self.shape != Owner && meta.is_ok() {
            let same = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_symlink());
            match same {
                true => lchown(&path, Some(users.owner), Some(users.owner)).map_err(at(&path))?,
                false => give(users.owner, &path)?,
            }
            give(users.owner, &victims)?;
        }
        if self.shape == Owner && hostile.is_root {
            let other = NOBODY - 1;
            lchown(&path, Some(other), Some(other)).map_err(at(&path))?;
        }
        Ok(())
    }
}

/// Whether an earlier change leads a folder to the victims. What we write there is not the program's.
fn is_in(folder: &Path, victims: &Path) -> bool {
    fs::canonicalize(folder).is_ok_and(|folder| folder.starts_with(victims))
}

/// Puts the shape at a path.
fn put(path: &Path, shape: Shape, victims: &Path, random: &mut Random) -> Result<()> {
    let file = victims.join(*random.pick(&["file", "secret", "hello.ko", "record"]));
    let same = victims.join(format!("same{}", random.below(1 << 20)));
    let is_folder = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir());
    // An earlier change may have put a fifo or an endless device there.
    let old = match path.is_file() {
        true => fs::read(path).unwrap_or_default(),
        false => Vec::new(),
    };
    let mode = |mode| fs::set_permissions(path, Permissions::from_mode(mode)).map_err(at(path));
    match shape {
        Owner => return Ok(()),
        Closed => return if path.exists() { mode(0) } else { Ok(()) },
        Open => return if path.exists() { mode(0o777) } else { Ok(()) },
        BesideLink | BesideFolder => return beside(path, shape, &file, random),
        LinkSame | HardSame if is_folder => {
            fs::rename(path, &same).map_err(at(path))?;
            return symlink(&same, path).map_err(at(path));
        }
        LinkSame | HardSame if path.is_file() => plain::copy(path, &same)?,
        LinkSame | HardSame => write(&same, "")?,
        _ => {}
    }
    remove(path)?;
    let device = |number| {
        mknodat(
            CWD,
            path,
            FileType::CharacterDevice,
            Mode::from_raw_mode(0o666),
            makedev(1, number),
        )
        // Only root may make one.
        .or_else(|_| mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o666), 0))
        .map_err(at(path))
    };
    match shape {
        Link => symlink(&file, path).map_err(at(path)),
        LinkSame => symlink(&same, path).map_err(at(path)),
        LinkNew => symlink(victims.join("new"), path).map_err(at(path)),
        Loop => symlink(path, path).map_err(at(path)),
        LinkFolder => symlink(victims.join("dir"), path).map_err(at(path)),
        Hard => fs::hard_link(&file, path).map_err(at(path)),
        HardSame => fs::hard_link(&same, path).map_err(at(path)),
        Fifo => mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o666), 0).map_err(at(path)),
        Null => device(3),
        Zero => device(5),
        Full => device(7),
        Socket => match UnixListener::bind(path) {
            // The name of a socket cannot be as long as a path.
            Err(_) => write(path, ""),
            Ok(_) => Ok(()),
        },
        Folder => write(&path.join("mine"), "mine\n"),
        Gone => Ok(()),
        Empty => write(path, ""),
        Half => write(path, &old[..old.len() / 2]),
        Noise => {
            let length = 1 + random.below(4096);
            let noise: Vec<u8> = (0..length).map(|_| random.below(256) as u8).collect();
            write(path, noise)
        }
        Forged => write(path, forged(&old, victims, random)),
        Owner | Closed | Open | BesideLink | BesideFolder => Ok(()),
    }
}

/// Something in the place of a temporary file.
fn beside(path: &Path, shape: Shape, victim: &Path, random: &mut Random) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let end = *random.pick(&["part", "tmp", "new", "old"]);
    for name in [format!("{name}.{end}"), format!(".{name}.{end}")] {
        let beside = path.with_file_name(name);
        remove(&beside)?;
        match shape {
            BesideLink => symlink(victim, &beside).map_err(at(&beside))?,
            _ => make_folder(&beside.join("mine"))?,
        }
    }
    Ok(())
}

/// The text with some words replaced.
fn forged(old: &[u8], victims: &Path, random: &mut Random) -> Vec<u8> {
    let victim = victims.join("file");
    let words: [&[u8]; 14] = [
        victim.as_os_str().as_encoded_bytes(),
        b"../../../../../victims/file",
        b"../victims/hello.ko",
        b"..",
        b".",
        b"/",
        b"",
        b"99999999999999999999999999999999",
        b"-1",
        b"18446744073709551615",
        b"\0",
        b"hello.ko",
        b"\xff\xfe",
        b"$(shell touch TORTURED)",
    ];
    let mut lines: Vec<Vec<u8>> = old
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    for _ in 0..1 + random.below(4) {
        let number = random.below(lines.len() as u64) as usize;
        let word = *random.pick::<&[u8]>(&words);
        let line = lines[number].clone();
        let mut parts: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let part = random.below(parts.len() as u64) as usize;
        match random.below(6) {
            0 => lines[number] = word.to_vec(),
            1 => drop(lines.remove(number)),
            2 => lines.insert(number, line),
            3 => lines[number] = word.repeat(1 << 16),
            _ => {
                parts[part] = word;
                lines[number] = parts.join(&b' ');
            }
        }
        if lines.is_empty() {
            lines.push(Vec::new());
        }
    }
    lines.join(&b'\n')
}

/// Puts a shape at a path in one step, so that a running build sees the old one or the new one.
pub(super) fn swap(path: &Path, shape: Shape, victims: &Path, random: &mut Random) {
    // A folder that is missing may be so behind a link that an earlier change put above it.
    let is_there = |parent: &Path| parent.is_dir() && !is_in(parent, victims);
    if !path.parent().is_some_and(is_there) {
        return;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!("{name}.swap"));
    let old = path.with_file_name(format!("{name}.gone"));
    // The build may remove any of it meanwhile.
    if put(&draft, shape, victims, random).is_ok() {
        if fs::rename(&draft, path).is_err() {
            let _ = fs::rename(path, &old);
            let _ = fs::rename(&draft, path);
        }
        let _ = remove(&old);
    }
    let _ = remove(&draft);
}
