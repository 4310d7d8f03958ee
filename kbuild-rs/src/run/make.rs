//! The step of a run that starts make and collects its results.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::record::Record;
use super::record::salted::Salted;
use super::{BeforeMake, Run};
use crate::jobs::Slot;
use crate::make::{BuildFacts, ChildDescriptors, Hearing};
use crate::resolve::{BtfWay, Fingerprint};
use crate::settings::Report;
use crate::stage::{Inventory, Item};
use crate::sys::{boot_id, sort_paths};
use crate::{Result, make};

impl Run<'_> {
    /// Runs make and collects its results. `start` is the marker's time.
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
        let facts = self.build_facts();
        let lacks_base = self.prepare_btf(made.base.as_ref())?;
        let phase = self.first_phase(slot)?;
        let put = self.put_away(items)?;
        let hearing = Hearing {
            map: &r.make.map,
            facts: &facts,
            sink: &r.sink,
        };
        let outcome = make::run(&r.make.command, slot, held, &hearing, phase.way())
            .inspect_err(|_| self.remove_dumps())?;
        let what = format!("{} for {}", r.label, r.kernel().release());
        if outcome.cut_off {
            self.remove_dumps();
            // The marker stays, so the next build deletes the files that this one wrote.
            return Err(outcome.error(&what));
        }
        self.keep_recording(phase, &outcome, start);
        self.put_back(&put)?;
        if let Some(time) = outcome.stopped {
            self.remove_unfinished(items, time, start)?;
        }
        let mut record = Record {
            config: Salted::of(&fingerprint.recorded(lacks_base)),
            boot: boot_id(),
            succeeded: false,
            prerequisites: Vec::new(),
            // OUT keeps the old product until a new one is published.
            products: old.products.clone(),
            others: old.others.clone(),
            targets: old.targets.clone(),
            rules: Vec::new(),
            elsewhere: self.made_elsewhere(items, old, start)?,
        };
        let answered = self.note_answers(outcome.success);
        self.note_prerequisites(items, &made, &mut record)?;
        let built = answered.and_then(|()| {
            let published = outcome.success.then(|| self.publish(old, items, start));
            published.transpose()
        });
        match built {
            Ok(Some(published)) => {
                #[cfg(feature = "rust")]
                let of_frames = self.warn_of_frames(items, start)?;
                #[cfg(not(feature = "rust"))]
                let of_frames = false;
                let _has_warned = self.warn_without_btf(&published) || of_frames || lacks_base;
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
                #[cfg(feature = "cache")]
                {
                    // A hit does not repeat this warning.
                    let place = made.cache.filter(|_| !_has_warned);
                    self.keep_in_cache(place, &record, outcome.said, items);
                }
                let mut report = self.report(&record, items, true);
                report.targets = paths;
                Ok(report)
            }
            other => {
                // Editors need these files even if the code does not compile. If both fail, the
                // build's failure is reported.
                #[cfg(feature = "ide")]
                let _ = self
                    .lock_to_publish()
                    .and_then(|_lock| self.write_rust_project());
                self.end(&record, made.inventory)?;
                Err(other.err().unwrap_or_else(|| outcome.error(&what)))
            }
        }
    }

    /// The facts that explain the output of make.
    pub(crate) fn build_facts(&self) -> BuildFacts {
        let r = self.resolved;
        BuildFacts {
            nearby: self.nearby_symvers(),
            release: r.kernel().release().to_owned(),
            #[cfg(feature = "rust")]
            kernel_dir: r.kernel().dir().to_owned(),
            #[cfg(feature = "rust")]
            kernel_source: r.kernel().source_dir().to_owned(),
            works_in_module: r.kernel().version() >= (6, 13),
            has_chosen_btf: matches!(r.inputs.btf.way, BtfWay::From(_)),
            module_dir: r.module_dir().to_owned(),
        }
    }

    /// Removes unfinished files. make deletes the targets of the recipes that failed, but not other
    /// files that they were writing. A second is long enough for a tool to end such a file late.
    /// Files from before the start of make belong to another build.
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

    /// Stores the record for the next build, and removes the marker.
    pub(crate) fn end(&self, record: &Record, inventory: Inventory) -> Result<()> {
        let r = self.resolved;
        r.stage.remember(self.writer, &r.folder)?;
        record.save(self.writer, &self.record_path(), &r.out)?;
        inventory.save(self.writer, &r.stage)?;
        r.stage.end(self.writer)
    }

    /// The symvers of other modules built into this OUT. A failing build may have needed them.
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

    /// The files that this module folder's build wrote outside of it, in the shared stage.
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
