//! `Rollback`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::conflict;
use super::memory::Memory;
use super::opening::shared_files;
use super::reconcile::{look, reconcile};
use super::removal::{differences, installed};
use super::report::InstallReport;
use super::scope::Scope;
use super::site::Site;
use super::transaction::{Draft, How};
use crate::{Error, Result};

/// Goes back to the modules before the last installation or removal (feature `install`).
///
/// A second rollback goes forward again. After the last module was removed, no journal is left, and
/// there is nothing to go back to.
#[derive(Debug, Clone, Default)]
pub struct Rollback {
    scope: Scope,
}

impl Rollback {
    /// A rollback of the running system.
    pub fn new() -> Rollback {
        Rollback::default()
    }

    /// Only for this release, or for the release of this kernel tree. Needed if modules are
    /// installed for several.
    pub fn kernel(&mut self, release: impl Into<String>) -> &mut Rollback {
        self.scope.wanted.named.push(release.into());
        self
    }

    /// For every release with modules.
    pub fn all_kernels(&mut self, yes: bool) -> &mut Rollback {
        self.scope.wanted.all = yes;
        self
    }

    /// The root of the system or image. Default: `/`.
    pub fn root(&mut self, root: impl Into<PathBuf>) -> &mut Rollback {
        self.scope.root = root.into();
        self
    }

    /// Whether depmod runs. Default: yes, if the release has a `modules.dep`.
    pub fn depmod(&mut self, yes: bool) -> &mut Rollback {
        self.scope.runs_depmod = yes;
        self
    }

    /// Whether nothing is written: the report says what would be.
    pub fn dry_run(&mut self, yes: bool) -> &mut Rollback {
        self.scope.is_dry_run = yes;
        self
    }

    /// Goes back. `say` gets what the user should know while it works.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if there is nothing to go back to,
    /// and those of [`Install::run`](super::Install::run).
    pub fn run(&self, say: &dyn Fn(&str)) -> Result<InstallReport> {
        let mut site = self.scope.open(false, say)?;
        let releases = installed(&site, &self.scope.wanted)?;
        if releases.is_empty() {
            return Err(Error::input(format!(
                "kbuild-rs has not installed a module in {}: there is nothing to go back to",
                self.scope.root.display()
            )));
        }
        if releases.len() > 1 && self.scope.wanted.named.is_empty() && !self.scope.wanted.all {
            return Err(Error::input(format!(
                "modules are installed for several kernels: name one with --kernel, or use \
                 --all-kernels:\n    {}",
                releases.join("\n    ")
            )));
        }
        let mut report = InstallReport::default();
        for release in releases {
            self.one(&mut site, &release, &mut report)?;
        }
        Ok(report)
    }

    fn one(&self, site: &mut Site, release: &str, report: &mut InstallReport) -> Result<()> {
        let nothing = || {
            Error::input(format!(
                "there is no earlier state of the modules for {release}"
            ))
        };
        let journal = site.journal(release)?.ok_or_else(nothing)?;
        let mut state = journal.previous.ok_or_else(nothing)?;
        let places = site.places(release)?;
        let shared = shared_files(site, release)?;
        let current = journal.current;
        let seen: BTreeSet<String> = current.paths().chain(state.paths()).cloned().collect();
        let disk = look(&places, seen.clone(), 1, &Memory::default())?;
        let (from, _) = reconcile(&current, &seen, &disk);
        for path in state.paths().cloned().collect::<Vec<_>>() {
            if from.manages(&path) || shared.contains_key(&path) {
                continue;
            }
            match (disk.get(&path), state.displaced.get(&path)) {
                (Some(there), Some(kept)) if there.has_content_of(&kept.looks) => {}
                (Some(_), _) => return Err(conflict::blocks_rollback(&places.shown(&path))),
                // Its owner has removed it meanwhile.
                (None, _) => drop(state.displaced.remove(&path)),
            }
        }
        report.changes.extend(differences(&places, &from, &state));
        let how = How {
            must: state.names(),
            shared: shared.into_keys().collect(),
            ..How::default()
        };
        let draft = Draft {
            state,
            ..Draft::default()
        };
        self.scope
            .change(site, (release, &from), draft, how, report)
    }
}
