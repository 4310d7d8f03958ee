//! Targets: what kbuild-rs wrote about a stage.

use super::{inventory, manifest};

pub(crate) fn manifest(bytes: &[u8]) {
    if let Some(items) = manifest::read(bytes) {
        assert_eq!(manifest::read(&manifest::text(&items)), Some(items));
    }
}

pub(crate) fn inventory(bytes: &[u8]) {
    if let Some(read) = inventory::parse(bytes) {
        let again = inventory::parse(&read.text());
        assert_eq!(again, Some(read));
    }
}
