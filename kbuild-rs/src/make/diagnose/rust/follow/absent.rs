//! Names of the kernel's crates that this kernel has nowhere, told together.

use std::collections::BTreeSet;

use crate::make::diagnose::Knowledge;

/// What was looked for in vain in one build.
#[derive(Debug, Default)]
pub(super) struct Absent {
    /// Paths whose last names are nowhere in the sources.
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
                "the kernel {} has no {}, nor anything else of the same name in its Rust crates, \
                 which differ from release to release. Its own sources show what it has:\n  {}",
                know.release,
                paths.join(", "),
                know.kernel_source.join("rust/kernel").display()
            ));
        }
        if !self.bindings.is_empty() {
            let names: Vec<&str> = self.bindings.iter().map(String::as_str).collect();
            texts.push(format!(
                "kernel::bindings of the kernel {} declares only what the kernel's own Rust needs of \
                 C, and not {}. Declare them for this module: write a header that includes the \
                 kernel's (a macro and a function that is static inline take a function in C), name \
                 it and the items (Build::bindings, bindings_item; in CMake BINDINGS, \
                 BINDINGS_ITEMS; in Meson bindings, bindings_items), and use those:\n  --bindings \
                 helper.h --bindings-item '{}'\n  \
                 mod helper {{ include!(env!(\"HELPER_BINDINGS\")); }}",
                know.release,
                names.join(", "),
                names.join("|")
            ));
        }
        texts
    }
}
