//! Words of rustc.

use super::{Explained, Knowledge};

pub(super) fn explain(line: &str, know: &Knowledge) -> Explained {
    if line.contains("can't find crate for `core`")
        || line.contains("` which `kernel` depends on")
        || line.contains("incompatible version of rustc")
        || line.contains("rror loading target specification")
        || (line.contains("target.json") && line.contains("does not exist"))
    {
        return Some((
            "rustc".into(),
            format!(
                "Rust modules take the rustc that built the kernel {}, no other one, and a kernel \
                 tree with the metadata of the kernel's crates (rust/*.rmeta): name that rustc \
                 (--rustc, Build::rustc; in a build script, the feature `rust` of kbuild-rs looks \
                 for it); `kbuild-rs kernels` tells which trees have Rust",
                know.release
            ),
        ));
    }
    if let Some(text) = super::super::rustc::not_copied(line) {
        return Some((text.clone(), text));
    }
    None
}
