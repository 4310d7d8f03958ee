//! Targets: the record of a build, and what make left in the stage.

use std::collections::HashSet;
use std::path::Path;

pub(crate) use super::cache::fuzzing::{entry as cache_entry, hashes as cache_hashes};
use super::publish::artifact::listed;
use super::record::prerequisites::incbin as operands;
use super::record::text;

pub(crate) fn record(bytes: &[u8]) {
    let Some(record) = text::parse(bytes) else {
        return;
    };
    let written = record.text(Path::new("/out"));
    let again = text::parse(&written).map(|record| record.text(Path::new("/out")));
    assert_eq!(again, Some(written));
}

pub(crate) fn modules_order(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(modules) = listed(&text, Path::new("/stage")) else {
        return;
    };
    let words = modules.iter().map(|(name, _)| name.replace('-', "_"));
    let words: HashSet<String> = words.collect();
    assert_eq!(words.len(), modules.len());
}

pub(crate) fn incbin(bytes: &[u8]) {
    for operand in operands::operands(bytes) {
        operands::files(&operand, "gcc -c", Path::new("/nowhere"));
    }
    operands::strings(bytes);
    operands::values(&String::from_utf8_lossy(bytes)).count();
}
