//! The steps of a build in their order: take the result of [`resolve`](crate::resolve), decide
//! whether there is anything to do, refresh the stage, run make, publish the products, report.

mod btf;
#[cfg(feature = "cache")]
mod cache;
mod clean;
mod decide;
mod expected;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod jobs;
mod make;
mod nothing_built;
mod plan;
mod probe;
mod publish;
mod record;
mod refresh;
mod several;
mod shortcut;
pub(crate) mod skip;
mod unmet;
mod warnings;

use std::os::fd::AsRawFd;
use std::path::{Component, PathBuf};
use std::time::Duration;

use crate::Result;
use crate::jobs::{Slot, inherited_descriptors};
use crate::make::ChildDescriptors;
use crate::resolve::{Fingerprint, Resolved, Sources, resolve};
use crate::settings::{Artifact, Report, Settings};
use crate::stage::{Inventory, Item, Kind, Sync, told};
use crate::sys::{Writer, boot_id, sort_paths, wait_for_tick};

use btf::ReadBase;
use record::prerequisites::Resolver;
use record::settled::FoldersBefore;
use record::{Record, Stale};

#[cfg(feature = "cache")]
pub(crate) use cache::{
    CacheFolder, CacheSizes, cache_sizes, clear_cache, make_room_in_cache, verify_cache,
};
pub(crate) use clean::clean;
pub(crate) use plan::plan;
pub(crate) use probe::probe;
pub(crate) use several::Several;

/// Builds for one kernel, or writes placeholders if nothing is to be built. Prints nothing for
/// Cargo.
pub(crate) fn build(settings: &Settings, name: Option<&str>) -> Result<Report> {
    if skip::is_wanted(settings) {
        return skip::placeholders(settings, name);
    }
    // This must come before anything is opened here.
    inherited_descriptors(settings.environment.is_build_script);
    let resolved =
        resolve(settings, name).map_err(|error| unmet::without_products(settings, name, error))?;
    let writer = resolved.stage.writer(&resolved.out)?;
    let report = Run {
        resolved: &resolved,
        writer: &writer,
    }
    .go()?;
    expected::check(name, &settings.modules, &resolved, &report)?;
    Ok(report)
}

/// The state before make started, for the steps after it.
pub(crate) struct BeforeMake<'a> {
    pub(crate) record: &'a Record,
    pub(crate) inventory: Inventory,
    /// The marker's time.
    pub(crate) start: Duration,
    pub(crate) folders: FoldersBefore,
    /// The base of the modules' BTF, if it was read.
    pub(crate) base: Option<ReadBase>,
    /// The place of the build in the cache.
    #[cfg(feature = "cache")]
    pub(crate) cache: Option<cache::Place>,
}

/// A running build.
pub(crate) struct Run<'a> {
    pub(crate) resolved: &'a Resolved,
    pub(crate) writer: &'a Writer,
}

impl Run<'_> {
    fn go(&self) -> Result<Report> {
        self.go_and(|| Ok(()))
    }

    /// Runs, and then calls `last` while the stage is still locked.
    fn go_and(&self, last: impl FnOnce() -> Result<()>) -> Result<Report> {
        let (r, writer) = (self.resolved, self.writer);
        let doing = format!("{} for {}", r.label, r.kernel().release());
        let mut lock = r.stage.lock(writer, &doing, &r.sink)?;
        // Errors about sources that cannot be staged come before anything is written for them.
        let now = (r.items()?, Fingerprint::of(r)?);
        let record = match r.stage.manifest(writer)? {
            Some(manifest) => {
                let record = Record::load(writer, &self.record_path(), &r.out)?;
                if let Some(report) = self.fresh(record.as_ref(), &manifest, &now)? {
                    return last().map(|()| report);
                }
                record
            }
            None => None,
        };
        r.kernel().check_programs()?;
        let has_commands =
            matches!(&r.sources, Sources::Tree { tree, .. } if !tree.prepare.is_empty());
        let base = self.check_btf(record.is_some() || has_commands)?;
        // The token is only taken while holding the stage's lock, because a holder of a token must
        // not wait for a lock.
        let mut slot = r.jobs.slot(&r.sink)?;
        let locks = std::iter::once(lock.file.as_raw_fd()).chain(slot.lock());
        let held = ChildDescriptors {
            locks: locks.collect(),
            withhold: inherited_descriptors(r.jobs.is_build_script),
        };
        lock.sign()?;
        r.stage.sign(writer)?;
        let start = r.stage.begin(writer)?;
        // A later change then has a later time than all existing files, and this second look sees
        // the changes since the first one.
        wait_for_tick(writer, &r.stage.private, start)?;
        let report = self.stage_and_make((record, base), start, &mut slot, &held);
        let report = report.and_then(|report| last().map(|()| report));
        if !r.stage.is_interrupted() {
            lock.release();
        }
        report
    }

    /// The report of a build with nothing to do.
    fn fresh(
        &self,
        record: Option<&Record>,
        manifest: &[Item],
        (items, fingerprint): &(Vec<Item>, Fingerprint),
    ) -> Result<Option<Report>> {
        let r = self.resolved;
        let asks_more = r.other_targets().next().is_some() || r.stage.is_interrupted();
        let Some(record) = record.filter(|record| !asks_more && self.has_products(record)) else {
            return Ok(None);
        };
        if !self.knows_answers()? {
            return Ok(None);
        }
        let verdict = self.verdict(record, fingerprint, manifest, items)?;
        let is_cut = record.is_of_another_boot() && self.has_cut_file_for_editors();
        if verdict.is_some() || is_cut {
            return Ok(None);
        }
        if r.questions().is_none() {
            self.write_missing_for_editors()?;
        }
        self.note_boot(record);
        Ok(Some(self.report(record, items, false)))
    }

    /// Updates the stage from the sources, and runs make. `start` is the marker's time.
    fn stage_and_make(
        &self,
        (record, base): (Option<Record>, Option<ReadBase>),
        start: Duration,
        slot: &mut Slot,
        held: &ChildDescriptors,
    ) -> Result<Report> {
        let (r, writer) = (self.resolved, self.writer);
        // The wait for the token may have taken minutes.
        let mut items = r.items()?;
        let fingerprint = Fingerprint::of(r)?;
        let mut manifest = r.stage.manifest(writer)?;
        let mut stale = match (&record, &manifest) {
            (Some(record), Some(manifest)) => self
                .verdict(record, &fingerprint, manifest, &items)?
                .unwrap_or_default(),
            _ => Stale::all(),
        };
        let mut inventory = Inventory::load(writer, &r.stage)?;
        if self.is_damaged(manifest.as_deref(), &mut inventory)? {
            stale = Stale::all();
            manifest = None;
        }
        let record = record.unwrap_or_default();
        self.tell_of_replaced(&record, &stale);
        let (first, changes) = self.make_room(&stale, &record, manifest, &items)?;
        let sync = Sync {
            stage: &r.stage,
            writer,
            sink: &r.sink,
            first,
            start,
        };
        sync.apply(&mut items, &changes, &mut inventory)?;
        if !first {
            self.remove_stale_targets(&stale, &record, &items)?;
        }
        self.write_files()?;
        self.write_questions()?;
        let is_news = first || !changes.is_empty();
        #[cfg(feature = "cache")]
        // After a hit, the stage has only sources too.
        let is_whole = stale.from_nothing.is_some()
            || r.cache.is_some() && !self.has_products_of_own_rules(&items)?;
        self.prepare(&items, stale.from_nothing.is_some(), held)?;
        if is_news {
            self.warn_about_makefiles();
        }
        let before = BeforeMake {
            record: &record,
            inventory,
            start,
            folders: self.folders_before(&record, start),
            base,
            #[cfg(feature = "cache")]
            cache: None,
        };
        #[cfg(feature = "cache")]
        let mut before = before;
        #[cfg(feature = "cache")]
        if let Some(report) = self.taken_from_cache(&mut before, &items, &fingerprint, is_whole)? {
            return Ok(report);
        }
        self.make(slot, held, &items, &fingerprint, before)
    }

    /// Whether something else changed the stage, so that nothing in it may be kept. A note says so.
    fn is_damaged(&self, manifest: Option<&[Item]>, inventory: &mut Inventory) -> Result<bool> {
        let r = self.resolved;
        let Some(known) = manifest else {
            return Ok(false);
        };
        let found = inventory.compare(self.writer, &r.stage, known)?;
        if let Some(damage) = &found.damage {
            let why = told(&r.stage, damage);
            let note = format!("building {} from scratch: {why}", r.label);
            r.sink.note(&note);
        } else if found.missing {
            r.stage.forget_prepared(self.writer)?;
        }
        Ok(found.damage.is_some())
    }

    /// The folders above the files that make may read, as far as they are known before make starts.
    fn folders_before(&self, record: &Record, start: Duration) -> FoldersBefore {
        let r = self.resolved;
        let inputs = record.prerequisites.iter().map(|p| &p.path);
        let inputs = inputs.chain(&r.inputs.whole).map(PathBuf::as_path);
        // Any file name in a folder will do.
        let folders = [r.kernel().dir(), r.kernel().source_dir()].into_iter();
        let folders = folders.chain(r.header_folders().map(PathBuf::as_path));
        let inside: Vec<_> = folders.map(|folder| folder.join("x")).collect();
        FoldersBefore::to(inputs.chain(inside.iter().map(PathBuf::as_path)), start)
    }

    /// Records the current boot after all files were found complete, so that the next build need
    /// not check them again.
    fn note_boot(&self, record: &Record) {
        if record.is_of_another_boot() {
            let record = Record {
                boot: boot_id(),
                ..record.clone()
            };
            // If nothing can be written, the next build checks again.
            let _ = record.save(self.writer, &self.record_path(), &self.resolved.out);
        }
    }

    pub(crate) fn record_path(&self) -> PathBuf {
        self.resolved.folder.join("record")
    }

    /// The report of an up-to-date build, or of one that has just ended.
    pub(crate) fn report(&self, record: &Record, items: &[Item], started_make: bool) -> Report {
        let r = self.resolved;
        let mut prerequisites: Vec<PathBuf> = record
            .prerequisites
            .iter()
            .filter(|p| !p.path.starts_with(&r.stage.dir))
            // Ninja compares paths with `..` as text.
            .filter(|p| !p.path.components().any(|c| c == Component::ParentDir))
            .map(|p| p.path.clone())
            .collect();
        let mut folders = Vec::new();
        for item in items {
            match &item.kind {
                Kind::File { .. } => prerequisites.push(r.stage.source_of(item)),
                Kind::Dir => folders.push(r.stage.source_of(item)),
                Kind::Link(_) => {}
            }
        }
        sort_paths(&mut prerequisites);
        if let Sources::Tree { root, .. } = &r.sources {
            folders.push(root.clone());
            // A folder shows a new file. A folder that holds the products changes with them.
            folders.retain(|f| f.is_dir() && !r.out.starts_with(f));
        } else {
            folders.clear();
        }
        folders.extend(r.header_folders().cloned());
        sort_paths(&mut folders);
        let modules = record
            .products
            .iter()
            .filter(|_| r.wants_modules())
            .filter_map(|p| {
                Some(Artifact {
                    name: p.module.clone()?,
                    path: p.path.clone(),
                })
            });
        let mut symvers = record.products.iter().filter(|p| p.module.is_none());
        let symvers = symvers.next().map(|p| p.path.clone());
        let mut provided = r.inputs.provided.clone();
        provided.symvers.extend(symvers.clone());
        Report {
            kernel: Some(r.kernel().clone()),
            out_dir: r.out.clone(),
            modules: modules.collect(),
            products: record.others.iter().map(|p| p.path.clone()).collect(),
            targets: Vec::new(),
            symvers,
            prerequisites,
            folders,
            provided,
            started_make,
            cached: false,
        }
    }

    pub(crate) fn resolver<'b>(&'b self, items: &'b [Item]) -> Resolver<'b> {
        let r = self.resolved;
        Resolver::new(
            &r.stage,
            items,
            r.inputs.links.pairs(),
            r.kernel(),
            r.module_dir(),
        )
    }
}
