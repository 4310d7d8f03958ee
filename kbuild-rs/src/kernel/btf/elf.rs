//! Sections of ELF files. They are read in parts: a vmlinux with debugging information may be larger
//! than the memory.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::kernel::programs::Layout;
use crate::sys::regular;

/// The largest part that is read (bytes).
const LARGEST: usize = 128 << 20;

/// Bytes that are read in parts.
pub(super) trait Parts {
    /// The part at this place, if it is there as a whole.
    fn part(&self, at: usize, size: usize) -> Option<Vec<u8>>;
}

impl Parts for [u8] {
    fn part(&self, at: usize, size: usize) -> Option<Vec<u8>> {
        self.get(at..at.checked_add(size)?).map(<[u8]>::to_vec)
    }
}

/// A file and its length.
pub(super) struct OpenFile {
    pub(super) file: File,
    pub(super) length: usize,
}

impl OpenFile {
    pub(super) fn open(path: &Path) -> std::io::Result<OpenFile> {
        let file = regular::open(path)?;
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        Ok(OpenFile { file, length })
    }
}

impl Parts for OpenFile {
    fn part(&self, at: usize, size: usize) -> Option<Vec<u8>> {
        if size > LARGEST || at.checked_add(size)? > self.length {
            return None;
        }
        let mut bytes = vec![0; size];
        let at = u64::try_from(at).ok()?;
        self.file.read_exact_at(&mut bytes, at).ok()?;
        Some(bytes)
    }
}

/// Whether these are the first bytes of an ELF file.
pub(super) fn is_elf(head: &[u8]) -> bool {
    head.starts_with(b"\x7fELF")
}

/// The number of the machine that an ELF file is for.
pub(super) fn machine(head: &[u8]) -> Option<usize> {
    let [0x7f, b'E', b'L', b'F', class, order, ..] = head[..] else {
        return None;
    };
    let layout = Layout {
        wide: class == 2,
        big_endian: order == 2,
    };
    layout.field(head, [18, 18], 2)
}

/// The content of the section with this name (`elf(5)`).
pub(super) fn section(of: &(impl Parts + ?Sized), name: &str) -> Option<Vec<u8>> {
    let head = of.part(0, 64).or_else(|| of.part(0, 52))?;
    let [0x7f, b'E', b'L', b'F', class, order, ..] = head[..] else {
        return None;
    };
    let layout = Layout {
        wide: class == 2,
        big_endian: order == 2,
    };
    let size = layout.field(&head, [46, 58], 2)?;
    let count = layout.field(&head, [48, 60], 2)?;
    let table = of.part(layout.word(&head, [32, 40])?, size.checked_mul(count)?)?;
    let entry = |index: usize| table.get(index.checked_mul(size)?..)?.get(..size);
    // SHT_NOBITS: the section has no bytes in the file.
    let content = |entry: &[u8]| match layout.field(entry, [4, 4], 4)? {
        8 => None,
        _ => of.part(layout.word(entry, [16, 24])?, layout.word(entry, [20, 32])?),
    };
    let names = content(entry(layout.field(&head, [50, 62], 2)?)?)?;
    let is_named = |entry: &&[u8]| {
        let at = layout.field(entry, [0, 0], 4)?;
        let own = names.get(at..)?.split(|byte| *byte == 0).next()?;
        Some(own == name.as_bytes())
    };
    let mut entries = table.chunks_exact(size.max(1));
    content(entries.find(|entry| is_named(entry) == Some(true))?)
}
