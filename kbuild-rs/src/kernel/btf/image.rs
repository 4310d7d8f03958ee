//! Bootable kernel images: the compressed kernel in them, and their release.
//!
//! The places of the fields are those of `Documentation/arch/x86/boot.rst`, and of
//! `drivers/firmware/efi/libstub/zboot-header.S`.

use super::raw;

/// The part of an image that is unpacked at boot.
pub(super) struct Image<'a> {
    pub(super) payload: &'a [u8],
    pub(super) release: Option<String>,
}

impl Image<'_> {
    /// The image that `bytes` are; also an image that is compressed as a whole.
    pub(super) fn of(bytes: &[u8]) -> Option<Image<'_>> {
        x86(bytes).or_else(|| zboot(bytes))
    }
}

/// Whether these are the first sectors of an image with a compressed kernel.
pub(super) fn is_packed(head: &[u8]) -> bool {
    is_bzimage(head) || is_zboot(head)
}

/// Whether this is an image for x86.
pub(super) fn is_bzimage(head: &[u8]) -> bool {
    head.get(0x202..0x206) == Some(&b"HdrS"[..])
}

fn is_zboot(head: &[u8]) -> bool {
    head.get(4..8) == Some(&b"zimg"[..])
}

fn number(bytes: &[u8], at: usize, size: usize) -> Option<usize> {
    let field = bytes.get(at..at.checked_add(size)?)?;
    let add = |sum: usize, byte: &u8| (sum << 8) | usize::from(*byte);
    Some(field.iter().rev().fold(0, add))
}

/// The release in the first sectors of a bzImage.
pub(super) fn release(head: &[u8]) -> Option<String> {
    if !is_bzimage(head) {
        return None;
    }
    let at = number(head, 0x20e, 2).filter(|at| *at != 0)?;
    raw::first_word(head.get(at + 0x200..)?)
}

fn x86(bytes: &[u8]) -> Option<Image<'_>> {
    // The fields of the payload exist since version 2.08 of the boot protocol.
    if !is_bzimage(bytes) || number(bytes, 0x206, 2)? < 0x208 {
        return None;
    }
    let sectors = match bytes.get(0x1f1)? {
        0 => 4,
        sectors => usize::from(*sectors),
    };
    let at = number(bytes, 0x248, 4)?.checked_add((sectors + 1) * 512)?;
    let payload = bytes.get(at..at.checked_add(number(bytes, 0x24c, 4)?)?)?;
    Some(Image {
        payload,
        release: release(bytes),
    })
}

/// An EFI program that unpacks a kernel (arm64, riscv, loongarch).
fn zboot(bytes: &[u8]) -> Option<Image<'_>> {
    if !is_zboot(bytes) {
        return None;
    }
    let at = number(bytes, 8, 4)?;
    let payload = bytes.get(at..at.checked_add(number(bytes, 12, 4)?)?)?;
    Some(Image {
        payload,
        release: None,
    })
}
