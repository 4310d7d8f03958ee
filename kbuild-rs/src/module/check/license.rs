//! Licenses, as the kernel's `license_is_gpl_compatible` reads them.

/// The texts of `MODULE_LICENSE` that give a module the symbols of `EXPORT_SYMBOL_GPL`.
const COMPATIBLE: [&str; 6] = [
    "GPL",
    "GPL v2",
    "GPL and additional rights",
    "Dual BSD/GPL",
    "Dual MIT/GPL",
    "Dual MPL/GPL",
];

/// Modules that the kernel treats as proprietary, whatever they say.
const OFFENDERS: [&str; 2] = ["driverloader", "lve"];

/// Whether the kernel keeps GPL-only symbols from a module.
pub(super) fn is_proprietary(name: &str, license: &str) -> bool {
    !COMPATIBLE.contains(&license) || OFFENDERS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_kernels_own_texts_are_compatible() {
        for license in COMPATIBLE {
            assert!(!is_proprietary("hello", license), "{license}");
        }
        for license in ["Proprietary", "MIT", "GPL v3", "gpl", "unspecified", ""] {
            assert!(is_proprietary("hello", license), "{license}");
        }
        assert!(is_proprietary("lve", "GPL"));
    }
}
