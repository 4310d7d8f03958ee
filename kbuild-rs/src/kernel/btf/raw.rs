//! BTF itself, and the release in a kernel image.

/// The magic number, as a little-endian machine writes it (`BTF_MAGIC` in `include/uapi/linux/btf.h`).
const MAGIC: [u8; 2] = [0x9f, 0xeb];

/// The size of the first header (`struct btf_header`). Newer ones are longer.
const HEADER: usize = 24;

/// The longest BTF (bytes). Distributions' kernels have four to six megabytes.
pub(super) const LONGEST: usize = 128 << 20;

/// The shortest BTF of a whole kernel. In a flat image, something shorter may only look like BTF.
const SHORTEST: usize = 64 << 10;

/// The number at this place of a header.
fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let field: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(match bytes.starts_with(&MAGIC) {
        true => u32::from_le_bytes(field),
        false => u32::from_be_bytes(field),
    })
    .ok()
}

/// Whether this BTF, which has a [length], is complete in itself. Its strings then begin with an empty
/// one. The BTF of a module has only what its base lacks (`btf_parse_str_sec` in `kernel/bpf/btf.c`).
pub(super) fn is_base(bytes: &[u8]) -> bool {
    let strings = number(bytes, 4).zip(number(bytes, 16));
    let strings = strings.and_then(|(header, at)| header.checked_add(at));
    strings.and_then(|at| bytes.get(at)) == Some(&0)
}

/// The length of the BTF at the beginning of `bytes`, by its header. `None` if it is no BTF, or not
/// whole.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let is_little = bytes.starts_with(&MAGIC);
    if !is_little && !bytes.starts_with(&[MAGIC[1], MAGIC[0]]) || bytes.get(2) != Some(&1) {
        return None;
    }
    let number = |at: usize| number(bytes, at);
    let header = number(4).filter(|header| (HEADER..=4096).contains(header))?;
    let (types, strings) = (number(12)?, number(20)?);
    if types == 0 || strings == 0 {
        return None;
    }
    let mut end = number(8)?.checked_add(types)?;
    end = end.max(number(16)?.checked_add(strings)?);
    if header >= HEADER + 8 {
        end = end.max(number(24)?.checked_add(number(28)?)?);
    }
    let end = end.checked_add(header)?;
    (end <= bytes.len().min(LONGEST)).then_some(end)
}

/// The BTF in an image without sections.
pub(super) fn within(image: &[u8]) -> Option<&[u8]> {
    let mut rest = image;
    while let Some(at) = rest.iter().position(|byte| MAGIC.contains(byte)) {
        rest = &rest[at..];
        match length(rest) {
            Some(length) if length >= SHORTEST && is_base(rest) => return rest.get(..length),
            _ => rest = &rest[1..],
        }
    }
    None
}

/// The release in `linux_banner`: `Linux version RELEASE (…`.
pub(super) fn release(bytes: &[u8]) -> Option<String> {
    const START: &[u8] = b"Linux version ";
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == b'L') {
        rest = &rest[at..];
        match rest.strip_prefix(START).and_then(first_word) {
            Some(found) => return Some(found),
            None => rest = &rest[1..],
        }
    }
    None
}

/// The release at the beginning of a version's text, such as `6.1.0-57-amd64 (builder@host) #1 SMP`.
pub(super) fn first_word(text: &[u8]) -> Option<String> {
    // The length of a field of `utsname`.
    let text = &text[..text.len().min(65)];
    let end = text.windows(2).position(|two| two == b" (")?;
    let word = std::str::from_utf8(&text[..end]).ok()?;
    let is_release = |c: char| c.is_ascii_graphic() && c != '%';
    let starts = word.starts_with(|c: char| c.is_ascii_digit());
    (starts && word.chars().all(is_release)).then(|| word.to_owned())
}
