//! The settings of a build, stored so that a change is noticed, but no value can be read.
//!
//! # Decisions
//!
//! - Messages only contain the names. The values are only stored as hashes, and only the owner can
//!   read the record.
//! - The hash is HMAC-SHA-256 from a crate of its own: the standard library has none, and a 64-bit
//!   hash with a known salt can be reversed.

use std::hash::{BuildHasher, Hasher, RandomState};

use hmac_sha256::HMAC;

/// Settings as names and salted hashes: values of variables may be secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Salted {
    salt: String,
    entries: Vec<(Vec<u8>, String)>,
}

impl Salted {
    /// Hashes entries of the form `NAME=value` or `NAME`, line break, value.
    pub(crate) fn of(config: &[Vec<u8>]) -> Self {
        // The system seeds this, so each call returns another number.
        let random = || RandomState::new().build_hasher().finish();
        Self::with_salt(format!("{:016x}{:016x}", random(), random()), config)
    }

    fn with_salt(salt: String, config: &[Vec<u8>]) -> Self {
        let hashed = |entry: &Vec<u8>| (name(entry).to_vec(), hash(&salt, entry));
        let entries = config.iter().map(hashed).collect();
        Salted { salt, entries }
    }

    /// The first entry that only one of the two lists has, in words.
    pub(crate) fn difference(&self, config: &[Vec<u8>]) -> Option<String> {
        let now = Self::with_salt(self.salt.clone(), config);
        if now == *self {
            return None;
        }
        let odd = now.entries.iter().find(|e| !self.entries.contains(e));
        let odd = odd.or_else(|| self.entries.iter().find(|e| !now.entries.contains(e)));
        Some(odd.map_or_else(
            || "the order of the flags changed".to_owned(),
            |(name, _)| {
                // A NUL tells our own names from those of variables.
                let name = String::from_utf8_lossy(name);
                format!("{} changed", name.trim_start_matches('\0'))
            },
        ))
    }

    /// The lines for a record, which [`add`](Self::add) reads.
    pub(crate) fn lines(&self) -> impl Iterator<Item = [&[u8]; 2]> {
        let salt = [self.salt.as_bytes(), b""];
        let entries = self.entries.iter();
        std::iter::once(salt).chain(entries.map(|(name, hash)| [hash.as_bytes(), name]))
    }

    /// Adds a line of a record. The first line is the salt.
    pub(crate) fn add(&mut self, hash: &[u8], name: Vec<u8>) -> Option<()> {
        let hash = std::str::from_utf8(hash).ok()?.to_owned();
        match self.salt.is_empty() {
            true => self.salt = hash,
            false => self.entries.push((name, hash)),
        }
        Some(())
    }
}

fn name(entry: &[u8]) -> &[u8] {
    let end = entry.iter().position(|b| matches!(b, b'=' | b'\n'));
    &entry[..end.unwrap_or(entry.len())]
}

fn hash(salt: &str, entry: &[u8]) -> String {
    let bytes = HMAC::mac(entry, salt.as_bytes());
    bytes[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_named_and_no_value_is_kept() {
        let config = [
            b"CC=gcc".to_vec(),
            b"TOKEN=s3cret".to_vec(),
            b"map\ns3cret".to_vec(),
        ];
        let kept = Salted::of(&config);
        assert_eq!(kept.difference(&config), None);
        assert!(!format!("{kept:?}").contains("s3cret"));
        assert_ne!(kept, Salted::of(&config), "the salt is the same");
        let other = [
            config[0].clone(),
            b"TOKEN=other".to_vec(),
            config[2].clone(),
        ];
        assert_eq!(kept.difference(&other).unwrap(), "TOKEN changed");
        assert_eq!(kept.difference(&config[..2]).unwrap(), "map changed");
        let own = Salted::of(&[b"\0symvers=/a".to_vec()]);
        let moved = [b"\0symvers=/b".to_vec()];
        assert_eq!(own.difference(&moved).unwrap(), "symvers changed");
        let swapped = [config[1].clone(), config[0].clone(), config[2].clone()];
        assert!(kept.difference(&swapped).unwrap().contains("order"));
    }
}
