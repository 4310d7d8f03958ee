//! Target: the check whether an ELF file is complete.

use super::elf::is_whole;

pub(crate) fn elf(bytes: &[u8]) {
    let mut head = [0; 64];
    let length = bytes.len().min(head.len());
    head[..length].copy_from_slice(&bytes[..length]);
    if is_whole(&head, bytes.len() as u64) {
        assert!(!is_whole(&head, 52), "no file of that size has a table");
    }
}
