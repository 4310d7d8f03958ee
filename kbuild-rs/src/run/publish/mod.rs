//! Make itself, and what comes after it: artifacts, record, report.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::record::salted::Salted;
use super::record::{Product, Record};
use super::{BeforeMake, Run, artifact};
use crate::jobs::Slot;
use crate::make::{BuildFacts, ChildDescriptors};
use crate::resolve::Fingerprint;
use crate::settings::Report;
use crate::stage::{Inventory, Item, PUBLISH_LOCK};
use crate::sys::{Lock, boot_id, regular, sort_paths, walk};
use crate::{Error, Result, make};

/// The files that a build put into OUT.
struct Published {
    /// The modules and their symvers.
    modules: Vec<Product>,
    /// The files beside them that the caller asked for.
    others: Vec<Product>,
    /// The files that the caller asked for in place of the modules.
    targets: Vec<Product>,
}

impl Run<'_> {
    /// Runs make and takes in what it made. `start` is the marker's time.
    pub(crate) fn make(
        &self,
        slot: &mut Slot,
        held: &ChildDescriptors,
        items: &[Item],
        fingerprint: &Fingerprint,
        made: BeforeMake<'_>,
    ) -> Result<Report> {
        let r = self.resolved;
        let (old, start) = (made.record, made.start);
        let facts = BuildFacts {
            nearby: self.nearby_symvers(),
            release: r.kernel().release().to_owned(),
            #[cfg(feature = "rust")]
            kernel_dir: r.kernel().dir().to_owned(),
            #[cfg(feature = "rust")]
            kernel_source: r.kernel().source_dir().to_owned(),
            works_in_module: r.kernel().version() >= (6, 13),
            module_dir: r.module_dir().to_owned(),
        };
        self.writer.write_private(&r.make.watch.log, b"")?;
        let put = self.put_away(items)?;
        let outcome = make::run(
            &r.make.command,
            slot,
            held,
            &r.make.map,
            &facts,
            &self.resolved.sink,
        )?;
        let what = format!("{} for {}", r.label, r.kernel().release());
        if outcome.cut_off {
            // The marker stays: the next build deletes what this one wrote.
            return Err(outcome.error(&what));
        }
        self.put_back(&put)?;
        if let Some(time) = outcome.stopped {
            self.remove_unfinished(items, time, start)?;
        }
        let mut record = Record {
            config: Salted::of(&fingerprint.0),
            boot: boot_id(),
            succeeded: false,
            prerequisites: Vec::new(),
            // Still what lies in OUT, until something is published over it.
            products: old.products.clone(),
            others: old.others.clone(),
            targets: old.targets.clone(),
            rules: Vec::new(),
            elsewhere: self.made_elsewhere(items, old, start)?,
        };
        self.note_prerequisites(items, &made, &mut record)?;
        let built = outcome
            .success
            .then(|| self.publish(old, items, start))
            .transpose();
        match built {
            Ok(Some(published)) => {
                #[cfg(feature = "rust")]
                self.warn_of_frames(items, start)?;
                record.succeeded = r.wants_modules();
                if record.succeeded {
                    self.remove_stale(old, &published)?;
                    record.products = published.modules;
                    record.others = published.others;
                }
                let targets = published.targets;
                let paths = targets.iter().map(|t| t.path.clone()).collect();
                record
                    .targets
                    .retain(|old| !targets.iter().any(|t| t.path == old.path));
                record.targets.extend(targets);
                self.end(&record, made.inventory)?;
                let mut report = self.report(&record, items, true);
                report.targets = paths;
                Ok(report)
            }
            other => {
                // What does not compile yet wants an editor all the more; the failure goes first.
                #[cfg(feature = "ide")]
                let _ = self
                    .lock_to_publish()
                    .and_then(|_lock| self.write_rust_project());
                self.end(&record, made.inventory)?;
                Err(other.err().unwrap_or_else(|| outcome.error(&what)))
            }
        }
    }

    /// make deletes the targets of the recipes that failed. What they were writing besides goes
    /// here; a second is long enough for a tool to be late with the end of its file. What was there
    /// when make started is another build's.
    fn remove_unfinished(&self, items: &[Item], stopped: Duration, start: Duration) -> Result<()> {
        let since = start.max(stopped.saturating_sub(Duration::from_secs(1)));
        let since = i128::try_from(since.as_nanos()).unwrap_or(0);
        for (path, meta) in self
            .resolved
            .stage
            .products(&self.resolved.stage.dir, items)?
        {
            if crate::sys::ctime(&meta) >= since {
                self.writer.remove_file(&path)?;
            }
        }
        Ok(())
    }

    /// Keeps what the next build has to know, and takes the marker away.
    fn end(&self, record: &Record, inventory: Inventory) -> Result<()> {
        let r = self.resolved;
        r.stage.remember(self.writer, &r.folder)?;
        record.save(self.writer, &self.record_path(), &r.out)?;
        inventory.save(self.writer, &r.stage)?;
        r.stage.end(self.writer)
    }

    /// Puts the products into OUT.
    fn publish(&self, old: &Record, items: &[Item], start: Duration) -> Result<Published> {
        let r = self.resolved;
        let dir = r.module_dir();
        let _lock = self.lock_to_publish()?;
        let targets = self.publish_targets(start)?;
        if !r.wants_modules() {
            return Ok(Published {
                modules: old.products.clone(),
                others: old.others.clone(),
                targets,
            });
        }
        let modules = artifact::modules(dir)?;
        if modules.is_empty() {
            return Err(self.nothing_built());
        }
        self.check_products(old, items)?;
        self.remove_leftovers(&modules)?;
        let mut products = Vec::new();
        for (name, staged) in &modules {
            let to = r.out.join(format!("{name}.ko"));
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

    /// Others build into the same OUT.
    pub(crate) fn lock_to_publish(&self) -> Result<Lock> {
        let r = self.resolved;
        let doing = format!("publishing {}", r.label);
        let path = r.stage.shared.join(PUBLISH_LOCK);
        Lock::take(self.writer, &path, &doing, &self.resolved.sink)
    }

    /// Copies a symvers with source paths for stage paths: kernels before 6.13 write the path that
    /// a module was built in, and others read it.
    fn map_symvers(&self, from: &Path, to: &Path) -> Result<()> {
        let text = regular::read_to_string(from).map_err(|e| Error::reading("read", from, e))?;
        let mut mapped = String::with_capacity(text.len());
        for line in text.lines() {
            let mut words: Vec<&str> = line.split('\t').collect();
            let source = words
                .get(2)
                .map(|module| self.resolved.make.map.source(Path::new(module)));
            // What would end the word or the line cannot stand in it; blanks can.
            let source = source.as_deref().and_then(Path::to_str);
            if let Some(source) = source.filter(|s| !s.contains(['\t', '\n'])) {
                words[2] = source;
            }
            mapped.push_str(&words.join("\t"));
            mapped.push('\n');
        }
        self.writer.write_if_changed(to, mapped.as_bytes())
    }

    /// Removes what the last build published and this one did not. OUT holds the modules of one
    /// kernel: what this very folder gave for another one goes, too.
    fn remove_stale(&self, old: &Record, new: &Published) -> Result<()> {
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

    /// The files that were asked for by name.
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

    /// A module that was taken out of `obj-m` leaves its `.ko` in the folder.
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

    /// The symvers of other modules built into this OUT, which a failing build may have needed.
    fn nearby_symvers(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.resolved.out)
            .into_iter()
            .flatten()
            .flatten();
        entries
            .map(|e| e.path())
            .filter(|p| p.extension().is_some_and(|e| e == "symvers"))
            .collect()
    }

    /// What this module folder's build wrote outside of it, in the stage that it shares.
    fn made_elsewhere(
        &self,
        items: &[Item],
        old: &Record,
        start: Duration,
    ) -> Result<Vec<PathBuf>> {
        let r = self.resolved;
        if r.module_dir() == r.stage.dir {
            return Ok(Vec::new());
        }
        let mut paths = old.elsewhere.clone();
        for (path, meta) in r.stage.products(&r.stage.dir, items)? {
            let since = i128::try_from(start.as_nanos()).unwrap_or(0);
            let rel = path.strip_prefix(&r.stage.dir).unwrap_or(&path);
            if !path.starts_with(r.module_dir()) && crate::sys::ctime(&meta) >= since {
                paths.push(rel.to_owned());
            }
        }
        sort_paths(&mut paths);
        Ok(paths)
    }
}
