//! Names that this kernel's crates do not have, explained together.

use std::collections::BTreeSet;

use crate::make::diagnose::Knowledge;

/// The names that were not found in one build.
#[derive(Debug, Default)]
pub(super) struct Absent {
    /// Paths whose last names the sources do not have.
    pub(super) paths: BTreeSet<String>,
    /// Names of C that `kernel::bindings` does not declare.
    pub(super) bindings: BTreeSet<String>,
}

impl Absent {
    pub(super) fn explain(&self, know: &Knowledge) -> Vec<String> {
        let mut texts = Vec::new();
        if !self.paths.is_empty() {
            let paths: Vec<&str> = self.paths.iter().map(String::as_str).collect();
            texts.push(format!(
                "the kernel {} has no {}, and its Rust crates have nothing else of that name. They \
                 differ from release to release. Read this kernel's sources:\n  {}",
                know.release,
                paths.join(", "),
                know.kernel_source.join("rust/kernel").display()
            ));
        }
        if !self.bindings.is_empty() {
            let names: Vec<&str> = self.bindings.iter().map(String::as_str).collect();
            texts.push(format!(
                "kernel::bindings of the kernel {} only declares the C that the kernel's own Rust \
                 needs. It does not declare {}. Declare that for this module: write a header that \
                 includes the kernel's header, and name your header and the items (Build::bindings, \
                 bindings_item; in CMake, BINDINGS, BINDINGS_ITEMS; in Meson, bindings, \
                 bindings_items). A macro or a static inline function needs a C function of yours \
                 that calls it.\n  --bindings helper.h --bindings-item '{}'\n  \
                 mod helper {{ include!(env!(\"HELPER_BINDINGS\")); }}",
                know.release,
                names.join(", "),
                names.join("|")
            ));
        }
        texts
    }
}
