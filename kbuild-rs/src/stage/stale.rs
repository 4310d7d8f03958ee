//! Recognizes files that an earlier in-place build left in a module tree.
//!
//! Such products are not staged. Since 6.13, kbuild's saved commands hold relative paths, so a
//! copied *built* tree looks up to date and nothing is compiled. A name does not prove anything
//! (`go.mod`, a `tune.mod` with data). Files that kbuild leaves beside a product prove that it is
//! one.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::sys::regular;

/// A folder of a module tree.
pub(super) struct Folder<'a> {
    pub(super) path: &'a Path,
    /// All names in it, sorted.
    pub(super) names: &'a [OsString],
    /// Whether make works in the folder, or worked in its copy.
    pub(super) is_built: &'a dyn Fn() -> bool,
}

impl Folder<'_> {
    /// Whether `name` is a stale product.
    pub(super) fn is_stale(&self, name: &OsStr) -> bool {
        let bytes = name.as_bytes();
        let has = |name: Vec<u8>| self.has(&name);
        let ends = |suffix: &[u8]| bytes.len() > suffix.len() && bytes.ends_with(suffix);
        let stem = |suffix: &[u8]| &bytes[..bytes.len() - suffix.len()];
        match bytes {
            b"modules.order"
            | b".modules.order.cmd"
            | b".Module.symvers.cmd"
            | b".tmp_versions"
            | b".module-common.o"
            | b".cache.mk" => true,
            // A vendor may ship the symvers of a provider. A symvers beside modules.order was built
            // in place. Other folders need that one if this folder is not built here.
            b"Module.symvers" => has(b"modules.order".to_vec()) && (self.is_built)(),
            _ if ends(b".ko") => {
                let stem = stem(b".ko");
                self.is_module(stem, b".ko") || has_source(&[stem, b".o"].concat(), &has)
            }
            _ if ends(b".mod") => self.is_module(stem(b".mod"), b".mod"),
            _ if ends(b".mod.o") => self.is_module(stem(b".mod.o"), b".mod.o"),
            _ if ends(b".mod.c") => {
                self.is_module(stem(b".mod.c"), b".mod.c") || self.holds(name, b"__this_module")
            }
            _ if bytes.starts_with(b".") && ends(b".cmd") => {
                // The saved command belongs to an object that is shipped without its source:
                // modpost needs one. kbuild itself leaves none beside a `_shipped` file.
                let target = &bytes[1..bytes.len() - 4];
                let shipped = has([target, b"_shipped"].concat())
                    || (has(target.to_vec()) && !has_source(target, &has));
                !(target.ends_with(b".o") && shipped) && self.is_saved_command(name)
            }
            // The compiler's list of headers. kbuild removes it, and creates it again for the
            // checksums of exported symbols.
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

    fn has(&self, name: &[u8]) -> bool {
        let found = self.names.binary_search_by(|n| n.as_bytes().cmp(name));
        found.is_ok()
    }

    /// Whether kbuild has built the module `stem` here. Another intermediate file, or a saved
    /// command of one, proves it.
    fn is_module(&self, stem: &[u8], own: &[u8]) -> bool {
        const MADE: [&[u8]; 4] = [b".mod", b".mod.c", b".mod.o", b".ko"];
        const SAVED: [&[u8]; 4] = [b".o.cmd", b".ko.cmd", b".mod.cmd", b".mod.o.cmd"];
        let others = MADE.iter().filter(|end| **end != own);
        let mut made = others.map(|end| [stem, end].concat());
        let mut saved = SAVED.iter().map(|end| [b".", stem, end].concat());
        made.any(|name| self.has(&name)) || saved.any(|name| self.has(&name))
    }

    /// Whether a file is one of kbuild's saved commands: an assignment to a variable of kbuild. A
    /// file that is empty or cannot be read counts too.
    fn is_saved_command(&self, name: &OsStr) -> bool {
        const STARTS: [&[u8]; 4] = [b"cmd_", b"savedcmd_", b"source_", b"deps_"];
        let mut start = Vec::new();
        let read = regular::open(&self.path.join(name))
            .and_then(|file| file.take(16).read_to_end(&mut start));
        read.is_err() || start.is_empty() || STARTS.iter().any(|known| start.starts_with(known))
    }

    fn holds(&self, name: &OsStr, part: &[u8]) -> bool {
        let text = regular::read(self.path.join(name)).unwrap_or_default();
        text.windows(part.len()).any(|window| window == part)
    }
}

/// Whether the folder has the source of the object `foo.o`.
fn has_source(object: &[u8], has: &impl Fn(Vec<u8>) -> bool) -> bool {
    let stem = &object[..object.len() - 1];
    // An object beside a .mod file is a module that was linked from several objects.
    [&b"c"[..], b"S", b"rs", b"mod"]
        .iter()
        .any(|suffix| has([stem, suffix].concat()))
        || has([object, b"_shipped"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    /// The stale names among these files, whose text follows the `=`.
    fn stale_of(files: &[&str], is_built: bool) -> Vec<String> {
        let root = Root::new();
        let mut names = Vec::new();
        for file in files {
            let (name, text) = file.split_once('=').unwrap_or((file, ""));
            root.write(name, text);
            names.push(OsString::from(name));
        }
        names.sort();
        let folder = Folder {
            path: root.path(),
            names: &names,
            is_built: &|| is_built,
        };
        let stale = names.iter().filter(|name| folder.is_stale(name));
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
        let stale = stale_of(&built, true);
        assert!(
            built
                .iter()
                .all(|n| kept.contains(n) != stale.iter().any(|s| s == n))
        );
    }

    #[test]
    fn a_shipped_object_and_its_command_stay() {
        let stale_of = |names: &[&str]| stale_of(names, true);
        assert!(stale_of(&[".blob.o.cmd", "blob.o_shipped", "Kbuild"]).is_empty());
        assert!(stale_of(&[".blob.o.cmd", "blob.o", "blob.o_shipped2", "Kbuild"]).is_empty());
        assert!(stale_of(&["blob.o", "blob.c"]).is_empty());
    }

    #[test]
    fn a_symvers_that_was_shipped_stays_and_so_does_one_of_a_folder_that_is_not_built_here() {
        assert!(stale_of(&["Module.symvers", "Kbuild"], true).is_empty());
        let built = ["Module.symvers", "modules.order"];
        assert_eq!(stale_of(&built, true), built);
        assert_eq!(stale_of(&built, false), ["modules.order"]);
    }

    #[test]
    fn a_file_that_only_has_the_name_of_a_product_stays() {
        let own = [
            "go.mod=module x",
            "tune.mod",
            "tables.mod.c=int table;",
            "firmware.ko",
            "x.mod.o",
            ".setup.cmd=SETUP := yes",
            "setup",
        ];
        assert!(stale_of(&own, true).is_empty());
        // Each of these is left over after somebody has removed the others.
        for left in [
            &["hello.c", "hello.ko"][..],
            &["hello.mod.c=struct module __this_module;"],
            &["hello.mod", "hello.mod.c"],
            &["hello.ko", "hello.mod.o"],
            &[".hello.o.cmd=savedcmd_hello.o := gcc"],
        ] {
            let stale = stale_of(left, true);
            let name = left.last().unwrap().split('=').next().unwrap();
            assert!(stale.iter().any(|s| s == name), "{left:?}: {stale:?}");
        }
    }
}
