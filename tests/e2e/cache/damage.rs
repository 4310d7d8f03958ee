//! Damaged and old entries are refused, and removed.

use std::fs;
use std::path::Path;

use kbuild_tests::random::Random;
use kbuild_tests::scope;

use super::files;
use super::stand::Stand;
use crate::support::*;

/// Puts bytes in the place of an entry, as a failing disk does: its name and its time stay.
fn put(entry: &Path, bytes: &[u8]) {
    kbuild_tests::damage::rewrite(entry, bytes).unwrap();
}

#[test]
fn a_flipped_or_missing_byte_of_an_entry_is_refused_and_the_entry_removed() {
    let stand = Stand::new();
    let out = folder(&[]);
    stand.build(out.path(), &[]);
    let entry = stand.caches.entries().remove(0);
    let whole = fs::read(&entry).unwrap();
    let mut random = Random::new();
    let number = if scope::is_full() { 300 } else { 12 };
    for step in 0..number {
        let mut bytes = whole.clone();
        let at = random.below(bytes.len() as u64) as usize;
        match step % 3 {
            // The first lines have what decides how the rest is read.
            0 => bytes[at % 2_000] ^= 1 << (step % 8),
            1 => bytes[at] ^= 1 << (step % 8),
            _ => bytes.truncate(at),
        }
        fs::write(&entry, &bytes).unwrap();
        let looked = folder(&[]);
        assert!(!stand.has(looked.path(), &[]), "step {step}, byte {at}");
        assert!(!entry.exists(), "step {step}: the entry is still there");
        assert!(!looked.path().join("stand.ko").exists());
    }
    let old = [b"kbuild-rs cache 0\n", &whole[18..]].concat();
    fs::write(&entry, old).unwrap();
    let said = crate::support::refused(&mut stopped(&stand), 1);
    assert!(said.contains("the cache had a damaged entry"), "{said}");
    fs::write(&entry, &whole).unwrap();
    let looked = folder(&[]);
    assert!(stand.has(looked.path(), &[]));
    assert_eq!(files(looked.path()), files(out.path()));
}

#[test]
fn an_entry_under_the_name_of_another_key_is_refused() {
    let stand = Stand::new();
    let define = ["-D".to_owned(), "LEVEL=7".to_owned()];
    let outs = [folder(&[]), folder(&[])];
    stand.build(outs[0].path(), &[]);
    let one = stand.caches.entries().remove(0);
    stand.build(outs[1].path(), &define);
    let mut entries = stand.caches.entries();
    entries.retain(|entry| *entry != one);
    put(&one, &fs::read(&entries[0]).unwrap());
    let looked = folder(&[]);
    assert!(!stand.has(looked.path(), &[]));
    assert!(!one.exists() && entries[0].exists());
    assert!(stand.has(folder(&[]).path(), &define));
}

/// A build whose make fails.
fn stopped(stand: &Stand) -> std::process::Command {
    fs::write(stand.own.path().join("stop"), "").unwrap();
    let out = stand.own.path().join("out");
    stand.command(&out, &["-v".to_owned()])
}

#[test]
fn damaged_hashes_are_not_believed() {
    let stand = Stand::new();
    let out = folder(&[]);
    stand.build(out.path(), &[]);
    let folder = stand.caches.modules.path().join("hashes");
    let hashes = fs::read_dir(&folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let whole = fs::read(&hashes).unwrap();
    let mut random = Random::new();
    for step in 0..4 {
        let mut bytes = whole.clone();
        let at = random.below(bytes.len() as u64) as usize;
        match step % 2 {
            0 => bytes[at] ^= 4,
            _ => bytes.truncate(at),
        }
        put(&hashes, &bytes);
        let looked = crate::support::folder(&[]);
        assert!(stand.has(looked.path(), &[]), "step {step}");
        assert_eq!(files(looked.path()), files(out.path()));
        assert_eq!(fs::read(&hashes).unwrap().len(), whole.len(), "step {step}");
    }
}
