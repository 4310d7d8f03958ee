//! Checks whether an ELF file is complete.

use std::fs;
use std::io::{self, Read};

/// Whether a file is as long as its ELF header says. Linkers write the table of sections last
/// (`elf(5)`).
pub(crate) fn is_whole_elf(mut file: &fs::File) -> io::Result<bool> {
    let mut head = [0; 64];
    let size = file.metadata()?.len();
    if size < 52 {
        return Ok(false);
    }
    let length = usize::try_from(size.min(64)).unwrap_or(64);
    file.read_exact(&mut head[..length])?;
    io::Seek::rewind(&mut file)?;
    Ok(is_whole(&head, size))
}

/// The same of a file's first bytes and its size.
pub(super) fn is_whole(head: &[u8; 64], size: u64) -> bool {
    let number = |at: usize, bytes: usize| -> u64 {
        let field = head[at..at + bytes].iter();
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        match head[5] {
            1 => field.rev().fold(0, add),
            _ => field.fold(0, add),
        }
    };
    let (header, start, count) = match head[4] {
        1 => (52, number(32, 4), number(46, 2) * number(48, 2)),
        2 => (64, number(40, 8), number(58, 2) * number(60, 2)),
        _ => return false,
    };
    let end = start.checked_add(count).is_some_and(|end| end <= size);
    head.starts_with(b"\x7fELF") && start >= header && count > 0 && end
}
