//! Unpacks a kernel's boot image.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::{Error, Result, process};

/// Writes the kernel inside the bzImage `image` to `to`, and returns whether it did: `false` if
/// the kernel cannot be started without its own decompressor, or is compressed otherwise than with
/// xz or zstd.
///
/// An emulated machine spends more time in the kernel's decompressor than in the rest of the boot.
/// `config` is the kernel's configuration (`/boot/config-<release>`). Runs `xz` or `zstd`.
///
/// # Errors
/// [`Error::File`] for the files named; [`Error::Start`], [`Error::Failed`] or [`Error::Killed`]
/// for `xz` and `zstd`.
pub fn decompress(image: &Path, config: &Path, to: &Path) -> Result<bool> {
    let config = fs::read_to_string(config).map_err(Error::file(config))?;
    // QEMU enters a plain ELF kernel through PVH.
    if !config.lines().any(|line| line == "CONFIG_PVH=y") {
        return Ok(false);
    }
    let bytes = fs::read(image).map_err(Error::file(image))?;
    let Some((program, payload)) = payload(&bytes) else {
        return Ok(false);
    };
    let temporary = std::env::temp_dir();
    let mut compressed =
        tempfile::NamedTempFile::new_in(&temporary).map_err(Error::file(&temporary))?;
    compressed
        .write_all(payload)
        .map_err(Error::file(compressed.path()))?;
    let mut command = Command::new(program);
    command.arg("-dc").arg(compressed.path());
    let output = process::checked(&mut command, Duration::from_secs(120))?;
    fs::write(to, output.stdout).map_err(Error::file(to))?;
    Ok(true)
}

/// The compressed kernel inside a bzImage, and the program that decompresses it.
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
        Some(("xz", payload))
    } else if payload.starts_with(b"\x28\xb5\x2f\xfd") {
        Some(("zstd", payload))
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
        assert_eq!(payload(&image), Some(("xz", b"\xfd7zXZ\0..".as_slice())));
    }

    #[test]
    fn a_file_that_is_not_a_boot_image_has_no_payload() {
        assert_eq!(payload(b""), None);
        assert_eq!(payload(&[0xff; 4096]), None);
    }

    #[test]
    fn a_kernel_without_an_entry_for_qemu_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let [config, to] = ["config", "vmlinux"].map(|name| folder.path().join(name));
        fs::write(&config, "# CONFIG_PVH is not set\n").unwrap();
        assert!(!decompress(Path::new("/no/such/image"), &config, &to).unwrap());
        assert!(!to.exists());
    }
}
