//! The crates that modules depend on, for kernels from 6.1 to 7.3.

/// A crate that modules depend on: the places of its root, and its own dependencies.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    /// Paths in the kernel's source; the first existing one counts. `library/` is Rust's own
    /// source.
    pub(crate) roots: &'static [&'static str],
    pub(crate) needs: &'static [&'static str],
}

const fn known(
    name: &'static str,
    roots: &'static [&'static str],
    needs: &'static [&'static str],
) -> Known {
    Known { name, roots, needs }
}

/// The crates of the kernels 6.1 to 7.3. A crate follows its dependencies.
pub(crate) const KNOWN: &[Known] = &[
    known("core", &["library/core/src/lib.rs"], &[]),
    known(
        "alloc",
        &["rust/alloc/lib.rs", "library/alloc/src/lib.rs"],
        &["core"],
    ),
    known("std", &["library/std/src/lib.rs"], &["core", "alloc"]),
    known(
        "proc_macro",
        &["library/proc_macro/src/lib.rs"],
        &["core", "std"],
    ),
    known(
        "compiler_builtins",
        &["rust/compiler_builtins.rs"],
        &["core"],
    ),
    known(
        "proc_macro2",
        &["rust/proc-macro2/lib.rs"],
        &["core", "alloc", "std", "proc_macro"],
    ),
    known(
        "quote",
        &["rust/quote/lib.rs"],
        &["core", "alloc", "std", "proc_macro", "proc_macro2"],
    ),
    known(
        "syn",
        &["rust/syn/lib.rs"],
        &["core", "std", "proc_macro", "proc_macro2", "quote"],
    ),
    known("macros", &["rust/macros/lib.rs"], MACROS),
    known("zerocopy_derive", &["rust/zerocopy-derive/lib.rs"], MACROS),
    known(
        "pin_init_internal",
        &["rust/pin-init/internal/src/lib.rs"],
        MACROS,
    ),
    known(
        "build_error",
        &["rust/build_error.rs"],
        &["core", "compiler_builtins"],
    ),
    known(
        "pin_init",
        &["rust/pin-init/src/lib.rs"],
        &["core", "compiler_builtins", "pin_init_internal", "macros"],
    ),
    known("ffi", &["rust/ffi.rs"], &["core", "compiler_builtins"]),
    known(
        "zerocopy",
        &["rust/zerocopy/src/lib.rs"],
        &["core", "compiler_builtins"],
    ),
    known(
        "bindings",
        &["rust/bindings/lib.rs"],
        &["core", "ffi", "pin_init"],
    ),
    known("uapi", &["rust/uapi/lib.rs"], &["core", "ffi", "pin_init"]),
    known("kernel", &["rust/kernel/lib.rs"], KERNEL),
];

/// The crates that every kernel gives its modules.
pub(crate) const MODULE: &[&str] = &["alloc", "kernel", "pin_init", "zerocopy", "zerocopy_derive"];

const MACROS: &[&str] = &["core", "std", "proc_macro", "proc_macro2", "quote", "syn"];
const KERNEL: &[&str] = &[
    "core",
    "alloc",
    "macros",
    "build_error",
    "pin_init",
    "ffi",
    "bindings",
    "uapi",
    "zerocopy",
    "zerocopy_derive",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_known_crate_stands_after_its_dependencies() {
        for (at, known) in KNOWN.iter().enumerate() {
            for need in known.needs {
                let found = KNOWN[..at].iter().any(|before| before.name == *need);
                assert!(found, "{} needs {need}", known.name);
            }
        }
    }
}
