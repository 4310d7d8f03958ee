//! The last known state of a file ([`Identity`]), and the hash for names.

use std::fs::Metadata;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::regular;

/// Enough of a file's metadata to recognize the file. `ctime` cannot be set back, so a file that
/// was restored with its old mtime differs, and so does one that a package upgrade replaced. A new
/// mode, owner or hard link also changes `ctime`. The content then shows that the file is still the
/// same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    size: u64,
    mtime: i128,
    ctime: i128,
    inode: u64,
    /// The hash of the content, if known.
    content: Option<u64>,
    /// Whether the clock is too coarse for the metadata to tell. The content decides then.
    pinned: bool,
}

/// The size limit for hashing content (bytes). Hashing a larger file takes longer than it saves.
const LARGEST: u64 = 16 << 20;

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
            pinned: false,
        }
    }

    #[cfg(feature = "install")]
    pub(crate) fn from_stat(stat: &rustix::fs::Stat) -> Self {
        // The types of the fields depend on the architecture.
        let time = |seconds: i64, nanos: i128| i128::from(seconds) * NANOS + nanos;
        Identity {
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime: time(stat.st_mtime, i128::from(stat.st_mtime_nsec)),
            ctime: time(stat.st_ctime, i128::from(stat.st_ctime_nsec)),
            inode: stat.st_ino,
            content: None,
            pinned: false,
        }
    }

    /// The identity of the file that `path` leads to.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::from_metadata(&std::fs::metadata(path)?))
    }

    /// The identity of `path` itself, even if it is a link.
    pub(crate) fn of_entry(path: &Path) -> io::Result<Self> {
        Ok(Self::from_metadata(&std::fs::symlink_metadata(path)?))
    }

    /// Like [`of`](Self::of), for a file that was read some time after `start` (a file's ctime, at
    /// least one tick before the reading).
    ///
    /// `None` if the file may have changed since `start`, because it is then unknown which state
    /// was read. On file systems that count whole seconds, this is any change in the same second or
    /// the one before.
    pub(crate) fn of_settled(path: &Path, start: Duration) -> io::Result<Option<Self>> {
        let id = Self::of(path)?;
        Ok(id.is_settled(start).then_some(id))
    }

    /// Whether nothing can have changed since `start`.
    pub(crate) fn is_settled(&self, start: Duration) -> bool {
        let latest = match self.is_coarse() {
            true => nanos(start) / NANOS * NANOS - COARSEST,
            false => nanos(start),
        };
        self.ctime <= latest
    }

    /// Whether the last change left the content (of a folder: its entries) as it was.
    pub(crate) fn changed_after_written(&self) -> bool {
        self.mtime < self.ctime
    }

    /// Whether the file at `path` is still this one.
    pub(crate) fn matches(&self, path: &Path) -> bool {
        Self::of(path).is_ok_and(|now| self.matches_identity(&now, || path.to_owned()))
    }

    /// The identity of `path`, with the content of `read`: a copy of it, or `path` itself.
    pub(crate) fn of_content(path: &Path, read: &Path) -> io::Result<Self> {
        let mut id = Self::of(path)?;
        id.content = Some(content_hash(read)?);
        Ok(id)
    }

    /// Whether the file at `path` has the content of [`of_content`](Self::of_content). Its time
    /// does not matter.
    pub(crate) fn holds_at(&self, path: &Path) -> bool {
        content_hash(path).is_ok_and(|hash| self.content == Some(hash))
    }

    /// Whether `now`, just read from the file that `path` returns, is this file, or another one of
    /// the same size, mtime and content.
    pub(crate) fn matches_identity(&self, now: &Identity, path: impl FnOnce() -> PathBuf) -> bool {
        if (self.size, self.mtime) != (now.size, now.mtime) {
            return false;
        }
        let same = self.same_metadata(now);
        if same && !self.pinned {
            return true;
        }
        match self.content {
            Some(hash) => content_hash(&path()).is_ok_and(|now| now == hash),
            None => same,
        }
    }

    /// This identity with the metadata of `now`, which it [matches](Self::matches_identity).
    pub(crate) fn moved_to(&self, now: &Identity) -> Identity {
        Identity {
            content: self.content,
            pinned: self.pinned,
            ..now.clone()
        }
    }

    /// Whether size, times and inode are the same. The content does not matter.
    pub(crate) fn same_metadata(&self, other: &Identity) -> bool {
        (self.size, self.mtime, self.ctime, self.inode)
            == (other.size, other.mtime, other.ctime, other.inode)
    }

    /// Whether the last change may share a clock tick with `now`. Another change could then follow
    /// without a trace.
    pub(crate) fn is_as_young_as(&self, now: Duration) -> bool {
        let slack = if self.is_coarse() { COARSEST } else { 0 };
        self.ctime >= nanos(now) - slack
    }

    /// Adds the content to an identity that [`is_as_young_as`](Self::is_as_young_as) its reading
    /// and lies on a file system that counts whole seconds.
    pub(crate) fn pin_content(&mut self, path: &Path) -> io::Result<()> {
        if self.is_coarse() {
            self.content = Some(content_hash(path)?);
            self.pinned = true;
        }
        Ok(())
    }

    /// Whether the file is small enough for [`know_content`](Self::know_content).
    #[cfg(feature = "cache")]
    pub(crate) fn may_know_content(&self) -> bool {
        self.size <= LARGEST
    }

    /// Adds the content from `copy`, unless the file is large.
    pub(crate) fn know_content(&mut self, copy: &Path) -> io::Result<()> {
        if self.size <= LARGEST {
            self.content = Some(content_hash(copy)?);
        }
        Ok(())
    }

    /// The hash of the content, if known.
    pub(crate) fn content(&self) -> Option<u64> {
        self.content
    }

    pub(crate) fn set_content(&mut self, hash: u64) {
        self.content = Some(hash);
    }

    fn is_coarse(&self) -> bool {
        self.mtime % NANOS == 0 && self.ctime % NANOS == 0
    }

    /// Appends the state that decides whether the file is read again: its content, if known.
    pub(crate) fn write_state(&self, to: &mut String) {
        use std::fmt::Write;
        // Writing into a String cannot fail.
        let _ = match self.content {
            Some(hash) => write!(to, "{} {} {hash:x}", self.size, self.mtime),
            None => {
                self.write_metadata(to);
                Ok(())
            }
        };
    }

    /// Appends size, times and inode.
    pub(crate) fn write_metadata(&self, to: &mut String) {
        use std::fmt::Write;
        // Writing into a String cannot fail.
        let _ = write!(
            to,
            "{} {} {} {}",
            self.size, self.mtime, self.ctime, self.inode
        );
    }

    /// One line of a manifest or record; [`parse`](Self::parse) reads it.
    pub(crate) fn write(&self, to: &mut String) {
        use std::fmt::Write;
        self.write_metadata(to);
        to.push(' ');
        match self.content {
            Some(hash) => {
                let mark = if self.pinned { "=" } else { "" };
                let _ = write!(to, "{mark}{hash:x}");
            }
            None => to.push('-'),
        }
    }

    pub(crate) fn parse<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        let [size, mtime, ctime, inode] = [(); 4].map(|()| words.next());
        let content = words.next()?;
        let hash = content.trim_start_matches('=');
        Some(Identity {
            size: size?.parse().ok()?,
            mtime: mtime?.parse().ok()?,
            ctime: ctime?.parse().ok()?,
            inode: inode?.parse().ok()?,
            content: match content {
                "-" => None,
                _ => Some(u64::from_str_radix(hash, 16).ok()?),
            },
            pinned: content.starts_with('='),
        })
    }
}

/// The identifier of this machine's boot (`random(4)`); empty if unknown.
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

/// FNV-1a, 64 bits: names folders and tells contents apart. It does not protect against forgery,
/// and nothing here needs that.
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

    /// Adds many bytes, eight at a time.
    fn add_words(&mut self, bytes: &[u8]) -> &mut Self {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            let word = word.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b));
            self.0 = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            self.0 ^= self.0 >> 32;
        }
        self.add(words.remainder())
    }

    pub(crate) fn value(&self) -> u64 {
        self.0
    }
}

/// A hash that tells the contents of two files apart. Anything but a regular file is an error, and
/// the call does not wait for it.
pub(crate) fn content_hash(path: &Path) -> io::Result<u64> {
    let mut file = regular::open(path)?;
    let mut buffer = [0; 64 * 1024];
    let mut hash = Hash::new();
    loop {
        // The hash works on words, so only whole blocks may come.
        let mut filled = 0;
        while filled < buffer.len() {
            match file.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        hash.add_words(&buffer[..filled]);
        if filled < buffer.len() {
            return Ok(hash.value());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use tempfile::{NamedTempFile, TempPath};

    use super::*;

    fn file(text: &str) -> TempPath {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.into_temp_path()
    }

    #[test]
    fn an_identity_survives_being_written_and_parsed() {
        let id = Identity {
            size: 7,
            mtime: -5,
            ctime: 1_700_000_000_123_456_789,
            inode: 42,
            content: Some(0xabc),
            pinned: false,
        };
        for (content, pinned) in [(None, false), (Some(7), false), (Some(7), true)] {
            let id = Identity {
                content,
                pinned,
                ..id.clone()
            };
            let mut text = String::new();
            id.write(&mut text);
            assert_eq!(Identity::parse(&mut text.split(' ')), Some(id));
        }
        assert_eq!(Identity::parse(&mut "1 2 3".split(' ')), None);
    }

    #[test]
    fn a_file_on_a_coarse_clock_is_told_apart_by_its_content() {
        let file = file("one");
        let mut seen = Identity::of(&file).unwrap();
        seen.mtime = seen.mtime / NANOS * NANOS;
        seen.ctime = seen.ctime / NANOS * NANOS;
        seen.pin_content(&file).unwrap();
        let now = seen.clone();
        assert!(seen.matches_identity(&now, || file.to_path_buf()));
        std::fs::write(&file, "two").unwrap();
        assert!(!seen.matches_identity(&now, || file.to_path_buf()));
    }

    #[test]
    fn another_mode_leaves_a_file_the_same_and_another_content_with_the_same_time_does_not() {
        use std::os::unix::fs::PermissionsExt;
        let file = file("0123456789");
        let unknown = Identity::of(&file).unwrap();
        let mut seen = unknown.clone();
        seen.know_content(&file).unwrap();
        let time = std::fs::metadata(&file).unwrap().modified().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(seen.matches(&file) && !unknown.matches(&file));
        let now = Identity::of(&file).unwrap();
        let moved = seen.moved_to(&now);
        assert!(moved.same_metadata(&now) && moved.content() == seen.content());
        for other in ["0123456780", "1123456789", "01234567890"] {
            std::fs::write(&file, other).unwrap();
            let written = std::fs::File::options().write(true).open(&file).unwrap();
            written.set_modified(time).unwrap();
            assert!(!seen.matches(&file), "{other}");
        }
    }

    #[test]
    fn a_file_that_changed_after_the_start_is_not_settled() {
        let file = file("x");
        let later = crate::sys::clock::file_clock() + Duration::from_secs(5);
        let earlier = crate::sys::clock::file_clock() - Duration::from_secs(5);
        assert!(Identity::of_settled(&file, later).unwrap().is_some());
        assert!(Identity::of_settled(&file, earlier).unwrap().is_none());
    }
}
