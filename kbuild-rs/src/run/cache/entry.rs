//! An entry: what a build read, said and published. Its file has lines, and behind them the bytes of
//! the products.
//!
//! The second line has the hash of the key and of the lines below it, and each product's line has the
//! hash of its bytes. So a flipped byte anywhere, or the name of another key, is noticed before
//! anything is used.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{Sha, hex, sha_of_hex, sha256};
use crate::error::Level;
use crate::run::record::Class;
use crate::run::record::text::{class as class_of_tag, tag as tag_of_class};
use crate::syntax::{escape, unescape};

const HEADER: &[u8] = b"kbuild-rs cache 1\n";
/// The last line before the bytes.
const END: &[u8] = b"\n.\n";

/// A file that a build read. The path has placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Needed {
    pub(super) class: Class,
    pub(super) path: Vec<u8>,
    pub(super) sha: Sha,
}

/// Places where a file would come before one that was used: `rel` in the folders from the first to
/// before the second, of a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Absent {
    pub(super) list: usize,
    pub(super) folders: (usize, usize),
    pub(super) rel: Vec<u8>,
}

/// The kinds of bytes in an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Module,
    /// The published symvers.
    Symvers,
    /// The symvers in the stage, with placeholders: other module folders read it.
    StagedSymvers,
    /// A file beside the modules.
    Other,
    CompileCommands,
    Rust,
}

const KINDS: [(u8, Kind); 6] = [
    (b'm', Kind::Module),
    (b's', Kind::Symvers),
    (b'S', Kind::StagedSymvers),
    (b'o', Kind::Other),
    (b'c', Kind::CompileCommands),
    (b'r', Kind::Rust),
];

const LEVELS: [(u8, Level); 4] = [
    (b'p', Level::Plain),
    (b'r', Level::Remark),
    (b'w', Level::Warning),
    (b'e', Level::Error),
];

/// Bytes in an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(super) kind: Kind,
    /// The module's name, or the path of another product below the output directory.
    pub(super) name: PathBuf,
    pub(super) mode: u32,
    pub(super) size: usize,
    pub(super) sha: Sha,
}

/// Everything but the bytes.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(super) needed: Vec<Needed>,
    /// The folders that compilers searched, in their order.
    pub(super) lists: Vec<Vec<PathBuf>>,
    pub(super) absent: Vec<Absent>,
    /// The lines that make and the compilers printed, but for kbuild's steps.
    pub(super) said: Vec<(Level, String)>,
    pub(super) parts: Vec<Part>,
}

impl Entry {
    /// Adds bytes.
    pub(super) fn add(&mut self, kind: Kind, name: &Path, mode: u32, bytes: &[u8]) {
        self.parts.push(Part {
            kind,
            name: name.to_owned(),
            mode,
            size: bytes.len(),
            sha: sha256(bytes),
        });
    }

    /// The file of this entry of a key, without the bytes behind it, and the hash of its lines.
    pub(super) fn text(&self, key: &str) -> (Vec<u8>, Sha) {
        let mut text = Vec::new();
        let mut line = |tag: u8, words: &[&[u8]]| {
            text.extend_from_slice(&[b'\n', tag]);
            for word in words {
                text.push(b' ');
                escape(Path::new(OsStr::from_bytes(word)), &mut text);
            }
        };
        for list in &self.lists {
            let folders: Vec<&[u8]> = list.iter().map(|f| f.as_os_str().as_bytes()).collect();
            line(b'l', &folders);
        }
        let number = |n: usize| n.to_string().into_bytes();
        for needed in &self.needed {
            let words = [
                &[tag_of_class(needed.class)][..],
                hex(&needed.sha).as_bytes(),
                &needed.path,
            ]
            .map(<[u8]>::to_vec);
            line(b'n', &[&words[0], &words[1], &words[2]]);
        }
        for absent in &self.absent {
            let (from, to) = absent.folders;
            line(
                b'a',
                &[
                    &number(absent.list),
                    &number(from),
                    &number(to),
                    &absent.rel,
                ],
            );
        }
        for (level, said) in &self.said {
            let tag = LEVELS
                .iter()
                .find(|(_, l)| l == level)
                .map_or(b'p', |l| l.0);
            line(b'w', &[&[tag], said.as_bytes()]);
        }
        for part in &self.parts {
            let tag = KINDS
                .iter()
                .find(|(_, k)| *k == part.kind)
                .map_or(b'o', |k| k.0);
            let (size, sha) = (number(part.size), hex(&part.sha));
            let mode = format!("{:o}", part.mode);
            let name = part.name.as_os_str().as_bytes();
            line(
                b'b',
                &[&[tag], mode.as_bytes(), &size, sha.as_bytes(), name],
            );
        }
        text.extend_from_slice(END);
        let sha = sha256(&[key.as_bytes(), &text].concat());
        ([HEADER, hex(&sha).as_bytes(), &text].concat(), sha)
    }

    /// Reads an entry of a key, and finds where its bytes begin. `None` for a damaged one, or one of
    /// another key or version.
    pub(super) fn parse(key: &str, file: &[u8]) -> Option<(Entry, usize)> {
        let rest = file.strip_prefix(HEADER)?;
        let (hash, rest) = rest.split_at_checked(64)?;
        let end = find(rest, END)? + END.len();
        if sha256(&[key.as_bytes(), &rest[..end]].concat()) != sha_of_hex(hash)? {
            return None;
        }
        let lines = &rest[..end - END.len()];
        let mut entry = Entry::default();
        if !lines.is_empty() {
            for line in lines.strip_prefix(b"\n")?.split(|&b| b == b'\n') {
                entry.read_line(line)?;
            }
        }
        let start = file.len() - rest.len() + end;
        let sizes = entry
            .parts
            .iter()
            .try_fold(start, |at, part| at.checked_add(part.size))?;
        let is_sound = sizes == file.len()
            && entry.absent.iter().all(|absent| {
                let list = entry.lists.get(absent.list);
                let (from, to) = absent.folders;
                from < to && list.is_some_and(|list| to <= list.len())
            });
        is_sound.then_some((entry, start))
    }

    fn read_line(&mut self, line: &[u8]) -> Option<()> {
        let mut words = line.split(|&b| b == b' ');
        let tag = words.next()?;
        let mut word = || unescape(words.next()?).map(|word| word.as_os_str().as_bytes().to_vec());
        match tag {
            b"l" => {
                let rest = std::iter::from_fn(|| words.next());
                let folders = rest.map(unescape).collect::<Option<_>>()?;
                self.lists.push(folders);
                return Some(());
            }
            b"n" => {
                let class = class_of_tag(*word()?.first()?)?;
                let (sha, path) = (sha_of_hex(&word()?)?, word()?);
                self.needed.push(Needed { class, path, sha });
            }
            b"a" => {
                let list = number(&word()?)?;
                let folders = (number(&word()?)?, number(&word()?)?);
                let rel = word()?;
                self.absent.push(Absent { list, folders, rel });
            }
            b"w" => {
                let tag = *word()?.first()?;
                let (_, level) = LEVELS.iter().find(|(known, _)| *known == tag)?;
                self.said.push((*level, String::from_utf8(word()?).ok()?));
            }
            b"b" => {
                let tag = *word()?.first()?;
                let (_, kind) = KINDS.iter().find(|(known, _)| *known == tag)?;
                let mode = u32::from_str_radix(std::str::from_utf8(&word()?).ok()?, 8).ok()?;
                let (size, sha) = (number(&word()?)?, sha_of_hex(&word()?)?);
                let name = PathBuf::from(OsStr::from_bytes(&word()?));
                self.parts.push(Part {
                    kind: *kind,
                    name,
                    mode,
                    size,
                    sha,
                });
            }
            _ => return None,
        }
        words.next().is_none().then_some(())
    }

    /// The parts with their bytes. `file` is the whole file, and `start` the place of the first byte.
    /// `None` if a byte differs from what was stored.
    pub(super) fn bytes<'a>(
        &'a self,
        file: &'a [u8],
        start: usize,
    ) -> Option<Vec<(&'a Part, &'a [u8])>> {
        let mut at = start;
        let mut all = Vec::new();
        for part in &self.parts {
            let bytes = file.get(at..at.checked_add(part.size)?)?;
            at += part.size;
            if sha256(bytes) != part.sha {
                return None;
            }
            all.push((part, bytes));
        }
        Some(all)
    }
}

fn number(text: &[u8]) -> Option<usize> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|at| at == wanted)
}

/// Reads any bytes, and checks that what was read is written again.
#[cfg(feature = "fuzzing")]
pub(super) fn fuzz(bytes: &[u8]) {
    let check = |bytes: &[u8]| {
        let Some((entry, start)) = Entry::parse("", bytes) else {
            return;
        };
        entry.bytes(bytes, start);
        let text = entry.text("").0;
        drop(entry);
        let again = Entry::parse("", &[&text, &bytes[start..]].concat());
        let again = again.map(|(entry, start)| (entry.text("").0, start));
        assert_eq!(again, Some((text.clone(), text.len())));
    };
    check(bytes);
    // Nobody guesses a hash.
    let lines = [b"\n", bytes, END].concat();
    check(&[HEADER, hex(&sha256(&lines)).as_bytes(), &lines].concat());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> (Entry, Vec<u8>) {
        let mut entry = Entry {
            needed: vec![
                Needed {
                    class: Class::Targets,
                    path: b"/k/a b\n%.h".to_vec(),
                    sha: sha256(b"x"),
                },
                Needed {
                    class: Class::Symvers,
                    path: b"\0P\0/stage/a/Module.symvers".to_vec(),
                    sha: sha256(b"y"),
                },
            ],
            lists: vec![vec!["/k/include".into(), "/k/include/uapi".into()], vec![]],
            absent: vec![Absent {
                list: 0,
                folders: (0, 2),
                rel: b"linux/a.h".to_vec(),
            }],
            said: vec![(Level::Warning, "a.c:1:2: warning: x".to_owned())],
            parts: Vec::new(),
        };
        entry.add(Kind::Module, Path::new("a"), 0o644, b"ELF\n.\n");
        entry.add(Kind::Other, Path::new("fw/a b"), 0o755, b"");
        (entry, b"ELF\n.\n".to_vec())
    }

    #[test]
    fn an_entry_comes_back_as_it_was() {
        let (entry, bytes) = entry();
        let (text, _) = entry.text("ab12");
        let file = [&text[..], &bytes].concat();
        assert_eq!(
            Entry::parse("ab12", &file),
            Some((entry.clone(), text.len()))
        );
        assert_eq!(entry.bytes(&file, text.len()).unwrap().len(), 2);
        assert_eq!(Entry::parse("ab13", &file), None);
        let (empty, _) = Entry::default().text("ab12");
        assert_eq!(
            Entry::parse("ab12", &empty),
            Some((Entry::default(), empty.len()))
        );
    }

    #[test]
    fn a_flipped_or_missing_byte_anywhere_is_noticed() {
        let (entry, bytes) = entry();
        let file = [&entry.text("ab12").0[..], &bytes].concat();
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 1;
            let read = Entry::parse("ab12", &damaged);
            let used = read.is_some_and(|(entry, start)| entry.bytes(&damaged, start).is_some());
            assert!(!used, "byte {at}");
            assert_eq!(Entry::parse("ab12", &file[..at]), None, "cut at {at}");
        }
        let older = [b"kbuild-rs cache 0\n", &file[HEADER.len()..]].concat();
        assert_eq!(Entry::parse("ab12", &older), None);
    }
}
