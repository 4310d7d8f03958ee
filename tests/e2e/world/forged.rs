//! Forged records and manifests: lines are changed word by word, in any file format.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The words of a record about a file: size, mtime, ctime and inode, in the record's form.
pub(crate) struct Words([String; 4]);

impl Words {
    pub(crate) fn of(path: &Path) -> Words {
        let meta = fs::symlink_metadata(path).unwrap();
        let time = |seconds: i64, nanos: i64| {
            (i128::from(seconds) * 1_000_000_000 + i128::from(nanos)).to_string()
        };
        Words([
            meta.size().to_string(),
            time(meta.mtime(), meta.mtime_nsec()),
            time(meta.ctime(), meta.ctime_nsec()),
            meta.ino().to_string(),
        ])
    }
}

/// Changes the lines of a text, in bytes, one by one.
pub(crate) fn lines(text: &[u8], change: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> Vec<u8> {
    let all: Vec<Vec<u8>> = text.split(|&b| b == b'\n').flat_map(change).collect();
    all.join(&b'\n')
}

/// The words of a line, with their separators.
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split_inclusive(|&b| b == b' ' || b == b'\t')
}

fn bare(word: &[u8]) -> &[u8] {
    word.strip_suffix(b" ")
        .or(word.strip_suffix(b"\t"))
        .unwrap_or(word)
}

/// A line with some words replaced.
pub(crate) fn with_words(line: &[u8], new: &dyn Fn(&[u8]) -> Option<Vec<u8>>) -> Vec<u8> {
    let mut all = Vec::new();
    for word in words(line) {
        let bare = bare(word);
        match new(bare) {
            Some(other) => {
                all.extend(other);
                all.extend(&word[bare.len()..]);
            }
            None => all.extend(word),
        }
    }
    all
}

/// Turns a line about a file into one about another file.
pub(crate) fn about(line: &[u8], old: &Words, new: &Words) -> Vec<u8> {
    with_words(line, &|word| {
        let at = old.0.iter().position(|w| w.as_bytes() == word)?;
        Some(new.0[at].clone().into_bytes())
    })
}

/// Whether a line is about the file with these words. Several files may have the same ctime, and an
/// inode is a short number.
pub(crate) fn is_about(line: &[u8], file: &Words) -> bool {
    let holds = |wanted: &String| words(line).any(|word| bare(word) == wanted.as_bytes());
    file.0[2..].iter().all(holds)
}

/// Whether a word of a line is this path, or ends with it.
pub(crate) fn names(line: &[u8], path: &str) -> bool {
    words(line).any(|word| is_path(bare(word), path))
}

pub(crate) fn is_path(word: &[u8], path: &str) -> bool {
    word == path.as_bytes() || word.ends_with(format!("/{path}").as_bytes())
}
