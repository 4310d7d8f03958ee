//! Targets: the files in a cache folder.

pub(crate) fn entry(bytes: &[u8]) {
    super::entry::fuzz(bytes);
}

pub(crate) fn hashes(bytes: &[u8]) {
    super::hashes::fuzz(bytes);
}
