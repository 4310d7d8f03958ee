//! Unified kernel images: EFI programs with a kernel, its initramfs and its release in sections.

use std::io::{self, Read, Seek, SeekFrom, Take};

/// The most sections that are read; images have about ten.
const MOST_SECTIONS: usize = 96;

/// The longest release (`uname -r`).
const LONGEST_RELEASE: u64 = 256;

/// The sections that matter here: where their bytes start, and how many there are.
#[derive(Debug, Default)]
pub(super) struct Sections {
    pub(super) initramfs: Vec<(u64, u64)>,
    release: Option<(u64, u64)>,
}

impl Sections {
    /// `None` for a file that is not an EFI program.
    pub(super) fn of(file: &mut (impl Read + Seek)) -> io::Result<Option<Sections>> {
        let Some(dos) = bytes_at::<64>(file, 0)? else {
            return Ok(None);
        };
        let start = u64::from(number(&dos[60..]));
        let header = bytes_at::<24>(file, start)?;
        let Some(header) = header.filter(|h| dos.starts_with(b"MZ") && h.starts_with(b"PE\0\0"))
        else {
            return Ok(None);
        };
        let half = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let count = usize::from(half(6)).min(MOST_SECTIONS);
        let table = start + 24 + u64::from(half(20));
        let mut found = Sections::default();
        for index in 0..count {
            let Some(entry) = bytes_at::<40>(file, table + index as u64 * 40)? else {
                break;
            };
            let length = number(&entry[8..]).min(number(&entry[16..]));
            let place = (u64::from(number(&entry[20..])), u64::from(length));
            match &entry[..8] {
                b".initrd\0" => found.initramfs.push(place),
                b".uname\0\0" => found.release = Some(place),
                _ => {}
            }
        }
        Ok(Some(found))
    }

    /// The release that the image tells.
    pub(super) fn release(&self, file: &mut (impl Read + Seek)) -> io::Result<Option<String>> {
        let Some((start, length)) = self.release else {
            return Ok(None);
        };
        let mut text = Vec::new();
        part(file, (start, length.min(LONGEST_RELEASE)))?.read_to_end(&mut text)?;
        let text = String::from_utf8_lossy(&text);
        Ok(Some(text.trim_end_matches(['\0', '\n', ' ']).to_owned()))
    }
}

/// The bytes of one section.
pub(super) fn part<F: Read + Seek>(
    file: &mut F,
    (start, length): (u64, u64),
) -> io::Result<Take<&mut F>> {
    file.seek(SeekFrom::Start(start))?;
    Ok(file.take(length))
}

fn bytes_at<const N: usize>(file: &mut (impl Read + Seek), at: u64) -> io::Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(at))?;
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(e) => Err(e),
    }
}

fn number(bytes: &[u8]) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[..4]);
    u32::from_le_bytes(four)
}
