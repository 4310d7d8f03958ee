//! Targets: the properties of a module.

use std::path::Path;

use super::{ModuleInfo, compressed, compressed_by};

/// A compressed module has a target of its own.
pub(crate) fn modinfo(bytes: &[u8]) {
    if compressed_by(bytes).is_some() {
        return;
    }
    if let Ok(info) = ModuleInfo::of_bytes(bytes, Path::new("a-b.ko")) {
        assert!(!info.name.is_empty());
        assert!(info.parameters.len() <= info.fields.len());
        assert!(info.exports.windows(2).all(|two| two[0].name < two[1].name));
    }
}

pub(crate) fn compressed(bytes: &[u8]) {
    if let Some(tool) = compressed_by(bytes) {
        if let Ok(unpacked) = compressed::unpack(tool, bytes) {
            assert!(unpacked.len() <= compressed::largest(bytes.len()));
        }
    }
}
