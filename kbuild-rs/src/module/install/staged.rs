//! An installation without a journal: into a folder that becomes a package or an image
//! (`DESTDIR`).
//!
//! # Decisions
//! - A journal would be in the package, and would describe a system on which it was never written.
//!   The package manager keeps its own.
//! - As with `make modules_install`, a regular file of the module's name is replaced, whoever wrote
//!   it. So the running system and a root with a journal are refused.
//! - Nothing is synced: the folder is packed, and a build that a power cut ends is repeated.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use super::index;
use super::journal::{Entry, Module, State};
use super::places::modules_folder;
use super::report::{InstallAction, InstallChange, InstallReport};
use super::request::Job;
use super::select::Source;
use super::site::Site;
use super::workers;
use crate::sys::tree::{part_of, sha256};
use crate::sys::{Looks, Tree};
use crate::{Error, ErrorKind, Result};

/// The work for one release.
pub(super) struct Staging<'a> {
    pub(super) root: &'a Path,
    pub(super) job: &'a Job<'a>,
    pub(super) runs_depmod: bool,
    pub(super) is_dry_run: bool,
}

/// A module that is ready to take its place.
struct Ready {
    source: Source,
    /// Below the folder of the release.
    rel: PathBuf,
    action: InstallAction,
    looks: Looks,
}

/// Opens a root for this kind of installation.
pub(super) fn open(root: &Path, is_dry_run: bool, say: &dyn Fn(&str)) -> Result<Site> {
    if std::fs::canonicalize(root).is_ok_and(|path| path == Path::new("/")) {
        return Err(Error::input(
            "--no-journal is for a folder that becomes a package or an image, but the root is /. Leave \
             it out, or name that folder with --root DIR",
        ));
    }
    let site = match is_dry_run {
        true if !root.exists() => Site::missing_at(root)?,
        true => Site::open(root)?,
        false => {
            crate::sys::Root::make(root)?;
            Site::lock_folder(root, say)?
        }
    };
    let (installed, pending) = site.releases()?;
    match installed.iter().chain(&pending).next() {
        None => Ok(site),
        Some(_) => Err(Error::new(
            ErrorKind::NotOurs,
            format!(
                "{} has a journal of kbuild-rs, and an installation without one would make it wrong. \
                 Leave out --no-journal",
                root.display()
            ),
        )),
    }
}

impl Staging<'_> {
    /// Installs `sources`, and adds the results to the report.
    pub(super) fn run(
        &self,
        site: &Site,
        sources: Vec<Source>,
        report: &mut InstallReport,
    ) -> Result<()> {
        let folder = PathBuf::from(modules_folder(self.job.release));
        let tree = match self.is_dry_run {
            true => site.image.folder(&folder)?.map(Tree::of),
            false => Some(Tree::of(site.image.make_folder(&folder)?)),
        };
        let shown = |rel: &Path| self.root.join(&folder).join(rel);
        if let Some(tree) = tree.as_ref().filter(|_| !self.is_dry_run) {
            tree.make_folders(Path::new(&self.job.options.folder))?;
        }
        let work = |source| self.prepare(tree.as_ref(), source);
        let done = workers::map(sources, self.job.options.jobs, &work);
        let ready = match (done, &tree) {
            (Ok(ready), _) => ready,
            (Err(error), Some(tree)) => {
                self.remove_parts(tree)?;
                return Err(error);
            }
            (Err(error), None) => return Err(error),
        };
        for one in &ready {
            report.changes.push(InstallChange {
                action: one.action,
                name: one.source.name.clone(),
                release: self.job.release.to_owned(),
                path: shown(&one.rel),
            });
            for old in self.place(tree.as_ref(), one)? {
                report.changes.push(InstallChange {
                    action: InstallAction::Removed,
                    name: one.source.name.clone(),
                    release: self.job.release.to_owned(),
                    path: shown(&old),
                });
            }
        }
        self.index(site, ready, report)
    }

    /// Writes a module beside its place, unless it is there already.
    fn prepare(&self, tree: Option<&Tree>, source: Source) -> Result<Ready> {
        let bytes = source.read_again()?;
        let finished = self.job.finish.apply(&bytes, &source.name)?;
        let suffix = self.job.finish.compression.suffix();
        let rel = Path::new(&self.job.options.folder).join(format!("{}.ko{suffix}", source.name));
        let mut looks = Looks {
            sha256: sha256(&finished),
            size: finished.len() as u64,
            mode: 0,
            uid: 0,
            gid: 0,
            xattrs: BTreeMap::new(),
            target: None,
        };
        let there = match tree {
            None => None,
            Some(tree) => match tree.kind(&rel)? {
                Some(FileType::RegularFile) => tree.read(&rel)?,
                None => None,
                Some(_) => return Err(tree.refused(&rel, "is not a regular file")),
            },
        };
        let action = match there {
            Some(there) if there == finished => InstallAction::Unchanged,
            Some(_) => InstallAction::Updated,
            None => InstallAction::Installed,
        };
        if let Some(tree) = tree.filter(|_| !self.is_dry_run && action != InstallAction::Unchanged)
        {
            let file = tree.write_new(&part_of(&rel), &finished)?;
            looks = Looks::of_file(&file, looks.sha256)
                .map_err(|e| Error::reading("read", &tree.shown(&rel), e))?;
        }
        Ok(Ready {
            source,
            rel,
            action,
            looks,
        })
    }

    /// Puts a module in its place; the files of the same module with other suffixes, which go.
    fn place(&self, tree: Option<&Tree>, ready: &Ready) -> Result<Vec<PathBuf>> {
        let Some(tree) = tree else {
            return Ok(Vec::new());
        };
        if !self.is_dry_run && ready.action != InstallAction::Unchanged {
            tree.rename(&part_of(&ready.rel), &ready.rel)?;
        }
        let mut gone = Vec::new();
        for suffix in super::SUFFIXES {
            let name = format!("{}{suffix}", ready.source.name);
            let other = Path::new(&self.job.options.folder).join(name);
            if other != ready.rel && tree.kind(&other)? == Some(FileType::RegularFile) {
                if !self.is_dry_run {
                    tree.remove(&other)?;
                }
                gone.push(other);
            }
        }
        Ok(gone)
    }

    fn remove_parts(&self, tree: &Tree) -> Result<()> {
        let folder = Path::new(&self.job.options.folder);
        for name in tree.names(folder)? {
            if crate::sys::is_part(&name) {
                tree.remove(&folder.join(&name))?;
            }
        }
        Ok(())
    }

    /// Runs depmod if the root has this kernel.
    fn index(&self, site: &Site, ready: Vec<Ready>, report: &mut InstallReport) -> Result<()> {
        if !self.runs_depmod || self.is_dry_run {
            return Ok(());
        }
        let places = site.places(self.job.release)?;
        if !index::is_there(&places)? {
            report.notes.push(format!(
                "{} has no modules.dep, so depmod did not run. On the system that gets the modules, \
                 run:\n    depmod {}",
                self.root.join(modules_folder(self.job.release)).display(),
                self.job.release
            ));
            return Ok(());
        }
        let mut state = State::default();
        for one in ready {
            let path = format!("{}/{}", modules_folder(self.job.release), one.rel.display());
            state.files.insert(path, self.entry(one));
        }
        let mut touched = false;
        let rebuilt = index::rebuild(site, &places, (&state, &state.names()), &mut touched);
        if rebuilt.is_err() && touched {
            index::put_back(&places)?;
        }
        index::remove_parts(&places)?;
        report.notes.extend(rebuilt?);
        report.indexed.push(self.job.release.to_owned());
        Ok(())
    }

    fn entry(&self, ready: Ready) -> Entry {
        let source = ready.source;
        Entry {
            looks: ready.looks,
            module: Some(Module {
                name: source.name,
                depends: source.facts.depends,
                version: source.facts.version,
                origin: source.path.to_string_lossy().into_owned(),
                source: source.facts.sha256,
                fingerprint: self.job.finish.fingerprint(),
                load: false,
                is_override: false,
            }),
        }
    }
}
