//! Targets: modules, and what is beside them when they are installed.

use super::frame_sizes;

pub(crate) use super::check::fuzzing::header as vermagic;
pub(crate) use super::initramfs::fuzzing::{efi, initramfs};
pub(crate) use super::install::fuzzing::{journal, modules_dep, pending};
pub(crate) use super::modinfo::fuzzing::compressed;
pub(crate) use super::sign::fuzzing::{certificate, der, signature};

pub(crate) fn modinfo(bytes: &[u8]) {
    super::modinfo::fuzzing::modinfo(bytes);
    super::check::fuzzing::subject(bytes);
}

pub(crate) fn frame_sizes(bytes: &[u8]) {
    for frame in frame_sizes::larger_than(16, bytes) {
        assert!(frame.size > 16);
    }
}
