//! Messages of rustc: what they mean for a module.

#[cfg(feature = "rust")]
mod follow;

use super::{Explained, Knowledge};

#[cfg(feature = "rust")]
pub(super) use follow::Rustc;

/// Explains lines that do not need the rest of their message.
pub(super) fn explain(line: &str, know: &Knowledge) -> Explained {
    let says = |words: &str| line.starts_with("error") && line.contains(words);
    if says("can't find crate for `core`")
        || says("` which `kernel` depends on")
        || says("incompatible version of rustc")
        || says("rror loading target specification")
        || (says("target.json") && says("does not exist"))
    {
        return Some((
            "rustc".into(),
            format!(
                "Rust modules need exactly the rustc that built the kernel {}, and a kernel tree \
                 with the metadata of the kernel's crates (rust/*.rmeta). Name that rustc \
                 (--rustc, Build::rustc; in a build script, the feature `rust` of kbuild-rs looks \
                 for it). `kbuild-rs kernels` shows which trees have Rust",
                know.release
            ),
        ));
    }
    if let Some(text) = super::super::rustc::not_copied(line) {
        return Some((text.clone(), text));
    }
    None
}
