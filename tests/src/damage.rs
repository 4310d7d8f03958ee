//! The effects of a power cut on an output directory: files lost their bytes, and records of an earlier
//! boot describe them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::random::Random;

/// The way in which a file lost its bytes.
#[derive(Clone, Copy, Debug)]
pub enum Loss {
    /// The old size, but all bytes are zero.
    Zeros,
    /// Zeros from some offset on.
    ZeroTail,
    /// Truncated at some offset, possibly zero.
    Cut,
    /// The name was lost.
    Gone,
}

/// All ways.
pub const LOSSES: [Loss; 4] = [Loss::Zeros, Loss::ZeroTail, Loss::Cut, Loss::Gone];

/// Another boot of the machine.
pub const ANOTHER_BOOT: &str = "11111111-2222-3333-4444-555555555555";

impl Loss {
    /// Spoils the file in place: its inode and its mtime stay.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub fn strike(self, path: &Path, random: &mut Random) -> Result<()> {
        let fail = |error: std::io::Error| format!("{}: {error}", path.display());
        if let Loss::Gone = self {
            return fs::remove_file(path).map_err(fail);
        }
        let mut bytes = fs::read(path).map_err(fail)?;
        let at = random.below(bytes.len().max(1) as u64) as usize;
        match self {
            Loss::Zeros => bytes.fill(0),
            Loss::ZeroTail => bytes.iter_mut().skip(at).for_each(|byte| *byte = 0),
            Loss::Cut => bytes.truncate(at),
            Loss::Gone => {}
        }
        rewrite(path, &bytes)
    }
}

/// Writes bytes into a file and keeps its mtime.
///
/// # Errors
/// If it cannot be written.
pub fn rewrite(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        let modified = fs::metadata(path)?.modified()?;
        fs::write(path, bytes)?;
        let file = fs::File::options().append(true).open(path)?;
        file.set_modified(modified)
    };
    write().map_err(|error: std::io::Error| format!("{}: {error}", path.display()))
}

/// Whether a file describes others. Such files are spoilt after they were made to describe spoilt
/// ones.
pub fn is_note(path: &Path) -> bool {
    path.ends_with("inventory") || path.ends_with("record")
}

/// Writes the current size and times of each file into the notes in `out`, but keeps their contents'
/// hashes. With `boot`, another boot of the machine wrote them.
///
/// # Errors
/// If a note cannot be read or written; if one names no boot.
pub fn restamp(out: &Path, notes: &[PathBuf], boot: Option<&str>) -> Result<()> {
    for note in notes {
        let fail = |error: std::io::Error| format!("{}: {error}", note.display());
        let old = fs::read(note).map_err(fail)?;
        let lines: Vec<Vec<u8>> = old
            .split(|&b| b == b'\n')
            .map(|line| match note.ends_with("inventory") {
                true => of_inventory(line, &note.with_file_name("stage"), boot),
                false => of_record(line, out, boot),
            })
            .collect();
        let new = lines.join(&b'\n');
        if let Some(boot) = boot {
            if !String::from_utf8_lossy(&new).contains(boot) {
                return Err(format!("{} names no boot", note.display()));
            }
        }
        fs::write(note, new).map_err(fail)?;
    }
    Ok(())
}

fn of_inventory(line: &[u8], stage: &Path, boot: Option<&str>) -> Vec<u8> {
    match (line.iter().position(|&b| b == b'\t'), boot) {
        (Some(tab), _) => {
            let relative = String::from_utf8_lossy(&line[tab + 1..]).into_owned();
            restamped(line, &stage.join(relative))
        }
        (None, Some(boot)) if line.len() == 36 => boot.as_bytes().to_vec(),
        _ => line.to_vec(),
    }
}

fn of_record(line: &[u8], out: &Path, boot: Option<&str>) -> Vec<u8> {
    match (line.split(|&b| b == b' ').nth(7), boot) {
        (Some(relative), _) if line.starts_with(b"p ") || line.starts_with(b"t ") => {
            let relative = String::from_utf8_lossy(relative).into_owned();
            restamped(line, &out.join(relative))
        }
        (_, Some(boot)) if line.starts_with(b"b ") => format!("b {boot}").into_bytes(),
        _ => line.to_vec(),
    }
}

/// A line `X SIZE MTIME CTIME INODE …` with the current words of the file at `path`.
fn restamped(line: &[u8], path: &Path) -> Vec<u8> {
    let text = String::from_utf8_lossy(line).into_owned();
    let mut words: Vec<&str> = text.split(' ').collect();
    let Some(now) = words_of(path) else {
        return line.to_vec();
    };
    for (word, now) in words.iter_mut().skip(1).zip(&now) {
        *word = now;
    }
    words.join(" ").into_bytes()
}

/// Size, mtime, ctime and inode of a file, in the form of the records.
fn words_of(path: &Path) -> Option<[String; 4]> {
    let meta = fs::symlink_metadata(path).ok()?;
    let time = |s: i64, ns: i64| (i128::from(s) * 1_000_000_000 + i128::from(ns)).to_string();
    Some([
        meta.size().to_string(),
        time(meta.mtime(), meta.mtime_nsec()),
        time(meta.ctime(), meta.ctime_nsec()),
        meta.ino().to_string(),
    ])
}
