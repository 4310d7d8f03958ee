//! The properties that a `.ko` file stores about its module.

#[cfg(feature = "compressed")]
mod compressed;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod invalid;
mod names;
mod versions;

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use object::elf;
use object::{Object, ObjectSection, ObjectSymbol};

use crate::settings::Artifact;
use crate::sys::regular;
use crate::{Error, ErrorKind, Result};
#[cfg(feature = "compressed")]
pub(super) use compressed::DICTIONARY;
use invalid::Invalid;
pub(super) use names::Names;
use names::{length_at, string_at};
pub(super) use versions::Versions;
#[cfg(feature = "check")]
pub(super) use versions::number;

/// The properties that a module file stores.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ModuleInfo {
    /// The name that the kernel uses: without dashes.
    pub name: String,
    /// The text that the kernel compares with its own before it loads the module, for instance
    /// `6.1.0-56-amd64 SMP preempt mod_unload modversions `.
    pub vermagic: String,
    /// The kernel release that it was built for: vermagic's first word.
    pub release: String,
    /// The kernel's name for its architecture, or the ELF file's if there is none.
    pub arch: String,
    /// `MODULE_LICENSE`.
    pub licenses: Vec<String>,
    /// The modules that must be loaded before it.
    pub depends: Vec<String>,
    /// `MODULE_DESCRIPTION`.
    pub description: Option<String>,
    /// `MODULE_AUTHOR`.
    pub authors: Vec<String>,
    /// `MODULE_VERSION`.
    pub version: Option<String>,
    /// The aliases by which it is loaded, devices included.
    pub aliases: Vec<String>,
    /// Firmware files that it may load.
    pub firmware: Vec<String>,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// The symbol namespaces that it imports.
    pub imported_namespaces: Vec<String>,
    /// The symbols that it offers to other modules.
    pub exports: Vec<Export>,
    /// The symbols that it needs from the kernel and from other modules.
    pub imports: Vec<Import>,
    /// Whether a signature is appended.
    pub signed: bool,
    /// Whether it contains BTF.
    pub has_btf: bool,
    /// Every `.modinfo` entry in the file's order, those above included.
    pub fields: Vec<(String, String)>,
}

/// A module parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its type, by the kernel's names: `int`, `charp`, `array of uint`, … (`type` in JSON)
    #[cfg_attr(feature = "serde", serde(rename = "type"))]
    pub kind: Option<String>,
    /// `MODULE_PARM_DESC`.
    pub description: Option<String>,
}

/// A symbol that a module exports.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Export {
    /// The symbol's name.
    pub name: String,
    /// Whether only GPL-compatible modules may use it.
    pub gpl_only: bool,
    /// The namespace that a user must import.
    pub namespace: Option<String>,
}

/// A symbol that a module needs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Import {
    /// The symbol's name.
    pub name: String,
    /// The checksum that it must have, with `CONFIG_MODVERSIONS`.
    pub crc: Option<u32>,
    /// Whether the module also loads without it.
    pub weak: bool,
}

/// The last bytes of a signed module.
pub(crate) const SIGNATURE: &[u8] = b"~Module signature appended~\n";

impl Artifact {
    /// The module's properties: vermagic, license, depends, imported and exported symbols (feature
    /// `modinfo`).
    pub fn info(&self) -> Result<ModuleInfo> {
        crate::module::ModuleInfo::read(&self.path)
    }
}

impl ModuleInfo {
    /// Reads a `.ko`; with the feature `compressed`, also a `.ko.xz`, a `.ko.zst` or a `.ko.gz`,
    /// with any file name.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], and [`ErrorKind::InvalidFile`] for a file that is not a complete module,
    /// or that unpacks to more than 512 MiB, or to more than 16 MiB and 16 times its size. Without the
    /// feature `compressed`, the error for a compressed module contains the command that unpacks it.
    pub fn read(path: impl AsRef<Path>) -> Result<ModuleInfo> {
        let path = path.as_ref();
        let bytes = regular::read(path).map_err(|error| Error::reading("read", path, error))?;
        ModuleInfo::of_bytes(&bytes, path)
    }

    /// The same of the contents of a file, which messages name by `path`.
    pub(crate) fn of_bytes(bytes: &[u8], path: &Path) -> Result<ModuleInfo> {
        let mut info = parse(bytes).map_err(|why| about(path, &why))?;
        if info.name.is_empty() {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let stem = name.split_once(".ko").map_or(&*name, |(stem, _)| stem);
            info.name = stem.replace('-', "_");
        }
        Ok(info)
    }

    /// `parameters` has the place of each by its name.
    fn take_field(&mut self, key: &str, value: &str, parameters: &mut HashMap<String, usize>) {
        let text = value.to_owned();
        match key {
            "name" => self.name = text,
            "vermagic" => {
                self.release = value.split(' ').next().unwrap_or_default().to_owned();
                self.vermagic = text;
            }
            "license" => self.licenses.push(text),
            "depends" => {
                let names = value.split(',').filter(|name| !name.is_empty());
                self.depends.extend(names.map(str::to_owned));
            }
            "description" => self.description = Some(text),
            "author" => self.authors.push(text),
            "version" => self.version = Some(text),
            "alias" => self.aliases.push(text),
            "firmware" => self.firmware.push(text),
            "import_ns" => self.imported_namespaces.push(text),
            "parm" | "parmtype" => {
                let (name, rest) = value.split_once(':').unwrap_or((value, ""));
                let parameter = self.parameter(name, parameters);
                match key {
                    "parm" => parameter.description = Some(rest.to_owned()),
                    _ => parameter.kind = Some(rest.to_owned()),
                }
            }
            _ => {}
        }
        self.fields.push((key.to_owned(), value.to_owned()));
    }

    fn parameter(&mut self, name: &str, places: &mut HashMap<String, usize>) -> &mut Parameter {
        let index = *places.entry(name.to_owned()).or_insert_with(|| {
            self.parameters.push(Parameter {
                name: name.to_owned(),
                kind: None,
                description: None,
            });
            self.parameters.len() - 1
        });
        &mut self.parameters[index]
    }
}

/// The program that compressed a file, by its first bytes.
pub(crate) fn compressed_by(bytes: &[u8]) -> Option<&'static str> {
    const MAGIC: &[(&[u8], &str)] = &[
        (b"\x1f\x8b", "gzip"),
        (b"\xfd7zXZ\0", "xz"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
    ];
    let found = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic));
    found.map(|(_, tool)| *tool)
}

fn parse(bytes: &[u8]) -> Result<ModuleInfo, Invalid> {
    parse_elf(&unpack(bytes)?)
}

/// The bytes that the kernel gets: those of a compressed module are unpacked.
fn unpack(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Invalid> {
    match compressed_by(bytes) {
        None => Ok(Cow::Borrowed(bytes)),
        #[cfg(not(feature = "compressed"))]
        Some(tool) => Err(Invalid::Compressed(tool)),
        #[cfg(feature = "compressed")]
        Some(tool) => match compressed::unpack(tool, bytes) {
            Ok(unpacked) => Ok(Cow::Owned(unpacked)),
            Err(why) => Err(Invalid::Unpacking(tool, why)),
        },
    }
}

fn about(path: &Path, why: &Invalid) -> Error {
    Error::new(
        ErrorKind::InvalidFile,
        format!("{} {}", path.display(), why.in_words(path)),
    )
}

/// As [`unpack`], for a file that messages name by `path`.
#[cfg(feature = "check")]
pub(super) fn unpacked<'a>(bytes: &'a [u8], path: &Path) -> Result<Cow<'a, [u8]>> {
    unpack(bytes).map_err(|why| about(path, &why))
}

fn parse_elf(bytes: &[u8]) -> Result<ModuleInfo, Invalid> {
    if !bytes.starts_with(&elf::ELFMAG) {
        return Err(Invalid::NotElf);
    }
    let file = object::File::parse(bytes)?;
    // A file cut short in the middle of a section reads well as long as nobody asks for that one.
    let mut names = Names::of(bytes.len());
    for section in file.sections() {
        names.count(section.name()?)?;
        section.data()?;
    }
    // An object of a module has .modinfo too; what the kernel loads has its `struct module`.
    let is_module = file.kind() == object::ObjectKind::Relocatable
        && file.section_by_name(".gnu.linkonce.this_module").is_some();
    let modinfo = section(&file, ".modinfo")
        .filter(|_| is_module)
        .ok_or(Invalid::NotModule)?;
    let mut info = ModuleInfo {
        arch: arch(&file),
        has_btf: section(&file, ".BTF").is_some(),
        signed: bytes.ends_with(SIGNATURE),
        ..ModuleInfo::default()
    };
    let entries = || {
        let entries = modinfo.split(|byte| *byte == 0);
        entries.filter(|entry| entry.iter().position(|byte| *byte == b'=') > Some(0))
    };
    info.fields.reserve_exact(entries().count());
    let mut parameters = HashMap::new();
    for entry in entries() {
        let text = String::from_utf8_lossy(entry);
        if let Some((key, value)) = text.split_once('=') {
            info.take_field(key, value, &mut parameters);
        }
    }
    info.exports = exports(&file, &mut names)?;
    info.imports = imports(&file, &mut names)?;
    Ok(info)
}

pub(super) fn section<'data>(file: &object::File<'data>, name: &str) -> Option<&'data [u8]> {
    file.section_by_name(name)?.data().ok()
}

fn arch(file: &object::File<'_>) -> String {
    use object::Architecture as A;
    let word = match file.architecture() {
        A::X86_64 | A::X86_64_X32 | A::I386 => "x86",
        A::Aarch64 | A::Aarch64_Ilp32 => "arm64",
        A::Arm => "arm",
        A::Riscv32 | A::Riscv64 => "riscv",
        A::S390x => "s390",
        A::PowerPc | A::PowerPc64 => "powerpc",
        A::Mips | A::Mips64 | A::Mips64_N32 => "mips",
        A::LoongArch32 | A::LoongArch64 => "loongarch",
        A::Sparc | A::Sparc32Plus | A::Sparc64 => "sparc",
        A::Alpha => "alpha",
        A::Csky => "csky",
        A::Hexagon => "hexagon",
        A::Hppa => "parisc",
        A::M68k => "m68k",
        A::SuperH => "sh",
        A::Xtensa => "xtensa",
        other => return format!("{other:?}").to_ascii_lowercase(),
    };
    word.to_owned()
}

/// Exported symbols are those with an entry in a `__ksymtab` section.
fn exports(file: &object::File<'_>, names: &mut Names) -> Result<Vec<Export>, Invalid> {
    let flags = section(file, "__kflagstab").unwrap_or_default();
    let mut namespaces = HashMap::new();
    let mut exports = Vec::new();
    for symbol in file.symbols() {
        let name = names.count(symbol.name()?)?;
        let Some(index) = symbol.section_index() else {
            continue;
        };
        if let Some(exported) = name.strip_prefix("__kstrtabns_") {
            let data = file.section_by_index(index)?.data()?;
            names.spend(length_at(data, symbol.address()))?;
            if let Some(namespace) = string_at(data, symbol.address()) {
                namespaces.insert(exported, namespace);
            }
        } else if let Some(exported) = name.strip_prefix("__ksymtab_") {
            let section = file.section_by_index(index)?;
            let section_name = names.count(section.name()?)?;
            // modpost's objects have ___ksymtab_gpl+foo, linked modules __ksymtab_gpl. Kernels that
            // have a table of flags have __ksymtab only.
            if section_name.trim_start_matches('_').starts_with("ksymtab") {
                let by_section = section_name.contains("ksymtab_gpl");
                let by_flag = flagged_gpl(flags, section.size(), symbol.address());
                exports.push((exported, by_section || by_flag));
            }
        }
    }
    let mut exports: Vec<Export> = exports
        .into_iter()
        .map(|(name, gpl_only)| Export {
            name: name.to_owned(),
            gpl_only,
            namespace: namespaces.get(name).cloned(),
        })
        .collect();
    exports.sort_by(|a, b| a.name.cmp(&b.name));
    exports.dedup_by(|a, b| a.name == b.name);
    Ok(exports)
}

/// `__kflagstab` has one byte for each entry of `__ksymtab`, in the same order; its lowest bit is
/// `KSYM_FLAG_GPL_ONLY`.
fn flagged_gpl(flags: &[u8], table_size: u64, offset: u64) -> bool {
    let entry_size = table_size.checked_div(flags.len() as u64);
    entry_size
        .and_then(|size| offset.checked_div(size))
        .and_then(|index| flags.get(usize::try_from(index).ok()?))
        .is_some_and(|flag| flag & 1 != 0)
}

fn imports(file: &object::File<'_>, names: &mut Names) -> Result<Vec<Import>, Invalid> {
    let versions = Versions::of(file);
    let mut imports = Vec::new();
    for symbol in file.symbols().filter(|symbol| symbol.is_undefined()) {
        let name = names.count(symbol.name()?)?;
        if !name.is_empty() {
            imports.push(Import {
                crc: versions.of_symbol(name),
                name: name.to_owned(),
                weak: symbol.is_weak(),
            });
        }
    }
    imports.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(imports)
}

#[cfg(test)]
pub(super) mod tests;
