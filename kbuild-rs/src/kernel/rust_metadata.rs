//! Metadata of the kernel's Rust crates: the rustc that wrote it, and whether it is complete.
//!
//! In both cases rustc only says that it "can't find crate for `kernel`". kbuild-rs only reads the
//! beginning of such a file: `rust\0\0\0`, a version of the format, the position of the table of
//! contents (four bytes with the most significant first, in newer files eight with the least
//! significant first), then the length of a text and the text,
//! `rustc 1.85.1 (4eb161250 2025-03-15)`. Newer files end with `rust-end-file`.
//!
//! Each build reads this again, because the beginnings of ten files take microseconds, and
//! remembering them would take as long.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::Kernel;
use crate::sys::{is_whole_elf, regular};
use crate::{Error, ErrorKind, Result};

const MAGIC: &[u8] = b"rust\0\0\0";
const END: &[u8] = b"rust-end-file";
/// The first minor version of rustc that certainly writes [`END`].
const HAS_END: u32 = 82;
/// The crates on which those in the kernel's makefiles depend.
const BELOW: &[&str] = &["build_error", "ffi", "pin_init", "uapi"];

impl Kernel {
    /// Refuses metadata that is incomplete, or that another rustc wrote than the one in the
    /// kernel's configuration.
    ///
    /// # Errors
    /// [`ErrorKind::KernelNotPrepared`], naming the first such file and both compilers.
    pub(crate) fn check_rust_metadata(&self) -> Result<()> {
        let mut files = self.rust_files();
        let below = BELOW.iter().map(|name| format!("rust/lib{name}.rmeta"));
        files.extend(below.map(|file| self.dir().join(file)));
        for file in files {
            let State { wrong, writer } = match file.extension().and_then(|end| end.to_str()) {
                Some("rmeta") => metadata(&file),
                Some("so") => library(&file),
                _ => continue,
            };
            let name = file.strip_prefix(self.dir()).unwrap_or(&file);
            if let Some(wrong) = wrong {
                return Err(self.bad_metadata(name, wrong));
            }
            // The kernel's configuration has the version without this character.
            let writer = writer.map(|text| text.replace('#', ""));
            if let (Some(writer), Some(wanted)) = (writer, self.rustc_version()) {
                if writer != wanted {
                    let wrong = format!(
                        "was written by {writer}, but the kernel's configuration names {wanted}"
                    );
                    return Err(self.bad_metadata(name, wrong));
                }
            }
        }
        Ok(())
    }

    fn bad_metadata(&self, name: &Path, wrong: String) -> Error {
        let dir = self.dir().display();
        let out = match self.dir() == self.source_dir() {
            true => String::new(),
            false => format!(" O={dir}"),
        };
        Error::new(
            ErrorKind::KernelNotPrepared,
            format!(
                "{} in the kernel tree {dir} ({}) {wrong}. rustc only reads crates that it wrote \
                 itself. Take .config, rust/ and Module.symvers from one build of that kernel, or \
                 build the crates again with {} (see docs/rust-modules.md):\n  \
                 rm {dir}/rust/lib*.rmeta {dir}/rust/lib*.so\n    make -C {}{out} modules_prepare",
                name.display(),
                self.release(),
                self.rustc_version().unwrap_or("the kernel's rustc"),
                self.source_dir().display(),
            ),
        )
    }

    /// The names of the crates in the kernel tree. A module's crate cannot have one of these names.
    pub(crate) fn rust_crates(&self) -> Vec<(String, PathBuf)> {
        let entries = std::fs::read_dir(self.dir().join("rust"));
        let files = entries.into_iter().flatten().flatten();
        let named = files.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let name = name.strip_prefix("lib")?;
            let name = name.strip_suffix(".rmeta").or(name.strip_suffix(".so"))?;
            Some((name.to_owned(), entry.path()))
        });
        named.collect()
    }
}

/// The state of a file: the reason why it cannot be used, or the rustc that wrote it.
#[derive(Debug, Default)]
pub(super) struct State {
    wrong: Option<String>,
    writer: Option<String>,
}

impl State {
    fn wrong(text: impl Into<String>) -> State {
        State {
            wrong: Some(text.into()),
            writer: None,
        }
    }
}

/// The state of a procedural macro. Another check reports a missing one.
fn library(file: &Path) -> State {
    match regular::open(file).and_then(|file| is_whole_elf(&file)) {
        Ok(false) => State::wrong("is truncated: it is not a whole library"),
        _ => State::default(),
    }
}

fn metadata(file: &Path) -> State {
    let Ok(mut opened) = regular::open(file) else {
        return State::default();
    };
    let length = opened.metadata().map(|meta| meta.len());
    match length.and_then(|length| read(&mut opened, length)) {
        Ok(state) => state,
        Err(error) => State::wrong(format!("cannot be read: {error}")),
    }
}

/// Reads metadata of this length from its start.
pub(super) fn read(file: &mut (impl Read + Seek), length: u64) -> io::Result<State> {
    let mut head = Vec::new();
    file.take(256).read_to_end(&mut head)?;
    if !head.starts_with(MAGIC) {
        let wrong = match MAGIC.starts_with(&head) {
            true => "is truncated",
            false => "is not metadata of rustc",
        };
        return Ok(State::wrong(wrong));
    }
    let cut =
        |wanted: u64| State::wrong(format!("is truncated: {length} of at least {wanted} bytes"));
    let Some((at, text)) = writer(&head) else {
        let early = length < 64;
        return Ok(if early { cut(64) } else { State::default() });
    };
    let contents = match at {
        12 => big(&head[8..12]),
        16 => little(&head[8..16]),
        _ => 0,
    };
    if contents >= length {
        return Ok(cut(contents));
    }
    let minor = text.split('.').nth(1).and_then(|minor| minor.parse().ok());
    if minor.unwrap_or(0) >= HAS_END {
        let end = END.len() as u64;
        let mut last = vec![0; END.len()];
        file.seek(SeekFrom::Start(length.saturating_sub(end)))?;
        file.read_exact(&mut last)?;
        if last != END {
            return Ok(State::wrong("is truncated: its end is missing"));
        }
    }
    Ok(State {
        wrong: None,
        writer: Some(text),
    })
}

/// The offset of the length of the text, and the text.
fn writer(head: &[u8]) -> Option<(usize, String)> {
    const WORD: &[u8] = b"rustc ";
    let start = head
        .windows(WORD.len())
        .take(40)
        .position(|part| part == WORD)?;
    let at = start.checked_sub(1).filter(|at| *at > MAGIC.len())?;
    // A length of 128 or more takes a second byte, but no version text is that long.
    let length = usize::from(head[at]).min(127);
    let text = head.get(start..start + length)?;
    Some((at, String::from_utf8(text.to_vec()).ok()?))
}

fn big(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn little(bytes: &[u8]) -> u64 {
    let mut bytes = bytes.to_vec();
    bytes.reverse();
    big(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    const TEXT: &str = "rustc 1.85.1 (4eb161250 2025-03-15)";

    /// A file in the form of rustc 1.85.1, whose contents are at byte 100.
    fn newer(text: &str) -> Vec<u8> {
        let mut bytes = [MAGIC, &[9], &100u64.to_le_bytes()].concat();
        bytes.push(u8::try_from(text.len()).unwrap());
        bytes.extend(text.as_bytes());
        bytes.resize(120, 0xc1);
        bytes.extend(END);
        bytes
    }

    /// A file in the form of older versions, which has no end mark.
    fn older(text: &str) -> Vec<u8> {
        let mut bytes = [MAGIC, &[7], &100u32.to_be_bytes()].concat();
        bytes.push(u8::try_from(text.len()).unwrap());
        bytes.extend(text.as_bytes());
        bytes.resize(120, 0xc1);
        bytes
    }

    fn state(bytes: &[u8]) -> State {
        let root = Root::new();
        root.write("x.rmeta", bytes);
        metadata(&root.join("x.rmeta"))
    }

    #[test]
    fn the_writer_of_metadata_is_read_from_its_beginning_in_both_forms() {
        let old = "rustc 1.62.0 (a8314ef7d 2022-06-27)";
        for (bytes, text) in [(newer(TEXT), TEXT), (older(old), old)] {
            let State { wrong, writer } = state(&bytes);
            assert_eq!((wrong, writer.as_deref()), (None, Some(text)));
        }
    }

    #[test]
    fn metadata_that_is_cut_short_anywhere_is_noticed() {
        let whole = newer(TEXT);
        for length in 0..whole.len() {
            let wrong = state(&whole[..length]).wrong.unwrap();
            assert!(wrong.starts_with("is truncated"), "{length}: {wrong}");
        }
        let old = older("rustc 1.62.0 (a8314ef7d 2022-06-27)");
        for length in 0..=100 {
            let wrong = state(&old[..length]).wrong.unwrap();
            assert!(wrong.starts_with("is truncated"), "{length}: {wrong}");
        }
        let zeros = state(&[0; 500]).wrong.unwrap();
        assert_eq!(zeros, "is not metadata of rustc");
    }

    #[test]
    fn metadata_of_another_rustc_is_refused_with_both_versions() {
        let root = Root::new();
        let conf = format!(
            "CONFIG_64BIT=y\nCONFIG_MODULES=y\nCONFIG_RUST=y\nCONFIG_RUSTC_VERSION_TEXT=\"{TEXT}\"\n"
        );
        let dir = root.kernel_with("k", "7.3.0", "x86", &conf);
        let kernel = Kernel::open(&dir).unwrap();
        let file = "k/rust/libkernel.rmeta";
        root.write(file, newer(TEXT));
        kernel.check_rust_metadata().unwrap();
        // The kernel's own text does not have this character.
        root.write(file, newer(&TEXT.replace('(', "#(")));
        kernel.check_rust_metadata().unwrap();
        root.write(file, newer(&TEXT.replace("85.1", "84.0")));
        let error = kernel.check_rust_metadata().unwrap_err().to_string();
        for wanted in [
            "rust/libkernel.rmeta in the kernel tree",
            "by rustc 1.84.0",
            TEXT,
        ] {
            assert!(error.contains(wanted), "{error}");
        }
    }
}
