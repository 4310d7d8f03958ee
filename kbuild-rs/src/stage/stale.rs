//! What an earlier in-place build left in a module tree.
//!
//! Such products are not staged: from 6.13 on, kbuild's saved commands hold relative paths, so
//! that a copied *built* tree looks up to date and nothing at all is compiled.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Whether `name` is a stale product, judged by the sorted names of its folder.
pub(super) fn is_stale(name: &OsStr, folder: &[OsString]) -> bool {
    let bytes = name.as_bytes();
    let has = |name: Vec<u8>| {
        folder
            .binary_search_by(|n| n.as_bytes().cmp(name.as_slice()))
            .is_ok()
    };
    let ends = |suffix: &[u8]| bytes.len() > suffix.len() && bytes.ends_with(suffix);
    match bytes {
        b"modules.order"
        | b".modules.order.cmd"
        | b".Module.symvers.cmd"
        | b".tmp_versions"
        | b".module-common.o"
        | b".cache.mk" => true,
        // A vendor may ship the symvers of a provider; one beside modules.order was built here.
        b"Module.symvers" => has(b"modules.order".to_vec()),
        _ if ends(b".ko") || ends(b".mod") || ends(b".mod.c") || ends(b".mod.o") => true,
        _ if bytes.starts_with(b".") && ends(b".cmd") => {
            // The saved command of an object that is shipped without its source belongs to it:
            // modpost wants one. Beside a `_shipped` kbuild itself leaves none.
            let target = &bytes[1..bytes.len() - 4];
            let shipped = has([target, b"_shipped"].concat())
                || (has(target.to_vec()) && !has_source(target, &has));
            !(target.ends_with(b".o") && shipped)
        }
        // The compiler's list of headers: kbuild removes it, and then makes it again for the
        // checksums of what the source exports.
        _ if bytes.starts_with(b".") && ends(b".o.d") => {
            has_source(&bytes[1..bytes.len() - 2], &has)
        }
        _ if ends(b".o") => {
            let command = [b".", bytes, b".cmd"].concat();
            has(command) && has_source(bytes, &has)
        }
        _ => false,
    }
}

/// Whether the folder holds what the object `foo.o` would be made from.
fn has_source(object: &[u8], has: &impl Fn(Vec<u8>) -> bool) -> bool {
    let stem = &object[..object.len() - 1];
    // Beside a .mod it is a module that was linked from several objects.
    [&b"c"[..], b"S", b"rs", b"mod"]
        .iter()
        .any(|suffix| has([stem, suffix].concat()))
        || has([object, b"_shipped"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stale_of(names: &[&str]) -> Vec<String> {
        let mut folder: Vec<OsString> = names.iter().map(OsString::from).collect();
        folder.sort();
        let stale = folder.iter().filter(|n| is_stale(n, &folder));
        stale.map(|n| n.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_products_of_an_in_place_build_are_stale() {
        let built = [
            ".hello.ko.cmd",
            ".hello.mod.cmd",
            ".hello.mod.o.cmd",
            ".hello.o.cmd",
            ".hello.o.d",
            ".modules.order.cmd",
            "Kbuild",
            "Module.symvers",
            "hello.c",
            "hello.ko",
            "hello.mod",
            "hello.mod.c",
            "hello.mod.o",
            "hello.o",
            "modules.order",
            ".linked.o.cmd",
            "linked.mod",
            "linked.o",
        ];
        let kept: Vec<_> = ["Kbuild", "hello.c"].into();
        let stale = stale_of(&built);
        assert!(
            built
                .iter()
                .all(|n| kept.contains(n) != stale.iter().any(|s| s == n))
        );
    }

    #[test]
    fn a_shipped_object_and_its_command_stay() {
        assert!(stale_of(&[".blob.o.cmd", "blob.o_shipped", "Kbuild"]).is_empty());
        assert!(stale_of(&[".blob.o.cmd", "blob.o", "blob.o_shipped2", "Kbuild"]).is_empty());
        assert!(stale_of(&["blob.o", "blob.c"]).is_empty());
    }

    #[test]
    fn a_symvers_that_was_shipped_stays() {
        assert!(stale_of(&["Module.symvers", "Kbuild"]).is_empty());
    }
}
