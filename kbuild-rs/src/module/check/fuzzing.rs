//! Targets: what a check reads besides the properties of a module.

use std::path::Path;

use super::subject::Subject;
use super::vermagic;

/// A whole module.
pub(crate) fn subject(bytes: &[u8]) {
    if let Ok(module) = Subject::of_bytes(bytes, Path::new("a-b.ko")) {
        assert!(module.size <= bytes.len() as u64);
        let checksums = module.checksums.unwrap_or_default();
        assert!(checksums.len() <= bytes.len());
    }
}

/// `include/linux/vermagic.h`.
pub(crate) fn header(bytes: &[u8]) {
    let found = vermagic::of_header(&String::from_utf8_lossy(bytes));
    assert!(found.text.len() <= bytes.len().saturating_mul(1024));
}
