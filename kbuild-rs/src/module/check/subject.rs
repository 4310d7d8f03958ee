//! A module, as far as the kernel looks at it before it runs any of it.

use std::collections::HashMap;
use std::path::Path;

use object::{Object, ObjectSection, ObjectSymbol, SectionIndex, SymbolSection};

use crate::module::modinfo::{self, ModuleInfo, Names, Versions, number, section};
use crate::sys::regular;
use crate::{Error, ErrorKind, Result};

/// A module of a call.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) info: ModuleInfo,
    pub(super) versions: Versions,
    pub(super) elf: Elf,
    /// The size of its `struct module`.
    pub(super) size: u64,
    /// Whether its exported symbols have flags, as the kernel has them from 7.2 on.
    pub(super) has_flags: bool,
    /// The checksums of its exported symbols; `None` without `__kcrctab`.
    pub(super) checksums: Option<HashMap<String, u32>>,
}

/// The kind of an ELF file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Elf {
    pub(super) machine: u16,
    pub(super) is_64: bool,
    pub(super) is_little: bool,
}

/// The section with the `struct module`.
const THIS_MODULE: &str = ".gnu.linkonce.this_module";

impl Subject {
    /// Reads a module from the contents of its file, which are not compressed.
    pub(super) fn of_bytes(bytes: &[u8], path: &Path) -> Result<Subject> {
        let info = ModuleInfo::of_bytes(bytes, path)?;
        let damaged = |error: object::Error| {
            Error::new(
                ErrorKind::InvalidFile,
                format!("{} is a damaged module ({error})", path.display()),
            )
        };
        let file = object::File::parse(bytes).map_err(damaged)?;
        let size = file.section_by_name(THIS_MODULE).map_or(0, |it| it.size());
        let half = |at: usize| match (bytes.get(at), bytes.get(at + 1)) {
            (Some(&a), Some(&b)) if file.is_little_endian() => u16::from_le_bytes([a, b]),
            (Some(&a), Some(&b)) => u16::from_be_bytes([a, b]),
            _ => 0,
        };
        Ok(Subject {
            versions: Versions::of(&file),
            elf: Elf {
                machine: half(18),
                is_64: file.is_64(),
                is_little: file.is_little_endian(),
            },
            size,
            has_flags: section(&file, "__kflagstab").is_some(),
            checksums: checksums(&file, bytes.len()).map_err(damaged)?,
            info,
        })
    }

    /// The first entry of `.modinfo` with this key: the one that the kernel takes.
    pub(super) fn field(&self, key: &str) -> Option<&str> {
        let mut fields = self.info.fields.iter();
        let found = fields.find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    }

    /// `MODULE_LICENSE`, as the kernel reads it.
    pub(super) fn license(&self) -> &str {
        self.field("license").unwrap_or("unspecified")
    }

    /// Whether it has a table of checksums that the kernel compares.
    pub(super) fn has_versions(&self) -> bool {
        self.versions.plain.is_some()
    }
}

/// The checksums of exported symbols: the value of the absolute symbol `__crc_<name>` up to 6.x, and
/// the number at its place since then.
fn checksums(
    file: &object::File<'_>,
    size: usize,
) -> Result<Option<HashMap<String, u32>>, object::Error> {
    let tables = ["__kcrctab", "__kcrctab_gpl"];
    if !tables.iter().any(|name| section(file, name).is_some()) {
        return Ok(None);
    }
    let mut names = Names::of(size);
    let mut found = HashMap::new();
    for symbol in file.symbols() {
        let name = symbol.name()?;
        let Some(exported) = name.strip_prefix("__crc_") else {
            continue;
        };
        if names.count(name).is_err() {
            break;
        }
        let crc = match symbol.section() {
            // The kernel keeps 32 bits of them.
            #[allow(clippy::cast_possible_truncation, reason = "a checksum has 32 bits")]
            SymbolSection::Absolute => Some(symbol.address() as u32),
            SymbolSection::Section(index) => at(file, index, symbol.address()),
            _ => None,
        };
        if let Some(crc) = crc {
            found.insert(exported.to_owned(), crc);
        }
    }
    Ok(Some(found))
}

fn at(file: &object::File<'_>, index: SectionIndex, offset: u64) -> Option<u32> {
    let data = file.section_by_index(index).ok()?.data().ok()?;
    let from = usize::try_from(offset).ok()?;
    number(file, data.get(from..from.checked_add(4)?)?)
}

/// Reads a module of a call, and its unpacked contents. The inner error is about a file that is not a
/// module, which is a verdict.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn read(path: &Path) -> Result<Result<(Subject, Vec<u8>)>> {
    let bytes = regular::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::new(
            ErrorKind::SourceNotFound,
            format!(
                "{} does not exist: build the module first, or name another file",
                path.display()
            ),
        ),
        _ => Error::reading("read", path, error),
    })?;
    let of_bytes = || {
        let unpacked = modinfo::unpacked(&bytes, path)?.into_owned();
        Ok((Subject::of_bytes(&unpacked, path)?, unpacked))
    };
    Ok(of_bytes())
}
