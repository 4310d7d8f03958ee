//! Puts the products of make into the output directory.

pub(crate) mod artifact;
mod editors;
mod products;
mod replaced;
#[cfg(feature = "rust")]
mod rust_frames;
#[cfg(feature = "ide")]
mod rust_project;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Run;
use super::record::{Product, Record};
use crate::stage::{Item, PUBLISH_LOCK};
use crate::sys::{Lock, regular, walk};
use crate::{Error, ErrorKind, Result};

/// The files that a build put into OUT.
pub(super) struct Published {
    /// The modules and their symvers.
    pub(super) modules: Vec<Product>,
    /// The files beside them that the caller asked for.
    pub(super) others: Vec<Product>,
    /// The files that the caller asked for in place of the modules.
    pub(super) targets: Vec<Product>,
}

impl Run<'_> {
    /// Puts the products into OUT.
    pub(super) fn publish(
        &self,
        old: &Record,
        items: &[Item],
        start: Duration,
    ) -> Result<Published> {
        let r = self.resolved;
        let dir = r.module_dir();
        if r.questions().is_some() {
            return Ok(Published {
                modules: Vec::new(),
                others: Vec::new(),
                targets: Vec::new(),
            });
        }
        let _lock = self.lock_to_publish()?;
        let targets = self.publish_targets(start)?;
        if !r.wants_modules() {
            return Ok(Published {
                modules: old.products.clone(),
                others: old.others.clone(),
                targets,
            });
        }
        self.check_stays_inside(&dir.join("modules.order"))?;
        let modules = artifact::modules(dir)?;
        if modules.is_empty() {
            return Err(self.nothing_built());
        }
        self.check_products(old, items)?;
        self.remove_leftovers(&modules)?;
        let mut products = Vec::new();
        for (name, staged) in &modules {
            let to = r.out.join(format!("{name}.ko"));
            self.check_stays_inside(staged)?;
            products.push(artifact::publish(
                self.writer,
                staged,
                &to,
                Some(name),
                start,
            )?);
        }
        let symvers = dir.join("Module.symvers");
        if symvers.is_file() {
            let to = r.out.join(format!("{}.symvers", r.label));
            let mapped = r.folder.join("published.symvers");
            self.check_stays_inside(&symvers)?;
            self.map_symvers(&symvers, &mapped)?;
            products.push(artifact::publish(self.writer, &mapped, &to, None, start)?);
        }
        let others = self.publish_products(start)?;
        self.write_for_editors()?;
        Ok(Published {
            modules: products,
            others,
            targets,
        })
    }

    /// Takes the lock for publishing, because other builds publish into the same OUT.
    pub(crate) fn lock_to_publish(&self) -> Result<Lock> {
        let r = self.resolved;
        let doing = format!("publishing {}", r.label);
        let path = r.stage.shared.join(PUBLISH_LOCK);
        Lock::take(self.writer, &path, &doing, &self.resolved.sink)
    }

    /// Copies a symvers and replaces stage paths by source paths: kernels before 6.13 write the
    /// path of the module's build, and other builds read it.
    fn map_symvers(&self, from: &Path, to: &Path) -> Result<()> {
        let text = regular::read_to_string(from).map_err(|e| Error::reading("read", from, e))?;
        let mut mapped = String::with_capacity(text.len());
        for line in text.lines() {
            let mut words: Vec<&str> = line.split('\t').collect();
            let source = words
                .get(2)
                .map(|module| self.resolved.make.map.source(Path::new(module)));
            // Characters that end the word or the line are not allowed; blanks are.
            let source = source.as_deref().and_then(Path::to_str);
            if let Some(source) = source.filter(|s| !s.contains(['\t', '\n'])) {
                words[2] = source;
            }
            mapped.push_str(&words.join("\t"));
            mapped.push('\n');
        }
        self.writer.write_if_changed(to, mapped.as_bytes())
    }

    /// Removes files that the last build published and this one did not. OUT holds the modules of
    /// one kernel, so this folder's products for another kernel are removed too.
    pub(super) fn remove_stale(&self, old: &Record, new: &Published) -> Result<()> {
        let r = self.resolved;
        let stale = |record: &Record| {
            artifact::remove_stale(self.writer, &record.products, &new.modules)?;
            artifact::remove_stale_below(self.writer, &r.out, &record.others, &new.others)
        };
        stale(old)?;
        for key in r.stage.other_kernels(self.writer)? {
            let folder = key
                .join("folders")
                .join(r.folder.file_name().unwrap_or_default());
            let record = Record::load(self.writer, &folder.join("record"), &r.out)?;
            record.as_ref().map_or(Ok(()), stale)?;
        }
        Ok(())
    }

    /// Refuses a file of a sandboxed build that is a link out of the stage: this process may read what
    /// the sandbox hides.
    fn check_stays_inside(&self, staged: &Path) -> Result<()> {
        let r = self.resolved;
        let is_outside = |real: PathBuf| !real.starts_with(&r.stage.top);
        if r.make.command.sandbox.is_none() || !fs::canonicalize(staged).is_ok_and(is_outside) {
            return Ok(());
        }
        let name = r.make.map.source(staged);
        Err(Error::new(
            ErrorKind::BuildFailed,
            format!(
                "the sandboxed build made {} a link to a file outside of its stage. kbuild-rs did not \
                 read that file and published nothing more",
                name.display()
            ),
        ))
    }

    /// Publishes the files that the caller asked for by name.
    fn publish_targets(&self, start: Duration) -> Result<Vec<Product>> {
        let r = self.resolved;
        let mut products = Vec::new();
        for target in r.other_targets() {
            let staged = r.module_dir().join(target);
            if !staged.is_file() {
                continue;
            }
            products.push(self.publish_other(Path::new(target), start)?);
        }
        Ok(products)
    }

    /// Removes leftovers: after a module is taken out of `obj-m`, its `.ko` stays in the folder.
    fn remove_leftovers(&self, modules: &[(String, PathBuf)]) -> Result<()> {
        let dir = self.resolved.module_dir();
        walk(dir, &mut |path, meta| {
            let is_module = meta.is_file() && path.extension().is_some_and(|e| e == "ko");
            if is_module && !modules.iter().any(|(_, staged)| staged == path) {
                self.writer.remove_file(path)?;
            }
            Ok(())
        })
    }
}
