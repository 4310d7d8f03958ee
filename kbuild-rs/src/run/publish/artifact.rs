//! The modules that `modules.order` lists, published into the output directory.
//!
//! # Decisions
//!
//! - A published text file names source paths instead of stage paths, and an executable file stays
//!   executable: a build in place gives the same.
//! - Files get the time of the start of the build. If an output changed, Ninja takes the time of
//!   the newest output for the edge's time, and would take an edit during the build for a built
//!   one.

use std::collections::HashMap;
use std::fs;
use std::io::{self};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use crate::run::record::Product;
use crate::sys::{CopyOptions, Writer, is_whole_elf, regular, same_content};
use crate::{Error, ErrorKind, Result};

/// The modules that the build in `module_dir` built: name and staged `.ko`. A `.ko` that is not in
/// `modules.order` is a leftover.
pub(crate) fn modules(module_dir: &Path) -> Result<Vec<(String, PathBuf)>> {
    let order = module_dir.join("modules.order");
    let text = match regular::read_to_string(&order) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::reading("read", &order, e)),
    };
    listed(&text, module_dir)
}

pub(in crate::run) fn listed(text: &str, module_dir: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut modules: Vec<(String, PathBuf)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let word = |name: &str| name.replace('-', "_");
    for line in text.lines() {
        // Paths are relative since 6.13. They end with .ko until 6.1 and with .o later.
        let path = module_dir.join(line.trim()).with_extension("ko");
        let Some(name) = path.file_stem().and_then(|n| n.to_str()) else {
            continue;
        };
        if let Some(place) = places.insert(word(name), modules.len()) {
            places.insert(word(name), place);
            let other = &modules[place].1;
            if *other == path {
                continue;
            }
            let inside = |p: &Path| {
                let rel = p.strip_prefix(module_dir).unwrap_or(p);
                rel.display().to_string()
            };
            return Err(Error::new(
                ErrorKind::BuildFailed,
                format!(
                    "two modules have the same name: {} and {}. The kernel can load only one of \
                     them. Rename one",
                    inside(other),
                    inside(&path)
                ),
            ));
        }
        modules.push((name.to_owned(), path));
    }
    Ok(modules)
}

/// Copies `from` to `to`, whole or not at all. A file with the same bytes keeps its mtime, so that
/// its dependents are not built again. Any other file gets the time of the start of the build
/// (since the epoch), so a source that is edited while make runs is newer.
pub(crate) fn publish(
    writer: &Writer,
    from: &Path,
    to: &Path,
    module: Option<&str>,
    began: Duration,
) -> Result<Product> {
    let file = match regular::open(from) {
        Ok(file) if file.metadata().is_ok_and(|meta| meta.is_file()) => file,
        _ => {
            return Err(Error::new(
                ErrorKind::NothingBuilt,
                format!(
                    "make succeeded, but did not make {}, which modules.order lists",
                    from.file_name().unwrap_or_default().to_string_lossy()
                ),
            ));
        }
    };
    if module.is_some() && !is_whole_elf(&file).unwrap_or(false) {
        return Err(Error::new(
            ErrorKind::BuildFailed,
            format!(
                "make succeeded, but {} is not a complete ELF file. kbuild-rs published nothing. \
                 Build again: the next build starts from scratch",
                from.file_name().unwrap_or_default().to_string_lossy()
            ),
        ));
    }
    let is_plain = fs::symlink_metadata(to).is_ok_and(|meta| meta.is_file());
    if !is_plain || !same_content(from, to).unwrap_or(false) {
        copy(writer, &file, to, 0, began)?;
    }
    Product::at(to, module)
}

/// Like [`publish`], for a file that is not a module. `mode` is that of make's file, so an
/// executable file stays executable.
pub(crate) fn publish_other(
    writer: &Writer,
    from: &Path,
    to: &Path,
    mode: u32,
    began: Duration,
) -> Result<Product> {
    const EXECUTE: u32 = 0o111;
    let file = regular::open(from).map_err(|e| Error::reading("read", from, e))?;
    let is_same =
        |meta: fs::Metadata| meta.is_file() && (meta.permissions().mode() ^ mode) & EXECUTE == 0;
    let is_same = fs::symlink_metadata(to).is_ok_and(is_same);
    if !is_same || !same_content(from, to).unwrap_or(false) {
        copy(writer, &file, to, mode & EXECUTE, began)?;
    }
    Product::at(to, None)
}

fn copy(writer: &Writer, from: &fs::File, to: &Path, add_mode: u32, began: Duration) -> Result<()> {
    let how = CopyOptions {
        add_mode,
        mtime: Some(UNIX_EPOCH + began),
    };
    writer.publish(from, to, how)
}

/// Removes published files of the last build that this one did not build, unless somebody else has
/// replaced them since.
pub(crate) fn remove_stale(writer: &Writer, old: &[Product], new: &[Product]) -> Result<()> {
    for product in old {
        if !new.iter().any(|n| n.path == product.path) {
            remove(writer, product)?;
        }
    }
    Ok(())
}

/// Like [`remove_stale`], for files in folders below `out`: also removes folders that are then empty.
pub(crate) fn remove_stale_below(
    writer: &Writer,
    out: &Path,
    old: &[Product],
    new: &[Product],
) -> Result<()> {
    for product in old {
        if !new.iter().any(|n| n.path == product.path) {
            remove_with_folders(writer, out, product)?;
        }
    }
    Ok(())
}

/// Like [`remove`]; also removes folders below `out` that are then empty.
pub(crate) fn remove_with_folders(writer: &Writer, out: &Path, product: &Product) -> Result<bool> {
    let removed = remove(writer, product)?;
    if removed {
        let above = product.path.ancestors().skip(1);
        for folder in above.take_while(|f| f.starts_with(out) && *f != out) {
            if !writer.remove_empty(folder) {
                break;
            }
        }
    }
    Ok(removed)
}

/// Removes a published file that is still ours. Returns whether it existed.
pub(crate) fn remove(writer: &Writer, product: &Product) -> Result<bool> {
    if !product.is_there() {
        return Ok(false);
    }
    match writer.remove_file(&product.path) {
        // A link has replaced its folder, so the files behind it are not ours.
        Err(e) if e.kind() == ErrorKind::NotOurs => Ok(false),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    #[test]
    fn modules_order_is_read_in_the_forms_of_all_kernels() {
        let dir = Root::new();
        let of = |text: &str| {
            dir.write("modules.order", text);
            modules(dir.path()).unwrap()
        };
        let ko = dir.join("sub/a-b.ko");
        let expected = vec![("a-b".to_owned(), ko.clone())];
        assert_eq!(of(&format!("{}\n", ko.display())), expected);
        assert_eq!(of("sub/a-b.o\n"), expected);
        assert_eq!(of(""), []);
    }

    #[test]
    fn two_modules_of_one_name_are_an_error_that_names_both() {
        let dir = Root::new();
        dir.write("modules.order", "x/a_b.o\ny/a-b.o\n");
        let error = modules(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains("x/a_b.ko") && error.contains("y/a-b.ko"),
            "{error}"
        );
    }

    #[test]
    fn a_product_that_did_not_change_keeps_its_mtime_and_another_is_as_old_as_its_build() {
        let dir = Root::new();
        let (from, to) = (dir.join("from"), dir.join("out/to.ko"));
        let at = |second: u64| Duration::from_secs(1_000_000_000 + second);
        let time = || fs::metadata(&to).unwrap().modified().unwrap();
        let writer = Writer::new([crate::sys::Root::open(dir.path()).unwrap()]);
        let publish = |began| publish(&writer, &from, &to, None, began).unwrap();
        fs::write(&from, "x").unwrap();
        let first = publish(at(0));
        let again = publish(at(1));
        assert_eq!(first.id, again.id);
        assert_eq!(time(), UNIX_EPOCH + at(0));
        fs::write(&from, "y").unwrap();
        let changed = publish(at(2));
        assert_ne!(first.id, changed.id);
        assert_eq!(time(), UNIX_EPOCH + at(2));
        remove_stale(&writer, &[first], &[]).unwrap();
        assert!(to.exists(), "somebody else's file was removed");
        remove_stale(&writer, &[changed], &[]).unwrap();
        assert!(!to.exists());
    }

    #[test]
    fn a_module_that_was_cut_off_or_emptied_is_not_published() {
        let dir = Root::new();
        let (from, to) = (dir.join("from.ko"), dir.join("out/to.ko"));
        let writer = Writer::new([crate::sys::Root::open(dir.path()).unwrap()]);
        // A header, and one section of 64 bytes behind it.
        let mut module = vec![0; 128];
        module[..6].copy_from_slice(b"\x7fELF\x02\x01");
        (module[40], module[58], module[60]) = (64, 64, 1);
        let publish = |bytes: &[u8]| {
            fs::write(&from, bytes).unwrap();
            publish(&writer, &from, &to, Some("to"), Duration::ZERO)
        };
        publish(&module).unwrap();
        for cut in [0, 10, 64, 127] {
            let error = publish(&module[..cut]).unwrap_err().to_string();
            assert!(
                error.contains("from.ko is not a complete ELF file"),
                "{error}"
            );
        }
        publish(&[0; 128]).unwrap_err();
        assert_eq!(fs::read(&to).unwrap(), module);
    }
}
