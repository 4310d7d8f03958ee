//! The flow of one build: request, stage, freshness, make, artifacts, report.

use std::ffi::OsString;
use std::os::fd::AsRawFd;
use std::path::{Component, PathBuf};
use std::time::Duration;

use super::Build;
use super::request::{Request, Sources};
use super::skip;
use crate::cargo::{self, Door};
use crate::files::sort_paths;
use crate::freshness::{Record, Stale};
use crate::identity::boot_id;
use crate::make::{Held, find_program, inherited_descriptors};
use crate::message::Sink;
use crate::prerequisites::Resolver;
use crate::report::{Artifact, Plan, Report};
use crate::settled::Ways;
use crate::stage::{Inventory, Item, Kind, Sync, told};
use crate::sys::{Writer, wait_for_tick};
use crate::{Error, ErrorKind, Result};

/// Builds what `build` says; see [`Build::try_compile`].
pub(super) fn build(build: &Build, name: Option<&str>) -> Result<Report> {
    let door = Door {
        metadata: build.sink.cargo,
    };
    if skip::is_wanted(door) {
        return skip::placeholders(build, name, door);
    }
    let report = one(build, name, door)?;
    if door.metadata {
        cargo::announce_files(&report);
        cargo::announce_modules(&report);
        cargo::pass_on(door, None, &report.provided);
    }
    Ok(report)
}

/// One build for one kernel; Cargo is told nothing.
pub(super) fn one(build: &Build, name: Option<&str>, door: Door) -> Result<Report> {
    // Before anything is opened here.
    inherited_descriptors(door.metadata);
    let request = Request::new(build, name, door)?;
    let writer = request.stage.writer(&request.out)?;
    let report = Run {
        request: &request,
        build,
        sink: &build.sink,
        writer: &writer,
    }
    .go()?;
    check_wanted(name, &request, &report)?;
    Ok(report)
}

/// Fails when a tree did not give the one module that the caller needs.
fn check_wanted(name: Option<&str>, request: &Request, report: &Report) -> Result<()> {
    let Some(name) = name.filter(|name| report.module(name).is_none()) else {
        return Ok(());
    };
    if !request.wants_modules() {
        return Ok(());
    }
    let built: Vec<_> = report.modules().iter().map(Artifact::name).collect();
    Err(Error::new(
        ErrorKind::NothingBuilt,
        format!(
            "the tree {} builds no module {name}; it builds {}",
            request.label,
            built.join(", ")
        ),
    ))
}

/// What [`build`] would run.
pub(super) fn plan(build: &Build, name: Option<&str>) -> Result<Plan> {
    let door = Door {
        metadata: build.sink.cargo,
    };
    let request = Request::new(build, name, door)?;
    let make = &request.make;
    let program = find_program("make", &make.env).unwrap_or_else(|| "make".into());
    let jobs = request.jobs(build).alone(&program, &build.sink)?;
    let mut args = make.args()?;
    let mut env = make.env.clone();
    // What the outside or the caller says may be a secret; LANG, PATH and LD_LIBRARY_PATH are made of it.
    let is_foreign = |(name, value): &&(OsString, OsString)| {
        build.env.iter().any(|(of_caller, _)| of_caller == name)
            || std::env::var_os(name).as_ref() == Some(value)
            || name == "LANG"
            || name == "PATH"
            || name == "LD_LIBRARY_PATH"
    };
    let not_ours = env.iter().filter(is_foreign);
    let not_ours = not_ours.map(|(name, _)| name.clone()).collect();
    args.extend(jobs.argument);
    env.extend(jobs.makeflags.map(|flags| ("MAKEFLAGS".into(), flags)));
    Ok(Plan {
        stage: request.stage.dir.clone(),
        cwd: make.module_dir.clone(),
        program: "make".into(),
        args,
        env,
        not_ours,
        kernel: request.kernel,
    })
}

/// The state before make started, for the steps after it.
pub(super) struct Made<'a> {
    pub(super) record: &'a Record,
    pub(super) inventory: Inventory,
    /// The marker's time.
    pub(super) start: Duration,
    pub(super) ways: Ways,
}

/// One build under way.
pub(super) struct Run<'a> {
    pub(super) request: &'a Request,
    pub(super) build: &'a Build,
    pub(super) sink: &'a Sink,
    pub(super) writer: &'a Writer,
}

impl Run<'_> {
    fn go(&self) -> Result<Report> {
        let r = self.request;
        let doing = format!("{} for {}", r.label, r.kernel.release());
        let writer = self.writer;
        let mut lock = r.stage.lock(writer, &doing, self.sink)?;
        let items = r.items()?;
        let config = r.config()?;
        let manifest = r.stage.manifest(writer)?;
        let record = match &manifest {
            Some(_) => Record::load(writer, &self.record_path(), &r.out)?,
            None => None,
        };
        if let (Some(record), Some(manifest)) = (&record, &manifest) {
            let may_be_fresh = r.other_targets().next().is_none()
                && !r.stage.is_interrupted()
                && self.has_products(record);
            if may_be_fresh && self.verdict(record, &config, manifest, &items)?.is_none() {
                self.write_missing_for_editors()?;
                self.note_boot(record);
                return Ok(self.report(record, &items, false));
            }
        }
        r.kernel.check_programs()?;
        // With the stage's lock in hand, and not before: who holds a token waits for nobody.
        let mut slot = r.jobs(self.build).budget(self.sink)?.slot(self.sink)?;
        let held = Held {
            locks: std::iter::once(lock.file.as_raw_fd())
                .chain(slot.lock())
                .collect(),
            withhold: inherited_descriptors(r.door.metadata),
        };
        lock.sign()?;
        r.stage.sign(writer)?;
        let start = r.stage.begin(writer)?;
        // What changes from here on cannot look as if it had been there before; and what changed
        // since the first look is seen now.
        wait_for_tick(writer, &r.stage.private, start)?;
        // Others may have had the token for minutes.
        let mut items = r.items()?;
        let config = r.config()?;
        let mut manifest = r.stage.manifest(writer)?;
        let mut stale = match (&record, &manifest) {
            (Some(record), Some(manifest)) => self
                .verdict(record, &config, manifest, &items)?
                .unwrap_or_default(),
            _ => Stale::from_nothing(""),
        };
        let mut inventory = Inventory::load(writer, &r.stage)?;
        if let Some(known) = &manifest {
            let found = inventory.compare(writer, &r.stage, known)?;
            if let Some(damage) = found.damage {
                let why = told(&r.stage, &damage);
                let note = format!("building {} from nothing: {why}", r.label);
                self.sink.note(&note);
                stale = Stale::from_nothing("");
                manifest = None;
            } else if found.missing {
                r.stage.forget_prepared(writer)?;
            }
        }
        let record = record.unwrap_or_default();
        self.tell_of_replaced(&record, &stale);
        let (first, changes) = self.make_room(&stale, &record, manifest, &items)?;
        let sync = Sync {
            stage: &r.stage,
            writer,
            sink: self.sink,
            first,
            start,
        };
        sync.apply(&mut items, &changes, &mut inventory)?;
        if !first {
            self.remove_stale_targets(&stale, &record, &items)?;
        }
        self.write_files()?;
        let is_news = first || !changes.is_empty();
        if is_news {
            self.warn_of_habits(&items);
        }
        self.prepare(&items, stale.from_nothing.is_some(), &held)?;
        if is_news {
            self.warn_of_ignored_flags();
        }
        let made = Made {
            record: &record,
            inventory,
            start,
            ways: self.ways(&record, start),
        };
        let report = self.make(&mut slot, &held, &items, &config, made);
        if !r.stage.is_interrupted() {
            lock.release();
        }
        report
    }

    /// The folders on the way to what make may read, as far as that is known before.
    fn ways(&self, record: &Record, start: Duration) -> Ways {
        let r = self.request;
        let inputs = record.prerequisites.iter().map(|p| &p.path);
        let inputs = inputs.chain(&r.whole).map(PathBuf::as_path);
        // Any name in a folder stands for the folder.
        let folders = [r.kernel.dir(), r.kernel.source_dir()].into_iter();
        let folders = folders.chain(r.header_folders().map(PathBuf::as_path));
        let inside: Vec<_> = folders.map(|folder| folder.join("x")).collect();
        Ways::to(inputs.chain(inside.iter().map(PathBuf::as_path)), start)
    }

    /// Once all is known to be whole after a new start of the machine, it need not be looked at
    /// again.
    fn note_boot(&self, record: &Record) {
        if record.is_of_another_boot() {
            let record = Record {
                boot: boot_id(),
                ..record.clone()
            };
            // Where nothing can be written, it is looked at the next time.
            let _ = record.save(self.writer, &self.record_path(), &self.request.out);
        }
    }

    pub(super) fn record_path(&self) -> PathBuf {
        self.request.folder.join("record")
    }

    /// The report of an up-to-date build, or of the one that has just ended.
    pub(super) fn report(&self, record: &Record, items: &[Item], started_make: bool) -> Report {
        let r = self.request;
        let mut prerequisites: Vec<PathBuf> = record
            .prerequisites
            .iter()
            .filter(|p| !p.path.starts_with(&r.stage.dir))
            // To Ninja, `..` is text.
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
            // A new file shows in its folder. One that holds the products changes with them.
            folders.retain(|f| f.is_dir() && !r.out.starts_with(f));
        } else {
            folders.clear();
        }
        folders.extend(r.header_folders().cloned());
        sort_paths(&mut folders);
        let published = |wanted: &str| {
            let mut found = record.products.iter().filter(|p| p.module == wanted);
            found.next().map(|p| p.path.clone())
        };
        let modules = record
            .products
            .iter()
            .filter(|p| !p.module.is_empty() && r.wants_modules())
            .map(|p| Artifact {
                name: p.module.clone(),
                path: p.path.clone(),
            });
        let symvers = published("");
        let mut provided = r.provided.clone();
        provided.symvers.extend(symvers.clone());
        Report {
            kernel: Some(r.kernel.clone()),
            out_dir: r.out.clone(),
            modules: modules.collect(),
            products: record.others.iter().map(|p| p.path.clone()).collect(),
            targets: Vec::new(),
            symvers,
            prerequisites,
            folders,
            provided,
            started_make,
        }
    }

    pub(super) fn resolver<'b>(&'b self, items: &'b [Item]) -> Resolver<'b> {
        let r = self.request;
        Resolver::new(
            &r.stage,
            items,
            r.links.pairs(),
            &r.kernel,
            &r.make.module_dir,
        )
    }
}
