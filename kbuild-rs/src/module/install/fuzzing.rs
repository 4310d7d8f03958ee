//! Targets: the journal of a root, which may be another party's, and depmod's index.

use std::path::Path;

use super::journal::{Journal, Pending};
use super::read_back::Dep;

const RELEASE: &str = "6.1.0";

pub(crate) fn journal(bytes: &[u8]) {
    let parse = |bytes: &[u8]| Journal::parse(bytes, RELEASE, Path::new("journal")).ok();
    if let Some(journal) = parse(bytes) {
        for path in journal.current.paths() {
            is_inside(path);
        }
        journal.kept().count();
        journal.current.names();
        let written = journal.to_bytes().unwrap_or_default();
        assert_eq!(parse(&written), Some(journal));
    }
}

pub(crate) fn pending(bytes: &[u8]) {
    let parse = |bytes: &[u8]| Pending::parse(bytes, RELEASE, Path::new("pending")).ok();
    if let Some(pending) = parse(bytes) {
        for change in &pending.changes {
            is_inside(&change.path);
        }
        for folder in pending.folders.union(&pending.old_folders) {
            is_inside(folder);
        }
        let written = pending.to_bytes().unwrap_or_default();
        assert_eq!(parse(&written), Some(pending));
    }
}

fn is_inside(path: &str) {
    let starts = ["lib/modules/6.1.0/", "etc/depmod.d/", "etc/modules-load.d/"];
    assert!(starts.iter().any(|start| path.starts_with(start)), "{path}");
    assert!(!path.split('/').any(|part| part == ".."), "{path}");
}

pub(crate) fn modules_dep(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let dep = Dep::parse(&text);
    for name in dep.names() {
        let file = dep.file(name);
        assert!(file.is_some_and(|file| text.contains(file)), "{name}");
        assert!(dep.needed(name).iter().all(|file| text.contains(file)));
    }
}
