//! The flow of one build: request, stage, freshness, make, artifacts, report.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::Build;
use super::request::{Request, Sources};
use super::skip;
use crate::cargo::{self, Door};
use crate::freshness::{Class, Record, Stale};
use crate::message::Sink;
use crate::prerequisites::Resolver;
use crate::report::{Artifact, Plan, Report};
use crate::stage::{Changes, Item, Kind, wait_for_tick};
use crate::{Error, ErrorKind, Result};

/// Builds what `build` says; see [`Build::try_compile`].
pub(super) fn build(build: &Build, name: Option<&str>) -> Result<Report> {
    let door = Door {
        metadata: build.sink.cargo,
    };
    if door.metadata && door.user("KBUILD_RS_SKIP").is_some_and(|v| v != "0") {
        return skip::placeholders(build, name, door);
    }
    let request = Request::new(build, name, door)?;
    let report = Run {
        request: &request,
        build,
        sink: &build.sink,
    }
    .go()?;
    if let (Some(name), Sources::Tree { .. }) = (name, &request.sources)
        && build.targets.is_empty()
        && report.module(name).is_none()
    {
        let built: Vec<_> = report.modules().iter().map(Artifact::name).collect();
        return Err(Error::new(
            ErrorKind::NothingBuilt,
            format!(
                "the tree {} builds no module {name}; it builds {}",
                request.label,
                built.join(", ")
            ),
        ));
    }
    if door.metadata {
        cargo::announce(&report);
    }
    Ok(report)
}

/// What [`build`] would run.
pub(super) fn plan(build: &Build, name: Option<&str>) -> Result<Plan> {
    let door = Door {
        metadata: build.sink.cargo,
    };
    let request = Request::new(build, name, door)?;
    Ok(Plan {
        stage: request.stage.dir.clone(),
        cwd: request.make.module_dir.clone(),
        program: "make".into(),
        args: request.make.args()?,
        env: request.make.env.clone(),
        kernel: request.kernel,
    })
}

/// One build under way.
pub(super) struct Run<'a> {
    pub(super) request: &'a Request,
    pub(super) build: &'a Build,
    pub(super) sink: &'a Sink,
}

impl Run<'_> {
    fn go(&self) -> Result<Report> {
        let r = self.request;
        let doing = format!("{} for {}", r.label, r.kernel.release());
        let lock = r.stage.lock(&doing, self.sink)?;
        let mut items = r.items()?;
        let config = r.config()?;
        let record = Record::load(&r.folder.join("record"))?;
        let manifest = r.stage.manifest()?;
        let changes = r
            .stage
            .compare(manifest.as_deref().unwrap_or_default(), &items);
        // Another folder of this root may have brought the stage in step, or a build that was
        // killed: what this folder's record tells of was built from older sources.
        let seen = r.stage.seen(&r.folder)?;
        let since = seen.map(|seen| r.stage.compare(&seen, &items));
        let since = since.as_ref().unwrap_or(&changes);
        let stale = match (&record, &manifest) {
            (Some(record), Some(_)) => self.verdict(record, &config, &items, since),
            _ => Some(Stale {
                from_nothing: Some(String::new()),
                ..Stale::default()
            }),
        };
        let record = record.unwrap_or_default();
        let stale = match stale {
            None if self.build.targets.is_empty() && !r.stage.is_interrupted() => {
                return Ok(self.report(&record, &items, false));
            }
            stale => stale.unwrap_or_default(),
        };

        let again = r.stage.is_interrupted() || stale.from_nothing.is_some();
        let start = r.stage.begin()?;
        let (first, changes) = self.make_room(&stale, &record, manifest, &items, changes)?;
        r.stage.apply(&mut items, &changes, first, start)?;
        if !first {
            self.remove_stale_targets(&stale, &items)?;
        }
        self.write_files()?;
        if first || !changes.is_empty() {
            self.warn_of_habits(&items);
        }
        // What changes from here on cannot look as if it had been there before.
        wait_for_tick(start);
        self.prepare(&items, first || again, &lock)?;
        self.make(&lock, &items, config, &record, start)
    }

    /// Compares the last build with the world, sources included.
    fn verdict(
        &self,
        record: &Record,
        config: &[Vec<u8>],
        items: &[Item],
        changes: &Changes,
    ) -> Option<Stale> {
        let stale = record.check(config);
        if changes.is_empty() {
            return stale;
        }
        let mut stale = stale.unwrap_or_default();
        let stage = &self.request.stage;
        let of = |item: &Item| stage.source_of(item);
        stale.changed.extend(changes.removed().iter().map(of));
        stale
            .changed
            .extend(changes.copied().iter().map(|&i| of(&items[i])));
        // A new file may stand before another of its name on a search path, and a new header may
        // answer a __has_include: no .cmd tells of what was not there.
        let known: BTreeSet<_> = record
            .prerequisites
            .iter()
            .filter(|p| p.class == Class::Targets)
            .filter_map(|p| p.path.file_name())
            .collect();
        let shadow = changes.added.iter().map(|&i| &items[i].rel).find(|rel| {
            rel.extension().is_some_and(|e| e == "h")
                || rel.file_name().is_some_and(|n| known.contains(n))
        });
        if let (Some(rel), None) = (shadow, &stale.from_nothing) {
            stale.from_nothing = Some(format!("{} is new", rel.display()));
        }
        // A symvers that lies in the tree itself: no prerequisite of modpost's either.
        let is_symvers = |item: &Item| item.rel.to_string_lossy().ends_with("symvers");
        stale.modpost |= changes.copied().iter().any(|&i| is_symvers(&items[i]))
            || changes.removed().iter().any(is_symvers);
        // No .cmd tells which files were reached over a link.
        let copied = changes.copied().iter().map(|&i| &items[i]);
        let link = copied
            .chain(changes.removed())
            .find(|item| matches!(item.kind, Kind::Link(_)));
        if let (Some(item), None) = (link, &stale.from_nothing) {
            stale.from_nothing = Some(format!("{} leads elsewhere", item.rel.display()));
        }
        Some(stale)
    }

    /// The report of an up-to-date build, or of the one that has just ended.
    pub(super) fn report(&self, record: &Record, items: &[Item], started_make: bool) -> Report {
        let r = self.request;
        let mut prerequisites: BTreeSet<PathBuf> = record
            .prerequisites
            .iter()
            .map(|p| p.path.clone())
            .filter(|path| !path.starts_with(&r.stage.dir))
            .collect();
        let mut folders = BTreeSet::new();
        for item in items {
            match &item.kind {
                Kind::File { .. } => {
                    prerequisites.insert(r.stage.source_of(item));
                }
                Kind::Dir => {
                    folders.insert(r.stage.source_of(item));
                }
                Kind::Link(_) => {}
            }
        }
        if let Sources::Tree { root, .. } = &r.sources {
            folders.insert(root.clone());
            // A new file shows in its folder. One that holds the products changes with them.
            folders.retain(|f| f.is_dir() && !r.out.starts_with(f));
        } else {
            folders.clear();
        }
        let published = |wanted: &str| {
            let mut found = record.products.iter().filter(|p| p.module == wanted);
            found.next().map(|p| p.path.clone())
        };
        let modules = record
            .products
            .iter()
            .filter(|p| !p.module.is_empty())
            .map(|p| Artifact {
                name: p.module.clone(),
                path: p.path.clone(),
            });
        Report {
            kernel: Some(r.kernel.clone()),
            out_dir: r.out.clone(),
            modules: modules.collect(),
            targets: Vec::new(),
            symvers: published(""),
            prerequisites: prerequisites.into_iter().collect(),
            folders: folders.into_iter().collect(),
            started_make,
        }
    }

    pub(super) fn resolver<'b>(&'b self, items: &'b [Item]) -> Resolver<'b> {
        let r = self.request;
        Resolver::new(&r.stage, items, r.links(), &r.kernel, &r.make.module_dir)
    }
}
