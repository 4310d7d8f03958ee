//! Publishes files beside the modules that the caller asks for: firmware, device tree overlays,
//! helper programs.
//!
//! A product is the file of that name in the stage after make has ended. It is deleted there if a
//! makefile changes, because kbuild only accepts some names as targets, and does not delete a file
//! that it no longer builds.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use super::artifact;
use crate::run::Run;
use crate::run::record::{Product, Record, Stale};
use crate::stage::{Item, Kind, Stage};
use crate::sys::{regular, same_content};
use crate::{Error, ErrorKind, Result};

impl Run<'_> {
    /// Whether the last build published exactly the products that this one asks for.
    pub(crate) fn has_products(&self, record: &Record) -> bool {
        let r = self.resolved;
        let published = record.others.iter().map(|product| &product.path);
        let asked: Vec<_> = r.products.iter().map(|path| r.out.join(path)).collect();
        published.eq(asked.iter())
    }

    /// Deletes products in the stage if a makefile has changed, because it may not build them any
    /// more. A `prepare` command creates its own again.
    pub(crate) fn remove_products_of_old_rules(&self, stale: &Stale) -> Result<()> {
        if stale.makefile.is_some() {
            for product in &self.resolved.products {
                let staged = self.resolved.module_dir().join(product);
                if staged.is_file() {
                    self.writer.remove_file(&staged)?;
                    self.writer
                        .remove_file(&Stage::prepared(&self.resolved.folder))?;
                }
            }
        }
        Ok(())
    }

    /// Fails for a product that make did not build, before anything is published. Also deletes the
    /// copy that an earlier build published, because it would pass for this build's product.
    pub(crate) fn check_products(&self, old: &Record, items: &[Item]) -> Result<()> {
        let r = self.resolved;
        for product in &r.products {
            let staged = r.module_dir().join(product);
            let why = if staged.is_dir() {
                "it is a folder"
            } else if !staged.is_file() {
                "make succeeded, but did not make it"
            } else if self.is_source(&staged, items) {
                "it is a file of the module tree that make did not change"
            } else {
                continue;
            };
            let to = r.out.join(product);
            if let Some(published) = old.others.iter().find(|known| known.path == to) {
                artifact::remove_with_folders(self.writer, &r.out, published)?;
            }
            return Err(Error::new(
                ErrorKind::NothingBuilt,
                format!(
                    "cannot publish the product {0} for {1}: {why}. Add a rule that makes it to the \
                     Kbuild of its folder, and name it in always-y:\n    \
                     always-y += {2}",
                    product.display(),
                    r.kernel().release(),
                    product.file_name().unwrap_or_default().to_string_lossy(),
                ),
            ));
        }
        Ok(())
    }

    /// Whether a staged file is still the copy of its source.
    fn is_source(&self, staged: &Path, items: &[Item]) -> bool {
        let stage = &self.resolved.stage;
        let rel = staged
            .strip_prefix(&stage.dir)
            .unwrap_or(staged)
            .as_os_str();
        let found = items.binary_search_by(|item| item.rel.as_os_str().cmp(rel));
        found.is_ok_and(|at| {
            matches!(items[at].kind, Kind::File { .. })
                && same_content(&stage.source_of(&items[at]), staged).unwrap_or(false)
        })
    }

    /// Puts the products into OUT.
    pub(crate) fn publish_products(&self, start: Duration) -> Result<Vec<Product>> {
        let products = self.resolved.products.iter();
        products
            .map(|product| self.publish_other(product, start))
            .collect()
    }

    /// Publishes a file of the module folder that is not a module. A text file then names source
    /// paths, as after a build in place, and not stage paths.
    pub(crate) fn publish_other(&self, rel: &Path, start: Duration) -> Result<Product> {
        let r = self.resolved;
        let (staged, to) = (r.module_dir().join(rel), r.out.join(rel));
        self.check_stays_inside(&staged)?;
        let failed = |e| Error::reading("read", &staged, e);
        let mode = fs::metadata(&staged).map_err(failed)?.permissions().mode();
        let bytes = regular::read(&staged).map_err(failed)?;
        let text = std::str::from_utf8(&bytes).ok();
        let mapped = text
            .filter(|_| !bytes.contains(&0))
            .map(|text| r.make.map.text(text));
        match mapped.filter(|mapped| mapped.as_bytes() != bytes) {
            Some(text) => {
                let mapped = r.folder.join("published.target");
                self.writer.write_if_changed(&mapped, text.as_bytes())?;
                artifact::publish_other(self.writer, &mapped, &to, mode, start)
            }
            None => artifact::publish_other(self.writer, &staged, &to, mode, start),
        }
    }
}
