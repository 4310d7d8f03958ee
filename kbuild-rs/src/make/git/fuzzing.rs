//! Target: output of git.

use super::{index, trace};

/// A line break ends the entries of the index; the names of changed files follow.
pub(crate) fn git(bytes: &[u8]) {
    let at = bytes.iter().position(|byte| *byte == b'\n');
    let (known, changed) = bytes.split_at(at.unwrap_or(bytes.len()));
    let known = index::entries(known);
    let clean = index::clean(&known, changed, |_| false);
    assert!(clean.len() <= bytes.len());
    index::excluded(changed);
    trace::parse(bytes);
}
