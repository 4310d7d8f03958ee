//! Modules as distributions install them: compressed.
//!
//! Crates in Rust unpack them: a C library would need a compiler for the machine, and tools may not
//! be installed. CMake and Meson build the program without this feature, because a project's
//! configure step waits for it.

use std::io::{self, Read};

use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;

/// The largest module. A few kilobytes may unpack to a thousand times as much.
pub(crate) const LARGEST: usize = 512 << 20;

/// A module may unpack to this size however small its file is. A larger one may have at most
/// `MOST_FOLD` times the size of its file: modules have four to eight times, and a crafted file of
/// some kilobytes would fill the memory.
const FREE: usize = 16 << 20;
const MOST_FOLD: usize = 16;

/// The most memory for the dictionary of an xz file, in KiB: the file itself asks for its size. The
/// 64 MiB of `xz -9` fit, with what the decoder adds.
pub(crate) const DICTIONARY: u32 = 65 << 10;

/// The reason why a file could not be unpacked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It would be larger than this.
    TooLarge(usize),
    Damaged(io::Error),
}

/// Unpacks a file that `tool` compressed.
pub(crate) fn unpack(tool: &str, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    unpack_within(tool, bytes, largest(bytes.len()))
}

/// The largest module in a file of this size.
pub(crate) fn largest(size: usize) -> usize {
    FREE.max(size.saturating_mul(MOST_FOLD)).min(LARGEST)
}

fn unpack_within(tool: &str, bytes: &[u8], largest: usize) -> Result<Vec<u8>, Failure> {
    match tool {
        "xz" => read(XzReader::new_mem_limit(bytes, true, DICTIONARY), largest),
        "zstd" => read_frames(bytes, largest),
        _ => read(flate2::read::MultiGzDecoder::new(bytes), largest),
    }
}

fn read(reader: impl Read, largest: usize) -> Result<Vec<u8>, Failure> {
    let mut unpacked = Vec::new();
    read_into(reader, &mut unpacked, largest)?;
    Ok(unpacked)
}

fn read_into(reader: impl Read, unpacked: &mut Vec<u8>, largest: usize) -> Result<(), Failure> {
    let left = largest.saturating_sub(unpacked.len()) as u64;
    let mut reader = reader.take(left.saturating_add(1));
    reader.read_to_end(unpacked).map_err(Failure::Damaged)?;
    match unpacked.len() > largest {
        true => Err(Failure::TooLarge(largest)),
        false => Ok(()),
    }
}

/// A file of zstd's may be made of several frames, each with a checksum at its end.
fn read_frames(mut bytes: &[u8], largest: usize) -> Result<Vec<u8>, Failure> {
    let mut unpacked = Vec::new();
    while !bytes.is_empty() {
        let broken = |error: &dyn std::fmt::Display| {
            Failure::Damaged(io::Error::new(
                io::ErrorKind::InvalidData,
                error.to_string(),
            ))
        };
        let mut frame = StreamingDecoder::new(&mut bytes).map_err(|error| broken(&error))?;
        read_into(&mut frame, &mut unpacked, largest)?;
        let decoder = frame.into_frame_decoder();
        let told = decoder.get_checksum_from_data();
        if told.is_some() && told != decoder.get_calculated_checksum() {
            return Err(broken(&"its checksum is wrong"));
        }
    }
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "abc" and a newline, by `xz --check=crc32`, `zstd` and `gzip -n`.
    const PACKED: &[(&str, &[u8])] = &[
        (
            "xz",
            &[
                253, 55, 122, 88, 90, 0, 0, 1, 105, 34, 222, 54, 2, 0, 33, 1, 22, 0, 0, 0, 116, 47,
                229, 163, 1, 0, 3, 97, 98, 99, 10, 0, 78, 129, 136, 71, 0, 1, 24, 4, 107, 233, 240,
                165, 144, 66, 153, 13, 1, 0, 0, 0, 0, 1, 89, 90,
            ],
        ),
        (
            "zstd",
            &[
                40, 181, 47, 253, 4, 88, 33, 0, 0, 97, 98, 99, 10, 45, 110, 76, 130,
            ],
        ),
        (
            "gzip",
            &[
                31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 75, 76, 74, 230, 2, 0, 78, 129, 136, 71, 4, 0, 0,
                0,
            ],
        ),
    ];

    #[test]
    fn each_kind_is_unpacked_and_several_after_each_other_too() {
        for (tool, packed) in PACKED {
            assert_eq!(unpack(tool, packed).unwrap(), b"abc\n", "{tool}");
            let twice = [*packed, packed].concat();
            assert_eq!(unpack(tool, &twice).unwrap(), b"abc\nabc\n", "{tool}");
        }
    }

    #[test]
    fn what_is_cut_short_or_changed_is_no_module_and_no_panic() {
        for (tool, packed) in PACKED {
            for end in 1..packed.len() {
                let cut = unpack(tool, &packed[..end]);
                assert!(
                    matches!(cut, Err(Failure::Damaged(_))),
                    "{tool} {end}: {cut:?}"
                );
            }
            for at in 0..packed.len() {
                for bit in 0..8 {
                    let mut changed = packed.to_vec();
                    changed[at] ^= 1 << bit;
                    // Some bits mean nothing, such as gzip's time.
                    if let Ok(text) = unpack(tool, &changed) {
                        assert!(text == b"abc\n" || text.is_empty(), "{tool} {at}: {text:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_would_be_too_large_is_refused() {
        for (tool, packed) in PACKED {
            assert!(
                matches!(unpack_within(tool, packed, 3), Err(Failure::TooLarge(3))),
                "{tool}"
            );
            assert_eq!(unpack_within(tool, packed, 4).unwrap().len(), 4, "{tool}");
        }
    }

    #[test]
    fn the_dictionary_of_xz_9_is_accepted_and_a_larger_one_refused() {
        // The byte for the size, and the header's checksum, by `xz -9` and `xz --lzma2=dict=128MiB`.
        for (size, checksum, fits) in [
            (0x1c, [0x10, 0xcf, 0x58, 0xcc], true),
            (0x1e, [0x9b, 0x07, 0x51, 0x66], false),
        ] {
            let mut packed = PACKED[0].1.to_vec();
            packed[16] = size;
            packed[20..24].copy_from_slice(&checksum);
            assert_eq!(unpack("xz", &packed).is_ok(), fits, "{size}");
        }
    }
}
