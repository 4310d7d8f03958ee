//! What came out: the modules that `modules.order` lists, published into the output directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use crate::files::same_content;
use crate::freshness::Product;
use crate::identity::Identity;
use crate::{Error, ErrorKind, Result};

/// The modules that the build in `module_dir` made: name and staged `.ko`. A `.ko` that is not
/// in `modules.order` is a leftover.
pub(crate) fn modules(module_dir: &Path) -> Result<Vec<(String, PathBuf)>> {
    let order = module_dir.join("modules.order");
    let text = match fs::read_to_string(&order) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io("read", &order, e)),
    };
    let mut modules: Vec<(String, PathBuf)> = Vec::new();
    let word = |name: &str| name.replace('-', "_");
    for line in text.lines() {
        // Relative since 6.13; .ko until 6.1 and .o later.
        let path = module_dir.join(line.trim()).with_extension("ko");
        let Some(name) = path.file_stem().and_then(|n| n.to_str()) else {
            continue;
        };
        if let Some((_, other)) = modules.iter().find(|(n, _)| word(n) == word(name)) {
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
                    "two modules of one name: {} and {}; the kernel can load only one of them, \
                     rename one",
                    inside(other),
                    inside(&path)
                ),
            ));
        }
        modules.push((name.to_owned(), path));
    }
    Ok(modules)
}

/// Copies `from` to `to`, whole or not at all. A file that already holds the same keeps its
/// mtime, so that what depends on it is not made again. Another one is dated when the build began
/// (since the epoch): what is edited while make runs is newer.
pub(crate) fn publish(from: &Path, to: &Path, module: &str, began: Duration) -> Result<Product> {
    if !from.is_file() {
        return Err(Error::new(
            ErrorKind::NothingBuilt,
            format!(
                "make succeeded and did not make {}, which modules.order lists",
                from.file_name().unwrap_or_default().to_string_lossy()
            ),
        ));
    }
    if to.is_dir() {
        return Err(Error::input(format!(
            "{} is a folder; the product {} cannot take its place",
            to.display(),
            to.file_name().unwrap_or_default().to_string_lossy()
        )));
    }
    if !same_content(from, to).unwrap_or(false) {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(|e| Error::io("create", parent, e))?;
        }
        let name = to.file_name().unwrap_or_default().to_string_lossy();
        let part = to.with_file_name(format!(".{name}.part"));
        fs::copy(from, &part)
            .and_then(|_| fs::File::open(&part)?.set_modified(UNIX_EPOCH + began))
            .and_then(|()| fs::rename(&part, to))
            .map_err(|e| {
                let _ = fs::remove_file(&part);
                Error::io("write", to, e)
            })?;
    }
    let id = Identity::of(to).map_err(|e| Error::io("read", to, e))?;
    Ok(Product {
        module: module.to_owned(),
        path: to.to_owned(),
        id,
    })
}

/// Removes published files that the last build made and this one did not, unless somebody else
/// has replaced them since.
pub(crate) fn remove_stale(old: &[Product], new: &[Product]) -> Result<()> {
    for product in old {
        if !new.iter().any(|n| n.path == product.path) {
            remove(product)?;
        }
    }
    Ok(())
}

/// Removes a published file that is still ours; tells whether it was there.
pub(crate) fn remove(product: &Product) -> Result<bool> {
    if !product.id.matches(&product.path) {
        return Ok(false);
    }
    fs::remove_file(&product.path).map_err(|e| Error::io("remove", &product.path, e))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("kbuild-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn modules_order_is_read_in_the_forms_of_all_kernels() {
        let dir = scratch("order");
        let of = |text: &str| {
            fs::write(dir.join("modules.order"), text).unwrap();
            modules(&dir).unwrap()
        };
        let ko = dir.join("sub/a-b.ko");
        let expected = vec![("a-b".to_owned(), ko.clone())];
        assert_eq!(of(&format!("{}\n", ko.display())), expected);
        assert_eq!(of("sub/a-b.o\n"), expected);
        assert_eq!(of(""), []);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn two_modules_of_one_name_are_an_error_that_names_both() {
        let dir = scratch("twice");
        fs::write(dir.join("modules.order"), "x/a_b.o\ny/a-b.o\n").unwrap();
        let error = modules(&dir).unwrap_err().to_string();
        assert!(
            error.contains("x/a_b.ko") && error.contains("y/a-b.ko"),
            "{error}"
        );
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_product_that_did_not_change_keeps_its_mtime_and_another_is_as_old_as_its_build() {
        let dir = scratch("publish");
        let (from, to) = (dir.join("from"), dir.join("out/to.ko"));
        let at = |second: u64| Duration::from_secs(1_000_000_000 + second);
        let time = || fs::metadata(&to).unwrap().modified().unwrap();
        fs::write(&from, "x").unwrap();
        let first = publish(&from, &to, "to", at(0)).unwrap();
        let again = publish(&from, &to, "to", at(1)).unwrap();
        assert_eq!(first.id, again.id);
        assert_eq!(time(), UNIX_EPOCH + at(0));
        fs::write(&from, "y").unwrap();
        let changed = publish(&from, &to, "to", at(2)).unwrap();
        assert_ne!(first.id, changed.id);
        assert_eq!(time(), UNIX_EPOCH + at(2));
        remove_stale(&[first], &[]).unwrap();
        assert!(to.exists(), "somebody else's file was removed");
        remove_stale(&[changed], &[]).unwrap();
        assert!(!to.exists());
        fs::remove_dir_all(&dir).unwrap();
    }
}
