//! Targets: an initramfs, and programs for EFI that contain one.

use std::io::{Cursor, Read};

use super::cpio::{Budget, names};
use super::unified::{Sections, part};

pub(crate) fn initramfs(bytes: &[u8]) {
    let mut found = 0;
    let mut visit = |_: &[u8]| found += 1;
    // An error is an answer, too.
    drop(names(
        &mut Cursor::new(bytes),
        &mut Budget::small(),
        &mut visit,
    ));
    assert!(found <= Budget::SMALL);
}

pub(crate) fn efi(bytes: &[u8]) {
    let mut file = Cursor::new(bytes);
    let Ok(Some(sections)) = Sections::of(&mut file) else {
        return;
    };
    assert!(sections.release(&mut file).is_ok());
    for section in sections.initramfs {
        let mut start = Vec::new();
        let read = part(&mut file, section).map(|part| part.take(64).read_to_end(&mut start));
        assert!(read.is_ok() && start.len() <= 64);
    }
}
