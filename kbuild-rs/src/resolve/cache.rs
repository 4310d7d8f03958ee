//! The cache of finished modules: its folder and its size.

use super::absolute;
use crate::settings::{CacheChoice, ChosenCache, Settings};
use crate::{Error, Result};

/// The size of a cache that somebody named.
const SIZE: u64 = 5_000_000_000;
/// The size of a cache in Cargo's target folder. There may be many of them.
const SIZE_UNDER_CARGO: u64 = 500_000_000;

/// The cache of a build.
pub(super) fn chosen(settings: &Settings) -> Result<Option<ChosenCache>> {
    let size = settings.environment.user("KBUILD_RS_CACHE_SIZE");
    let size = size.map(|text| limit(&text.to_string_lossy()));
    let chosen = match settings.cache_choice() {
        CacheChoice::Off => None,
        CacheChoice::Folder(dir) => Some(ChosenCache {
            folder: absolute(&dir)?,
            is_named: true,
            limit: SIZE,
        }),
        // Nothing fits into a cache without room, so nothing is stored.
        CacheChoice::LookUp(dir) => {
            return Ok(Some(ChosenCache {
                folder: absolute(&dir)?,
                is_named: true,
                limit: 0,
            }));
        }
        CacheChoice::Default => {
            let folder = (settings.default_cache)(&settings.environment);
            folder.map(|folder| ChosenCache {
                folder,
                is_named: false,
                limit: SIZE_UNDER_CARGO,
            })
        }
    };
    let Some(mut chosen) = chosen else {
        return Ok(None);
    };
    if let Some(limit) = size.transpose()? {
        chosen.limit = limit;
    }
    Ok(Some(chosen))
}

/// The bytes of `KBUILD_RS_CACHE_SIZE`: `5G`, `500M`, `1Gi`; `0` is no limit.
pub(crate) fn limit(text: &str) -> Result<u64> {
    const UNITS: [(&str, u64); 9] = [
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("Ti", 1 << 40),
        ("k", 1_000),
        ("K", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("T", 1_000_000_000_000),
    ];
    let unit = UNITS.iter().find(|(unit, _)| text.ends_with(unit));
    let (number, unit) = match unit {
        Some((name, unit)) => (&text[..text.len() - name.len()], *unit),
        None => (text, 1),
    };
    let bytes = number.trim().parse::<u64>().ok();
    match bytes.and_then(|number| number.checked_mul(unit)) {
        Some(0) => Ok(u64::MAX),
        Some(bytes) => Ok(bytes),
        None => Err(Error::input(format!(
            "{text:?} is not the size of a cache (KBUILD_RS_CACHE_SIZE): write bytes, or a number \
             with a unit, as in 500M or 5G. 0 is no limit"
        ))),
    }
}

/// The size of a cache that a program names without a build.
pub(crate) fn size_of_environment() -> Result<u64> {
    match std::env::var_os("KBUILD_RS_CACHE_SIZE").filter(|text| !text.is_empty()) {
        Some(text) => limit(&text.to_string_lossy()),
        None => Ok(SIZE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_a_unit_or_counts_bytes() {
        for (text, bytes) in [
            ("17", 17),
            ("500M", 500_000_000),
            ("2 k", 2_000),
            ("1Gi", 1 << 30),
            ("0", u64::MAX),
            ("0G", u64::MAX),
        ] {
            assert_eq!(limit(text).unwrap(), bytes, "{text}");
        }
        for bad in [
            "",
            "G",
            "five",
            "-1",
            "1.5G",
            "99999999999999999999",
            "99999999T",
        ] {
            limit(bad).unwrap_err();
        }
    }
}
