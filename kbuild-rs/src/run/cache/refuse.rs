//! The builds that are not stored, and why.

use std::path::{Path, PathBuf};

use super::Place;
use super::shadow::Shadows;
use crate::kbuild::cmd_file;
use crate::run::Run;
use crate::run::record::Record;
use crate::run::record::prerequisites::working_dir;
use crate::stage::Item;
use crate::sys::{normal, regular, walk};

/// The end of a signed module.
const SIGNED: &[u8] = b"~Module signature appended~\n";

impl Run<'_> {
    /// # Errors
    /// The reason why this build is not stored.
    pub(super) fn refuse_build(
        &self,
        place: &Place,
        record: &Record,
        items: &[Item],
    ) -> Result<(), String> {
        let r = self.resolved;
        if !record.elsewhere.is_empty() {
            return Err("it wrote into another module folder of its tree".into());
        }
        // Files that an earlier build left may have had a part in this one.
        let has_own = || self.has_products_of_own_rules(items);
        if !place.is_whole && has_own().map_err(|e| e.to_string())? {
            return Err("files that rules of the tree made were here before it".into());
        }
        if let Some(file) = self.file_for_others(items).map_err(|e| e.to_string())? {
            return Err(format!(
                "other module folders of its tree may need {}",
                file.display()
            ));
        }
        self.refuse_questions(items)?;
        // rust-project.json shows the caller's variables.
        #[cfg(feature = "ide")]
        if r.target.rustc.is_some() && !r.make.given_env.is_empty() {
            return Err("the file for rust-analyzer has values of --env".into());
        }
        #[cfg(not(feature = "ide"))]
        let _ = r;
        Ok(())
    }

    /// A file in the module folder that another module folder of the same stage may read, such as a
    /// generated header. After a hit it would be missing.
    fn file_for_others(&self, items: &[Item]) -> crate::Result<Option<PathBuf>> {
        let r = self.resolved;
        if r.module_dir() == r.stage.dir {
            return Ok(None);
        }
        let made = r.stage.products(r.module_dir(), items)?;
        let mut others = made.into_iter().map(|(path, _)| path).filter(|path| {
            let is_given = r.make.files.iter().any(|(file, _)| file == path);
            !is_given && !is_of_modules(path)
        });
        Ok(others.next())
    }

    /// # Errors
    /// The reason why a build with this product is not stored.
    pub(super) fn refuse_product(&self, path: &Path, bytes: &[u8]) -> Result<(), String> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if bytes.ends_with(SIGNED) {
            return Err(format!("{name} is signed"));
        }
        let private = self.resolved.stage.private.as_os_str().as_encoded_bytes();
        if contains(bytes, private) {
            return Err(format!("{name} shows where it was built"));
        }
        if has_compressed_section(bytes) {
            return Err(format!(
                "{name} has compressed debug information, which may show where it was built"
            ));
        }
        Ok(())
    }

    /// The places where new headers would come first.
    ///
    /// # Errors
    /// If the build used a file that another module folder of the tree made.
    pub(super) fn shadows(&self, items: &[Item]) -> Result<Shadows, String> {
        let r = self.resolved;
        let (stage, module_dir) = (&r.stage, r.module_dir());
        let cwd = working_dir(r.kernel(), module_dir);
        let mut shadows = Shadows::default();
        let mut foreign = None;
        let is_foreign = |path: &Path| {
            let path = normal(path);
            let rel = path.strip_prefix(&stage.dir).ok();
            let is_item = |rel: &Path| {
                let found = items.binary_search_by(|i| i.rel.as_os_str().cmp(rel.as_os_str()));
                found.is_ok()
            };
            // The key and the prerequisites have the symvers of others.
            let is_symvers = path.ends_with("Module.symvers");
            !is_symvers && !path.starts_with(module_dir) && rel.is_some_and(|rel| !is_item(rel))
        };
        let walked = walk(module_dir, &mut |path, _| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_command = name.starts_with('.') && name.ends_with(".cmd");
            if is_command {
                let text = regular::read(path).unwrap_or_default();
                let text = String::from_utf8_lossy(&text);
                shadows.add(&text, &cwd, &stage.private);
                let command = cmd_file::saved_command(&text).unwrap_or_default();
                let named = cmd_file::names(command).chain(cmd_file::parse(&text));
                let mut files = named.map(|name| cwd.join(name));
                foreign = foreign
                    .take()
                    .or_else(|| files.find(|file| is_foreign(file)));
            } else if name.ends_with(".mod") {
                // The objects of a module, in a list for the linker.
                let text = regular::read(path).unwrap_or_default();
                let text = String::from_utf8_lossy(&text);
                let mut files = text.split_ascii_whitespace().map(|name| cwd.join(name));
                foreign = foreign
                    .take()
                    .or_else(|| files.find(|file| is_foreign(file)));
            }
            Ok(())
        });
        walked.map_err(|e| e.to_string())?;
        match foreign.filter(|_| module_dir != stage.dir) {
            Some(file) => Err(format!(
                "it used {}, which another module folder made",
                r.make.map.source(&file).display()
            )),
            None => Ok(shadows),
        }
    }
}

/// Whether only the build of a module itself reads such a file. Others read its symvers, which a hit
/// writes, and kbuild builds missing objects again.
fn is_of_modules(path: &Path) -> bool {
    const ENDS: [&str; 4] = [".o", ".ko", ".mod", ".mod.c"];
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.')
        || ["modules.order", "Module.symvers"].contains(&&*name)
        || ENDS.iter().any(|end| name.ends_with(end))
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    let Some(&first) = wanted.first() else {
        return false;
    };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|&b| b == first) {
        if rest[at..].starts_with(wanted) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

/// Whether an ELF file has a section with the flag `SHF_COMPRESSED`, or one of the older kind, whose name
/// begins with `.zdebug`.
fn has_compressed_section(bytes: &[u8]) -> bool {
    const COMPRESSED: u64 = 0x800;
    let is_elf64 = bytes.starts_with(b"\x7fELF\x02");
    if !bytes.starts_with(b"\x7fELF") {
        return false;
    }
    if contains(bytes, b".zdebug") {
        return true;
    }
    let is_little = bytes.get(5) == Some(&1);
    let number = |at: usize, size: usize| -> Option<u64> {
        let part = bytes.get(at..at.checked_add(size)?)?;
        let add = |n: u64, b: &u8| n << 8 | u64::from(*b);
        Some(match is_little {
            true => part.iter().rev().fold(0, add),
            false => part.iter().fold(0, add),
        })
    };
    let (table, size, count, flags, width) = match is_elf64 {
        true => (number(40, 8), number(58, 2), number(60, 2), 8, 8),
        false => (number(32, 4), number(46, 2), number(48, 2), 8, 4),
    };
    let (Some(table), Some(size), Some(count)) = (table, size, count) else {
        return true;
    };
    (0..count).any(|section| {
        let at = size
            .checked_mul(section)
            .and_then(|at| at.checked_add(table));
        let at = at.and_then(|at| usize::try_from(at).ok()?.checked_add(flags));
        // What cannot be read may be anything.
        at.and_then(|at| number(at, width))
            .is_none_or(|flags| flags & COMPRESSED != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_sections_and_paths_in_products_are_found() {
        let mut module = vec![0; 64 + 128];
        module[..6].copy_from_slice(b"\x7fELF\x02\x01");
        (module[40], module[58], module[60]) = (64, 64, 2);
        assert!(!has_compressed_section(&module));
        module[64 + 64 + 9] = 0x08;
        assert!(has_compressed_section(&module));
        module[60] = 3;
        assert!(has_compressed_section(&module));
        assert!(!has_compressed_section(b"no module"));
        assert!(contains(b"x//o/s/y", b"/o/s") && !contains(b"/o/", b"/o/s"));
    }
}
