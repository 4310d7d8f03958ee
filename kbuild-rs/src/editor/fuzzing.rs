//! Targets: files that other build systems and editors share with kbuild-rs.

use super::compile_commands::merge;
use super::rust_project::merge as crates;

pub(crate) fn compile_commands(bytes: &[u8]) {
    let Some(entries) = merge::split(bytes) else {
        return;
    };
    assert_eq!(merge::split(&merge::list(&entries)), Some(entries.clone()));
    for entry in entries {
        assert!(merge::source(entry).len() <= entry.len());
    }
}

pub(crate) fn rust_project(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Some((kernel, own)) = crates::split(&text) else {
        return;
    };
    let joined = crates::join([(kernel, own)].into_iter());
    let again = joined.as_deref().map(crates::split);
    assert!(again.is_some_and(|split| split.is_some()), "{joined:?}");
}
