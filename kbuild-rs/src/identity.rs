//! What a file was when it was last looked at: [`Identity`], and the hash that names things.

use std::fs::Metadata;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::regular;

/// Enough of a file's metadata to tell that it is the one we saw. `ctime` cannot be set back, so
/// a file that was restored with its old mtime is seen as changed, as is one that was replaced
/// by a package upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    size: u64,
    mtime: i128,
    ctime: i128,
    inode: u64,
    /// Where the clock is too coarse to tell, or nothing but the content matters.
    content: Option<u64>,
}

const NANOS: i128 = 1_000_000_000;
/// The coarsest clock among file systems in use (FAT: 2 s).
const COARSEST: i128 = 2 * NANOS;

impl Identity {
    pub(crate) fn from_metadata(m: &Metadata) -> Self {
        Identity {
            size: m.size(),
            mtime: i128::from(m.mtime()) * NANOS + i128::from(m.mtime_nsec()),
            ctime: ctime(m),
            inode: m.ino(),
            content: None,
        }
    }

    /// The identity of the file that `path` leads to.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::from_metadata(&std::fs::metadata(path)?))
    }

    /// The identity of what lies at `path`, be it a link.
    pub(crate) fn of_entry(path: &Path) -> io::Result<Self> {
        Ok(Self::from_metadata(&std::fs::symlink_metadata(path)?))
    }

    /// Like [`of`](Self::of), for a file that was read some time after `start` (a file's ctime, at
    /// least one tick before the reading).
    ///
    /// `None` when the file may have changed since `start`: what was read is not known. On file
    /// systems that count whole seconds, that is any change in the same second or the one before.
    pub(crate) fn of_settled(path: &Path, start: Duration) -> io::Result<Option<Self>> {
        let id = Self::of(path)?;
        let latest = match id.is_coarse() {
            true => nanos(start) / NANOS * NANOS - COARSEST,
            false => nanos(start),
        };
        Ok((id.ctime <= latest).then_some(id))
    }

    /// Whether the file at `path` still is this one.
    pub(crate) fn matches(&self, path: &Path) -> bool {
        Self::of(path).is_ok_and(|now| self.matches_identity(&now, || path.to_owned()))
    }

    /// The identity of `path` whose content is what `read` holds: a copy of it, or itself.
    pub(crate) fn of_content(path: &Path, read: &Path) -> io::Result<Self> {
        let mut id = Self::of(path)?;
        id.content = Some(content_hash(read)?);
        Ok(id)
    }

    /// Whether the file at `path` holds the content of [`of_content`](Self::of_content), whenever
    /// it was written.
    pub(crate) fn holds_at(&self, path: &Path) -> bool {
        content_hash(path).is_ok_and(|hash| self.content == Some(hash))
    }

    /// Whether `now`, just read from the file that `path` gives, is this one.
    pub(crate) fn matches_identity(&self, now: &Identity, path: impl FnOnce() -> PathBuf) -> bool {
        self.same_metadata(now)
            && self
                .content
                .is_none_or(|hash| content_hash(&path()).is_ok_and(|h| h == hash))
    }

    /// Whether size, times and inode are the same, whatever is known of the content.
    pub(crate) fn same_metadata(&self, other: &Identity) -> bool {
        (self.size, self.mtime, self.ctime, self.inode)
            == (other.size, other.mtime, other.ctime, other.inode)
    }

    /// Whether the last change may share a clock tick with `now`, so that another change could
    /// follow without a trace.
    pub(crate) fn is_as_young_as(&self, now: Duration) -> bool {
        let slack = if self.is_coarse() { COARSEST } else { 0 };
        self.ctime >= nanos(now) - slack
    }

    /// Adds the content to an identity that [`is_as_young_as`](Self::is_as_young_as) its reading
    /// and lies on a file system that counts whole seconds.
    pub(crate) fn pin_content(&mut self, path: &Path) -> io::Result<()> {
        if self.is_coarse() {
            self.content = Some(content_hash(path)?);
        }
        Ok(())
    }

    /// The hash of the content, where it is known.
    pub(crate) fn content(&self) -> Option<u64> {
        self.content
    }

    pub(crate) fn set_content(&mut self, hash: u64) {
        self.content = Some(hash);
    }

    fn is_coarse(&self) -> bool {
        self.mtime % NANOS == 0 && self.ctime % NANOS == 0
    }

    /// One line of a manifest or record; [`parse`](Self::parse) reads it.
    pub(crate) fn write(&self, to: &mut String) {
        use std::fmt::Write;
        // Writing into a String cannot fail.
        let _ = write!(
            to,
            "{} {} {} {} ",
            self.size, self.mtime, self.ctime, self.inode
        );
        match self.content {
            Some(hash) => {
                let _ = write!(to, "{hash:x}");
            }
            None => to.push('-'),
        }
    }

    pub(crate) fn parse<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        Some(Identity {
            size: words.next()?.parse().ok()?,
            mtime: words.next()?.parse().ok()?,
            ctime: words.next()?.parse().ok()?,
            inode: words.next()?.parse().ok()?,
            content: match words.next()? {
                "-" => None,
                hash => Some(u64::from_str_radix(hash, 16).ok()?),
            },
        })
    }
}

/// Which start of this machine this is (`random(4)`); empty where nobody tells.
pub(crate) fn boot_id() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    text.unwrap_or_default().trim().to_owned()
}

/// A file's change time in nanoseconds since the epoch.
pub(crate) fn ctime(m: &Metadata) -> i128 {
    i128::from(m.ctime()) * NANOS + i128::from(m.ctime_nsec())
}

fn nanos(d: Duration) -> i128 {
    i128::try_from(d.as_nanos()).unwrap_or(i128::MAX)
}

/// FNV-1a, 64 bits: names folders and tells contents apart; no defence against forgery, which
/// nothing here needs.
#[derive(Clone, Copy)]
pub(crate) struct Hash(u64);

impl Hash {
    pub(crate) fn new() -> Self {
        Hash(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) -> &mut Self {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self
    }

    pub(crate) fn value(&self) -> u64 {
        self.0
    }
}

/// A hash that tells the contents of two files apart. Anything but a regular file is an error, and
/// is not waited for.
pub(crate) fn content_hash(path: &Path) -> io::Result<u64> {
    let mut file = regular::open(path)?;
    let mut buffer = [0; 64 * 1024];
    let mut hash = Hash::new();
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.value()),
            n => hash.add(&buffer[..n]),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_survives_being_written_and_parsed() {
        let id = Identity {
            size: 7,
            mtime: -5,
            ctime: 1_700_000_000_123_456_789,
            inode: 42,
            content: Some(0xabc),
        };
        let mut text = String::new();
        id.write(&mut text);
        assert_eq!(Identity::parse(&mut text.split(' ')), Some(id));
        assert_eq!(Identity::parse(&mut "1 2 3".split(' ')), None);
    }

    #[test]
    fn a_file_on_a_coarse_clock_is_told_apart_by_its_content() {
        let dir = std::env::temp_dir().join(format!("kbuild-identity-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let file = dir.join("f");
        std::fs::write(&file, "one").unwrap();
        let mut seen = Identity::of(&file).unwrap();
        seen.mtime = seen.mtime / NANOS * NANOS;
        seen.ctime = seen.ctime / NANOS * NANOS;
        seen.pin_content(&file).unwrap();
        let now = seen.clone();
        assert!(seen.matches_identity(&now, || file.clone()));
        std::fs::write(&file, "two").unwrap();
        assert!(!seen.matches_identity(&now, || file.clone()));
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_file_that_changed_after_the_start_is_not_settled() {
        let dir = std::env::temp_dir().join(format!("kbuild-settled-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let file = dir.join("f");
        std::fs::write(&file, "x").unwrap();
        let later = crate::sys::file_clock() + Duration::from_secs(5);
        let earlier = crate::sys::file_clock() - Duration::from_secs(5);
        assert!(Identity::of_settled(&file, later).unwrap().is_some());
        assert!(Identity::of_settled(&file, earlier).unwrap().is_none());
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
