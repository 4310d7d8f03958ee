//! A boot image without its wrapping.

use std::fs;
use std::path::Path;

use super::image;
use crate::Result;

/// Puts `vmlinux-<release>` beside `vmlinuz-<release>`, where that kernel can be entered directly.
pub(super) fn decompress(folder: &Path, release: &str) -> Result<()> {
    let fail = |error: std::io::Error| format!("cannot read the image in {folder:?}: {error}");
    let config = fs::read_to_string(folder.join(format!("config-{release}"))).map_err(fail)?;
    // The entry that QEMU uses for a plain ELF kernel.
    if !config.lines().any(|line| line == "CONFIG_PVH=y") {
        return Ok(());
    }
    let image = fs::read(folder.join(format!("vmlinuz-{release}"))).map_err(fail)?;
    let Some((suffix, payload)) = payload(&image) else {
        return Ok(());
    };
    let name = format!("vmlinux-{release}{suffix}");
    fs::write(folder.join(&name), payload).map_err(fail)?;
    image::decompress(folder, &name).map(drop)
}

/// The compressed kernel inside a bzImage and its file suffix.
///
/// Offsets: <https://docs.kernel.org/arch/x86/boot.html>, `setup_sects`, `payload_offset` and
/// `payload_length`.
fn payload(image: &[u8]) -> Option<(&'static str, &[u8])> {
    let number = |at: usize| {
        let bytes = image.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    let setup_sects = usize::from(*image.get(0x1f1)?);
    let start = (setup_sects + 1) * 512 + number(0x248)?;
    // The kernel's build appends the decompressed size, which the tools take for garbage.
    let end = start + number(0x24c)?.checked_sub(4)?;
    let payload = image.get(start..end)?;
    if payload.starts_with(b"\xfd7zXZ\0") {
        Some((".xz", payload))
    } else if payload.starts_with(b"\x28\xb5\x2f\xfd") {
        Some((".zst", payload))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_lies_where_the_header_says_and_ends_before_its_size() {
        let mut image = vec![0; 2048];
        image[0x1f1] = 1;
        image[0x248..0x24c].copy_from_slice(&16_u32.to_le_bytes());
        image[0x24c..0x250].copy_from_slice(&12_u32.to_le_bytes());
        image[1040..1052].copy_from_slice(b"\xfd7zXZ\0..SIZE");
        assert_eq!(payload(&image), Some((".xz", b"\xfd7zXZ\0..".as_slice())));
    }

    #[test]
    fn what_is_no_boot_image_has_no_payload() {
        assert_eq!(payload(b""), None);
        assert_eq!(payload(&[0xff; 4096]), None);
    }
}
