//! The symbols that a module finds when it is loaded.

use std::collections::HashMap;
use std::path::Path;

use super::subject::Subject;
use crate::kernel::Symvers;

/// A symbol that somebody exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) crc: Crc,
    pub(super) gpl_only: bool,
    pub(super) namespace: Option<String>,
    pub(super) owner: Owner,
}

/// The checksum of an exported symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crc {
    /// The exporter has none: nothing is compared.
    None,
    Is(u32),
    /// It has one, which its file does not show any more.
    Hidden,
}

/// The exporter. The order is the one in which they are searched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    Kernel,
    /// A module of the call, by its number.
    Call(usize),
    /// A module of a symvers that the caller named.
    Symvers(String),
    /// A module of the kernel.
    InTree(String),
}

/// All exported symbols, by name.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    offers: HashMap<String, Vec<Offer>>,
}

impl Symbols {
    /// Adds those of a `Module.symvers`: the kernel's, or a provider's. Whether it has symbols of the
    /// kernel itself.
    pub(super) fn add(&mut self, symvers: &Symvers, is_kernel: bool) -> bool {
        let mut has_kernel = false;
        for symbol in symvers.symbols() {
            let name = module_name(symbol.module);
            let owner = match (symbol.module, is_kernel) {
                ("vmlinux" | "built-in", _) => Owner::Kernel,
                (_, true) => Owner::InTree(name),
                (_, false) => Owner::Symvers(name),
            };
            has_kernel |= owner == Owner::Kernel;
            let offer = Offer {
                crc: Crc::Is(symbol.crc),
                gpl_only: symbol.is_gpl_only(),
                namespace: symbol.namespace.map(str::to_owned),
                owner,
            };
            self.put(symbol.name, offer);
        }
        has_kernel
    }

    /// Adds those of a module of the call.
    pub(super) fn add_module(&mut self, number: usize, module: &Subject) {
        for export in &module.info.exports {
            let crc = match &module.checksums {
                None => Crc::None,
                Some(known) => known
                    .get(&export.name)
                    .map_or(Crc::Hidden, |it| Crc::Is(*it)),
            };
            let offer = Offer {
                crc,
                gpl_only: export.gpl_only,
                namespace: export.namespace.clone(),
                owner: Owner::Call(number),
            };
            self.put(&export.name, offer);
        }
    }

    fn put(&mut self, name: &str, offer: Offer) {
        let offers = self.offers.entry(name.to_owned()).or_default();
        let at = offers.partition_point(|other| other.owner <= offer.owner);
        offers.insert(at, offer);
    }

    /// The exporters of a symbol, in the order in which they are searched.
    pub(super) fn of(&self, name: &str) -> &[Offer] {
        self.offers.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether any symbol has a checksum.
    pub(super) fn have_checksums(&self) -> bool {
        let mut all = self.offers.values().flatten();
        all.any(|offer| matches!(offer.crc, Crc::Is(crc) if crc != 0))
    }
}

/// The kernel's name of the module with this path in a symvers.
fn module_name(path: &str) -> String {
    let name = Path::new(path).file_name().unwrap_or_default();
    let name = name.to_string_lossy();
    let name = name.strip_suffix(".ko").unwrap_or(&name);
    name.replace('-', "_")
}

/// Whether a symbol of the namespace `module:a,b*` is for the module `name`, as the kernel's
/// `verify_module_namespace` decides it.
pub(super) fn is_for_module(namespace: &str, name: &str) -> bool {
    let Some(list) = namespace.strip_prefix("module:") else {
        return false;
    };
    let same = |a: &str, b: &str| a.replace('-', "_") == b.replace('-', "_");
    list.split(',')
        .any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => name
                .get(..start.len())
                .is_some_and(|head| same(head, start)),
            None => !pattern.is_empty() && same(pattern, name),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_of_modules_names_them_and_a_star_ends_a_name() {
        for (namespace, name, is_for) in [
            ("module:kvm", "kvm", true),
            ("module:kvm", "kvm_amd", false),
            ("module:kvm-amd,kvm-intel", "kvm_intel", true),
            ("module:kvm*", "kvm_intel", true),
            ("module:a,kvm-*", "kvm_intel", true),
            ("module:a,kvm-*", "kv", false),
            ("module:*", "anything", true),
            ("module:", "anything", false),
            ("module:a,,b", "", false),
            ("KVM", "KVM", false),
            ("module:\u{e9}*", "x", false),
        ] {
            assert_eq!(is_for_module(namespace, name), is_for, "{namespace} {name}");
        }
    }

    #[test]
    fn a_module_of_a_symvers_has_the_kernels_name() {
        assert_eq!(module_name("drivers/hid/hid-generic"), "hid_generic");
        assert_eq!(module_name("/tmp/ring.ko"), "ring");
    }
}
