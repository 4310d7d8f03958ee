//! Hashes of contents, remembered by the identity of the file.
//!
//! A build reads a thousand headers of the kernel. Their hashes are remembered with the file's device,
//! inode, size and times, so that a hit only asks for these. A file whose last change may share a
//! clock tick with the reading is hashed again the next time, because another change could follow
//! without a trace.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::folder::Folder;
use super::{Sha, sha256};
use crate::sys::{Hash, Identity, content_hash, regular};

const HEADER: &[u8] = b"kbuild-rs hashes 1\n";
/// The bytes of a row: path, device, inode, size, two times, two hashes.
const ROW: usize = 8 * 8 + 32;
/// The most rows that are kept.
const MOST: usize = 40_000;

/// A file as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) id: Identity,
    /// The [`content_hash`], with which records compare.
    pub(super) content: u64,
    pub(super) sha: Sha,
}

/// The identity of a file: device, inode, size, times in seconds and nanoseconds.
type Facts = [u64; 6];

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    facts: Facts,
    content: u64,
    sha: Sha,
}

/// The remembered hashes, by a hash of the path.
#[derive(Debug)]
pub(crate) struct Hashes {
    file: PathBuf,
    rows: HashMap<u64, Row>,
    /// A time before which all changes that can be seen had ended.
    start: Duration,
    has_news: bool,
}

impl Hashes {
    /// The hashes for a kernel. A file that is missing or damaged has none.
    pub(super) fn load(folder: &Folder, kernel: &Path, start: Duration) -> Hashes {
        let mut hash = Hash::new();
        hash.add(kernel.as_os_str().as_encoded_bytes());
        let file = folder.hashes(hash.value());
        let bytes = folder.writer.read(&file).ok().flatten();
        Hashes {
            file,
            rows: bytes.and_then(|bytes| parse(&bytes)).unwrap_or_default(),
            start,
            has_news: false,
        }
    }

    /// Remembers the hashes for later builds.
    pub(super) fn save(&mut self, folder: &Folder) {
        if std::mem::take(&mut self.has_news) {
            // The next build hashes again.
            let _ = folder.store_hashes(&self.file, &text(&self.rows));
        }
    }

    /// The file that `path` leads to.
    ///
    /// # Errors
    /// If it is not a regular file, cannot be read, or changes meanwhile.
    pub(super) fn of(&mut self, path: &Path) -> io::Result<Seen> {
        let meta = fs::metadata(path)?;
        let (id, facts) = (Identity::from_metadata(&meta), facts(&meta));
        let mut hash = Hash::new();
        hash.add(path.as_os_str().as_encoded_bytes());
        let name = hash.value();
        if let Some(row) = self.rows.get(&name).filter(|row| row.facts == facts) {
            return Ok(Seen {
                id,
                content: row.content,
                sha: row.sha,
            });
        }
        let (sha, content) = (sha_of(path)?, content_hash(path)?);
        if self::facts(&fs::metadata(path)?) != facts {
            return Err(io::Error::other("it changes"));
        }
        if id.is_settled(self.start) && self.rows.len() < MOST {
            let row = Row {
                facts,
                content,
                sha,
            };
            self.rows.insert(name, row);
            self.has_news = true;
        }
        Ok(Seen { id, content, sha })
    }

    /// Whether nothing can have changed the file since make may have started.
    pub(super) fn is_settled(&self, seen: &Seen) -> bool {
        seen.id.is_settled(self.start)
    }
}

fn sha_of(path: &Path) -> io::Result<Sha> {
    let mut file = regular::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hash.finalize().into()),
            Ok(n) => hash.update(&buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

fn facts(meta: &fs::Metadata) -> Facts {
    const NANOS: i64 = 1_000_000_000;
    let time = |seconds: i64, nanos: i64| {
        let all = seconds.wrapping_mul(NANOS).wrapping_add(nanos);
        u64::from_le_bytes(all.to_le_bytes())
    };
    [
        meta.dev(),
        meta.ino(),
        meta.size(),
        time(meta.mtime(), meta.mtime_nsec()),
        time(meta.ctime(), meta.ctime_nsec()),
        u64::from(meta.mode()),
    ]
}

fn text(rows: &HashMap<u64, Row>) -> Vec<u8> {
    let mut bytes = HEADER.to_vec();
    bytes.reserve(rows.len() * ROW + 32);
    for (name, row) in rows {
        for number in [&[*name], &row.facts[..], &[row.content]].concat() {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&row.sha);
    }
    let hash = sha256(&bytes);
    bytes.extend_from_slice(&hash);
    bytes
}

fn parse(bytes: &[u8]) -> Option<HashMap<u64, Row>> {
    let (front, hash) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
    let rows = front.strip_prefix(HEADER)?;
    if sha256(front) != hash || rows.len() % ROW != 0 {
        return None;
    }
    let row = |row: &[u8]| {
        let (numbers, sha) = row.split_at_checked(8 * 8)?;
        let mut all = [0; 8];
        for (number, bytes) in all.iter_mut().zip(numbers.chunks_exact(8)) {
            *number = u64::from_le_bytes(bytes.try_into().ok()?);
        }
        let [name, facts @ .., content] = all;
        let sha = sha.try_into().ok()?;
        Some((
            name,
            Row {
                facts,
                content,
                sha,
            },
        ))
    };
    rows.chunks_exact(ROW).map(row).collect()
}

/// Reads any bytes, and checks that what was read is written again.
#[cfg(feature = "fuzzing")]
pub(super) fn fuzz(bytes: &[u8]) {
    // Nobody guesses a hash.
    let hashed = [bytes, &sha256(bytes)[..]].concat();
    for bytes in [bytes, &hashed] {
        if let Some(rows) = parse(bytes) {
            assert_eq!(parse(&text(&rows)), Some(rows));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> HashMap<u64, Row> {
        let row = |n: u64| Row {
            facts: [n, 2, 3, u64::MAX, 5, 6],
            content: 7,
            sha: sha256(&n.to_le_bytes()),
        };
        (0..3).map(|n| (n, row(n))).collect()
    }

    #[test]
    fn hashes_come_back_as_they_were() {
        assert_eq!(parse(&text(&rows())), Some(rows()));
        assert_eq!(parse(&text(&HashMap::new())), Some(HashMap::new()));
    }

    #[test]
    fn damaged_hashes_are_not_read() {
        let whole = text(&rows());
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            assert_eq!(parse(&damaged), None, "byte {at}");
            assert_eq!(parse(&whole[..at]), None, "cut at {at}");
        }
    }
}
