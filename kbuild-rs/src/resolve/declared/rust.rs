//! Declared modules in Rust: the files of a crate, the flags of its compiler.

use std::ffi::OsString;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::super::Context;
use super::bindings::RustHeader;
use super::{Layout, Object};
use crate::resolve::rust::crate_files::reached;
use crate::settings::HeadersForRust;
use crate::stage::{CarriedFolders, Item, Kind};
use crate::syntax::is_carryable;
use crate::sys::Identity;
use crate::{Error, Result};

/// The parts of a module's layout for Rust.
#[derive(Debug, Default)]
pub(crate) struct RustPart {
    /// The roots of the crates.
    pub(crate) crates: Vec<PathBuf>,
    /// The headers declared for Rust, and the C flags for them.
    pub(crate) bound: Vec<RustHeader>,
    pub(crate) bind_args: Vec<OsString>,
}

impl Layout {
    /// Adds the files of the crates among the sources. If another source includes a source as a
    /// module, that source is not a crate and gives no object.
    pub(super) fn add_crates(&mut self, base: &Path, order: &mut Vec<Object>) -> Result<()> {
        let mut files = Vec::new();
        for object in order.iter().filter(|object| object.is_rust()) {
            for file in reached(&object.source) {
                let rel = place(&file, object, base)?;
                files.push((rel, file));
            }
        }
        order.retain(|object| !files.iter().any(|(_, file)| *file == object.source));
        let roots = order.iter().filter(|object| object.is_rust());
        self.rust.crates = roots.map(|object| object.source.clone()).collect();
        for (rel, file) in files {
            if self.items.iter().any(|item| item.rel == rel) {
                continue;
            }
            let id = Identity::of(&file).map_err(|e| Error::reading("read", &file, e))?;
            let from = Some(file);
            self.items.push(Item::new(rel, Kind::File { from, id }));
        }
        Ok(())
    }

    /// Adds the crates' lines to the Kbuild, and the arguments for rustc.
    pub(super) fn add_rust(
        &mut self,
        headers: &HeadersForRust,
        context: &Context<'_>,
        links: &mut CarriedFolders,
        order: &[Object],
    ) -> Result<()> {
        if !self.rust.crates.is_empty() {
            let dir = context.site.flags_dir();
            let dir = dir.display();
            let _ = writeln!(self.kbuild, "rustflags-y := @{dir}/rs");
        }
        let rules = self.bind(headers, context, links, order)?;
        self.kbuild.push_str(&rules);
        Ok(())
    }
}

/// The place of a crate's file in the stage: at the same path relative to the crate's root.
fn place(file: &Path, root: &Object, base: &Path) -> Result<PathBuf> {
    let staged = root.name.parent().unwrap_or(&root.name);
    let rel = match file.strip_prefix(&root.folder) {
        Ok(below) => Some(staged.join(below)),
        // A root outside of `src` has a stage folder of its own, without the other files.
        Err(_) if staged.starts_with("src") => {
            let below = file.strip_prefix(base).ok();
            below.map(|below| Path::new("src").join(below))
        }
        Err(_) => None,
    };
    match rel.filter(|rel| is_carryable(rel)) {
        Some(rel) => Ok(rel),
        None => Err(Error::input(format!(
            "{} also reads {}, which cannot be copied to the same place beside it: keep both \
             below {}, in folders and files with plain names, or choose another base folder \
             (--base, Build::base)",
            root.source.display(),
            file.display(),
            base.display()
        ))),
    }
}

/// The object of a source: `src/hello.o` for `src/hello.rs`.
pub(crate) fn object_of(rel: &Path) -> Result<PathBuf> {
    let stem = rel.file_stem().unwrap_or_default().as_bytes();
    let word = stem.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
        && !stem.first().is_none_or(u8::is_ascii_digit);
    match word {
        true => Ok(rel.with_extension("o")),
        false => Err(Error::input(format!(
            "{} cannot be the root of a Rust crate: the crate is named after the file, so use \
             letters, digits and _",
            rel.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_of_a_crate_has_a_name_that_rustc_takes() {
        let of = |path: &str| object_of(Path::new(path));
        assert_eq!(of("src/a-b/c_1.rs").unwrap(), Path::new("src/a-b/c_1.o"));
        for bad in ["src/a-b.rs", "1.rs", "a.b.rs"] {
            assert!(
                of(bad).unwrap_err().to_string().contains("use letters"),
                "{bad}"
            );
        }
    }
}
