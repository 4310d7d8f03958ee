//! Target: Rust sources, in which kbuild-rs looks for the files of a crate.

use std::path::Path;

use super::rust::crate_files::{each_named, other_place};

pub(crate) fn rust_source(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    each_named(&text, &mut |_, path| {
        other_place(&Path::new("/crate").join(path));
    });
}
