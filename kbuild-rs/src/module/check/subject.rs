//! A module, as far as the kernel looks at it before it runs any of it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

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
    /// Whether it has exported symbols whose names its file does not show any more.
    pub(super) hides_exports: bool,
    /// Whether it was compiled with `-fcommon`, and needs it.
    pub(super) has_common: bool,
    /// The first section that is writable and executable: its name, and its number.
    pub(super) writable_code: Option<(String, usize)>,
    /// `.BTF`.
    pub(super) btf: Option<Vec<u8>>,
    /// `.BTF.base`
    pub(super) has_btf_base: bool,
    pub(super) path: PathBuf,
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
            hides_exports: hides_exports(&file, info.exports.len()),
            has_common: has_common(&file),
            writable_code: writable_code(&file),
            btf: section(&file, ".BTF").map(<[u8]>::to_vec),
            has_btf_base: section(&file, ".BTF.base").is_some(),
            path: path.to_owned(),
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

/// Whether the tables of exported symbols have more entries than there are names: `strip
/// --strip-unneeded` takes the names of entries.
fn hides_exports(file: &object::File<'_>, names: usize) -> bool {
    let tables = ["__ksymtab", "__ksymtab_gpl"].into_iter();
    let size: u64 = tables
        .filter_map(|name| file.section_by_name(name))
        .map(|table| table.size())
        .sum();
    // The largest entry is three pointers.
    let entry = if file.is_64() { 24 } else { 12 };
    names as u64 * entry < size
}

/// The kernel gives no place to common symbols, except those of GCC's LTO.
fn has_common(file: &object::File<'_>) -> bool {
    let mut common = file.symbols().filter(object::ObjectSymbol::is_common);
    common.any(|symbol| {
        !symbol
            .name()
            .is_ok_and(|name| name.starts_with("__gnu_lto"))
    })
}

fn writable_code(file: &object::File<'_>) -> Option<(String, usize)> {
    let both = object::elf::SHF_WRITE | object::elf::SHF_EXECINSTR;
    let mut sections = file.sections();
    let found = sections.find(|section| match section.flags() {
        object::SectionFlags::Elf { sh_flags, .. } => sh_flags & both == both,
        _ => false,
    })?;
    Some((found.name().ok()?.to_owned(), found.index().0))
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

/// A file of a call.
pub(super) enum Read {
    /// A module, and its unpacked contents.
    Module(Box<Subject>, Vec<u8>),
    /// It is not a module.
    Other(Error),
    /// It is there, and cannot be read.
    Unreadable(Error),
}

/// Reads a file of a call. A fault of one file is a verdict.
///
/// # Errors
/// If there is nothing with this name.
pub(super) fn read(path: &Path) -> Result<Read> {
    let is_missing = || {
        let link = std::fs::symlink_metadata(path);
        link.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    };
    let bytes = match regular::read(path) {
        Ok(bytes) => bytes,
        Err(_) if is_missing() => {
            return Err(Error::new(
                ErrorKind::SourceNotFound,
                format!(
                    "{} does not exist: build the module first, or name another file",
                    path.display()
                ),
            ));
        }
        Err(error) => return Ok(Read::Unreadable(Error::reading("read", path, error))),
    };
    let of_bytes = || {
        let unpacked = modinfo::unpacked(&bytes, path)?.into_owned();
        Ok((Box::new(Subject::of_bytes(&unpacked, path)?), unpacked))
    };
    Ok(of_bytes().map_or_else(Read::Other, |(subject, bytes)| Read::Module(subject, bytes)))
}
