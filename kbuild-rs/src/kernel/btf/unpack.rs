//! Unpacks kernels, as their own boot code does.
//!
//! Crates in Rust do it: a build should not need `xz`, `zstd` or `lz4` beside the kernel tree. Without
//! the feature `btf`, nothing is unpacked.

/// The most that an image may unpack to (bytes), and how many times its size. Kernels have three to
/// nine times the size of their images.
#[cfg(feature = "btf")]
const LARGEST: usize = 512 << 20;
#[cfg(feature = "btf")]
const MOST_FOLD: usize = 16;

/// The most memory for a dictionary, in KiB. Kernels since 6.12 take 128 MiB.
#[cfg(feature = "btf")]
const DICTIONARY: u32 = 130 << 10;

/// A compression: its name, its first bytes.
type Known = (&'static str, &'static [u8]);

/// The compressions that a kernel can have (`CONFIG_KERNEL_*`).
const KNOWN: &[Known] = &[
    ("gzip", b"\x1f\x8b\x08"),
    ("xz", b"\xfd7zXZ\0"),
    ("zstd", b"\x28\xb5\x2f\xfd"),
    ("lz4", b"\x02\x21\x4c\x18"),
    ("lzma", b"\x5d\0\0"),
    ("bzip2", b"BZh"),
    ("lzo", b"\x89LZO"),
];

/// The name of the compression of these bytes.
pub(super) fn compression(bytes: &[u8]) -> Option<&'static str> {
    let found = KNOWN.iter().find(|(_, start)| bytes.starts_with(start));
    found.map(|(name, _)| *name)
}

/// Unpacks a kernel.
///
/// # Errors
/// The reason, for a message.
#[cfg(feature = "btf")]
pub(super) fn unpack(bytes: &[u8]) -> Result<Vec<u8>, String> {
    use lzma_rust2::{LzmaReader, XzReader};

    let name = compression(bytes).ok_or("the kernel in it has an unknown compression")?;
    let largest = bytes
        .len()
        .saturating_mul(MOST_FOLD)
        .clamp(1 << 16, LARGEST);
    let damaged = |e: std::io::Error| format!("it is damaged ({name}: {e})");
    match name {
        "gzip" => read(flate2::read::GzDecoder::new(bytes), largest).map_err(damaged),
        // The size of the kernel follows the stream, so a second stream does not.
        "xz" => {
            let reader = XzReader::new_mem_limit(bytes, false, DICTIONARY);
            read(reader, largest).map_err(damaged)
        }
        "zstd" => zstd(bytes, largest).map_err(damaged),
        "lzma" => {
            let reader = LzmaReader::new_mem_limit(bytes, DICTIONARY, None);
            reader
                .and_then(|reader| read(reader, largest))
                .map_err(damaged)
        }
        "lz4" => lz4(&bytes[4..], largest).ok_or_else(|| "it is damaged (lz4)".to_owned()),
        _ => Err(format!(
            "its kernel is compressed with {name}, which kbuild-rs cannot unpack"
        )),
    }
}

/// See above.
///
/// # Errors
/// Always.
#[cfg(not(feature = "btf"))]
pub(super) fn unpack(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let name = compression(bytes).unwrap_or("an unknown program");
    Err(format!(
        "its kernel is compressed with {name}, and this kbuild-rs was built without the feature `btf`"
    ))
}

#[cfg(feature = "btf")]
fn read(reader: impl std::io::Read, largest: usize) -> std::io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    let mut reader = std::io::Read::take(reader, largest as u64 + 1);
    std::io::Read::read_to_end(&mut reader, &mut unpacked)?;
    match unpacked.len() > largest {
        true => Err(std::io::Error::other("it would be too large")),
        false => Ok(unpacked),
    }
}

/// The largest window that the crate accepts: 96 MiB.
#[cfg(feature = "btf")]
const WINDOW: u8 = 0x84;

/// Kernels are compressed with a window of 128 MiB (`zstd -22 --ultra`), which the crate refuses. A
/// window that has room for the whole result does the same.
#[cfg(feature = "btf")]
fn zstd(bytes: &[u8], largest: usize) -> std::io::Result<Vec<u8>> {
    let mut head = [0; 6];
    let (start, rest) = bytes
        .split_at_checked(head.len())
        .ok_or(std::io::ErrorKind::UnexpectedEof)?;
    head.copy_from_slice(start);
    // Bit 5 of the descriptor says that there is no window (RFC 8878, 3.1.1.1.1).
    if head[4] & 0x20 == 0 {
        // The upper five bits are the exponent of a power of two, less 10.
        let exponent = largest
            .checked_next_power_of_two()
            .unwrap_or(usize::MAX)
            .ilog2();
        let enough = u8::try_from(exponent.saturating_sub(10) << 3).unwrap_or(WINDOW);
        head[5] = head[5].min(WINDOW).min(enough);
    }
    let bytes = std::io::Read::chain(&head[..], rest);
    let frame = ruzstd::decoding::StreamingDecoder::new(bytes);
    read(frame.map_err(std::io::Error::other)?, largest)
}

/// Blocks of at most 8 MiB, each behind its size (`lz4 -l`). The size of the kernel follows.
#[cfg(feature = "btf")]
fn lz4(mut bytes: &[u8], largest: usize) -> Option<Vec<u8>> {
    const BLOCK: usize = 8 << 20;
    let mut unpacked = Vec::new();
    while let Some((size, rest)) = bytes.split_first_chunk::<4>() {
        let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
        if rest.is_empty() {
            break;
        }
        let (block, rest) = rest.split_at_checked(size)?;
        let most = BLOCK.min(block.len().saturating_mul(256));
        unpacked.extend(lz4_flex::block::decompress(block, most).ok()?);
        if unpacked.len() > largest {
            return None;
        }
        bytes = rest;
    }
    Some(unpacked)
}
