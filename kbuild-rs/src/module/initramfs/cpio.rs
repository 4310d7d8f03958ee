//! The names in an initramfs: cpio archives after each other, plain or compressed.
//!
//! The file may be another party's. Memory is bounded: names have the kernel's longest length, data
//! is skipped, and the windows of the decoders are limited. Time is bounded by a budget of entries
//! and of unpacked bytes.

use std::io::{self, BufRead, Read};

/// `PATH_MAX`: the kernel unpacks no longer name.
const LONGEST_NAME: usize = 4096;

/// The header of the format `newc`, the only one that the kernel unpacks.
const HEADER: usize = 110;
const MAGIC: usize = 6;

/// The reason why an archive could not be read to its end.
#[derive(Debug)]
pub(super) enum Why {
    /// It is compressed in a way that kbuild-rs cannot unpack.
    Compressed(&'static str),
    /// It is not an initramfs, or contains something else.
    NotCpio,
    TooLarge,
    Failed(io::Error),
}

impl From<io::Error> for Why {
    fn from(error: io::Error) -> Why {
        Why::Failed(error)
    }
}

/// What reading may still cost.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: u64,
    entries: u32,
}

impl Budget {
    /// Far more than an initramfs has: distributions' are below 500 MB and 10,000 entries.
    pub(super) fn new() -> Budget {
        Budget {
            bytes: 4 << 30,
            entries: 1 << 20,
        }
    }

    /// For fuzzers, which have no patience.
    #[cfg(feature = "fuzzing")]
    pub(super) fn small() -> Budget {
        Budget {
            bytes: 16 << 20,
            entries: Budget::SMALL,
        }
    }

    #[cfg(feature = "fuzzing")]
    pub(super) const SMALL: u32 = 4096;
}

/// Calls `visit` with the name of each entry.
pub(super) fn names(
    reader: &mut dyn BufRead,
    budget: &mut Budget,
    visit: &mut dyn FnMut(&[u8]),
) -> Result<(), Why> {
    scan(reader, true, budget, visit)
}

fn scan(
    reader: &mut dyn BufRead,
    may_unpack: bool,
    budget: &mut Budget,
    visit: &mut dyn FnMut(&[u8]),
) -> Result<(), Why> {
    while skip_zeros(reader, budget)? {
        let mut magic = [0; MAGIC];
        reader.read_exact(&mut magic)?;
        match &magic {
            b"070701" | b"070702" => entry(reader, budget, visit)?,
            _ if !may_unpack => return Err(Why::NotCpio),
            _ => unpack(magic, reader, budget, visit)?,
        }
    }
    Ok(())
}

/// Archives are padded with zeros. `false` at the end.
fn skip_zeros(reader: &mut dyn BufRead, budget: &mut Budget) -> Result<bool, Why> {
    loop {
        let ahead = reader.fill_buf()?;
        if ahead.is_empty() {
            return Ok(false);
        }
        let zeros = ahead.iter().take_while(|byte| **byte == 0).count();
        let is_end = zeros < ahead.len();
        reader.consume(zeros);
        spend(budget, zeros as u64)?;
        if is_end {
            return Ok(true);
        }
    }
}

fn spend(budget: &mut Budget, bytes: u64) -> Result<(), Why> {
    budget.bytes = budget.bytes.checked_sub(bytes).ok_or(Why::TooLarge)?;
    Ok(())
}

/// One entry; its magic was read.
fn entry(
    reader: &mut dyn BufRead,
    budget: &mut Budget,
    visit: &mut dyn FnMut(&[u8]),
) -> Result<(), Why> {
    budget.entries = budget.entries.checked_sub(1).ok_or(Why::TooLarge)?;
    let mut header = [0; HEADER - MAGIC];
    reader.read_exact(&mut header)?;
    // Thirteen numbers of eight hexadecimal digits each.
    let number = |index: usize| {
        let digits = std::str::from_utf8(&header[index * 8..][..8]).ok()?;
        u32::from_str_radix(digits, 16).ok()
    };
    let (size, name_size) = (
        number(6).ok_or(Why::NotCpio)?,
        number(11).ok_or(Why::NotCpio)?,
    );
    let name_size = usize::try_from(name_size).unwrap_or(usize::MAX);
    if name_size == 0 || name_size > LONGEST_NAME {
        return Err(Why::NotCpio);
    }
    let mut name = vec![0; name_size];
    reader.read_exact(&mut name)?;
    skip(reader, padding((HEADER + name_size) as u64))?;
    let size = u64::from(size);
    spend(budget, size)?;
    skip(reader, size + padding(size))?;
    let end = name.iter().position(|byte| *byte == 0);
    visit(&name[..end.unwrap_or(name.len())]);
    Ok(())
}

fn padding(size: u64) -> u64 {
    size.next_multiple_of(4) - size
}

fn skip(reader: &mut dyn BufRead, size: u64) -> Result<(), Why> {
    let skipped = io::copy(&mut reader.take(size), &mut io::sink())?;
    match skipped == size {
        true => Ok(()),
        false => Err(Why::Failed(io::ErrorKind::UnexpectedEof.into())),
    }
}

/// A compressed archive that begins with these bytes.
fn unpack(
    magic: [u8; MAGIC],
    reader: &mut dyn BufRead,
    budget: &mut Budget,
    visit: &mut dyn FnMut(&[u8]),
) -> Result<(), Why> {
    let kind = compression(&magic).ok_or(Why::NotCpio)?;
    #[cfg(feature = "compressed")]
    {
        let mut whole = (&magic[..]).chain(reader);
        let unpacked: Option<Box<dyn Read + '_>> = match kind {
            "gzip" => Some(Box::new(flate2::bufread::GzDecoder::new(&mut whole))),
            "xz" => {
                let limit = super::super::modinfo::DICTIONARY;
                let xz = lzma_rust2::XzReader::new_mem_limit(&mut whole, false, limit);
                Some(Box::new(xz))
            }
            "zstd" => {
                let frame = ruzstd::decoding::StreamingDecoder::new(&mut whole);
                let frame = frame.map_err(|error| io::Error::other(error.to_string()))?;
                Some(Box::new(frame))
            }
            _ => None,
        };
        if let Some(unpacked) = unpacked {
            return scan(&mut io::BufReader::new(unpacked), false, budget, visit);
        }
    }
    #[cfg(not(feature = "compressed"))]
    let _ = (reader, budget, visit);
    Err(Why::Compressed(kind))
}

/// The kinds of compression that the kernel knows.
fn compression(magic: &[u8]) -> Option<&'static str> {
    const KINDS: &[(&[u8], &str)] = &[
        (b"\x1f\x8b", "gzip"),
        (b"\xfd7zXZ\0", "xz"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\x02\x21\x4c\x18", "lz4"),
        (b"\x04\x22\x4d\x18", "lz4"),
        (b"BZh", "bzip2"),
        (b"\x89LZO", "lzo"),
        (b"\x5d\0\0", "lzma"),
    ];
    let found = KINDS.iter().find(|(start, _)| magic.starts_with(start));
    found.map(|(_, kind)| *kind)
}
