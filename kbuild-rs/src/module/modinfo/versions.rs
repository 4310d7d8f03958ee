//! The checksums of the symbols that a module was built against (`CONFIG_MODVERSIONS`).
//!
//! There are two forms. `__versions` has records of 64 bytes: a checksum as `unsigned long`, and the
//! name. From 6.14 on, `__version_ext_crcs` and `__version_ext_names` may be beside it or in its place,
//! for longer names.

use std::collections::HashMap;

use object::Object;

use super::names::string_at;
use super::section;

/// The checksums of a module, by the names of the symbols.
#[derive(Debug, Clone, Default)]
pub(in crate::module) struct Versions {
    /// Those in `__versions`; `None` without that section.
    pub(in crate::module) plain: Option<HashMap<String, u32>>,
    /// Those in the extended form; `None` without it.
    pub(in crate::module) extended: Option<HashMap<String, u32>>,
    /// Whether only one of the two sections of the extended form exists.
    #[cfg(feature = "check")]
    pub(in crate::module) is_torn: bool,
    /// Whether the extended form has more checksums than names.
    #[cfg(feature = "check")]
    pub(in crate::module) lacks_names: bool,
}

impl Versions {
    pub(in crate::module) fn of(file: &object::File<'_>) -> Versions {
        let names = section(file, "__version_ext_names");
        let crcs = section(file, "__version_ext_crcs");
        Versions {
            plain: section(file, "__versions").map(|data| plain(file, data)),
            extended: names
                .zip(crcs)
                .map(|(names, crcs)| extended(file, names, crcs)),
            #[cfg(feature = "check")]
            is_torn: names.is_some() != crcs.is_some(),
            #[cfg(feature = "check")]
            lacks_names: names.zip(crcs).is_some_and(|(names, crcs)| {
                names.iter().filter(|byte| **byte == 0).count() < crcs.len() / 4
            }),
        }
    }

    /// The checksum of a symbol, in either form.
    pub(in crate::module) fn of_symbol(&self, name: &str) -> Option<u32> {
        let tables = [&self.extended, &self.plain].into_iter().flatten();
        tables.filter_map(|table| table.get(name)).next().copied()
    }
}

/// The kernel takes the first record of a name.
fn plain(file: &object::File<'_>, data: &[u8]) -> HashMap<String, u32> {
    let long = if file.is_64() { 8 } else { 4 };
    let mut found = HashMap::new();
    for record in data.chunks_exact(64) {
        let (crc, name) = record.split_at(long);
        if let (Some(crc), Some(name)) = (number(file, crc), string_at(name, 0)) {
            found.entry(name).or_insert(crc);
        }
    }
    found
}

fn extended(file: &object::File<'_>, names: &[u8], crcs: &[u8]) -> HashMap<String, u32> {
    let mut found = HashMap::new();
    for (name, crc) in names.split(|byte| *byte == 0).zip(crcs.chunks_exact(4)) {
        if let Some(crc) = number(file, crc) {
            let name = String::from_utf8_lossy(name).into_owned();
            found.entry(name).or_insert(crc);
        }
    }
    found
}

/// The low 32 bits of a number of the file.
pub(in crate::module) fn number(file: &object::File<'_>, bytes: &[u8]) -> Option<u32> {
    let is_little = file.is_little_endian();
    let low = match is_little {
        true => bytes.get(..4)?,
        false => bytes.get(bytes.len().checked_sub(4)?..)?,
    };
    let low: [u8; 4] = low.try_into().ok()?;
    Some(match is_little {
        true => u32::from_le_bytes(low),
        false => u32::from_be_bytes(low),
    })
}
