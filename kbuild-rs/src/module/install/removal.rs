//! `Uninstall`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::journal::{Entry, Module, State};
use super::memory::Memory;
use super::opening::shared_files;
use super::overrides;
use super::parts::Content;
use super::places::{MODULES_LOAD_D, Places};
use super::read_back::{kernel_name, name_of};
use super::reconcile::{Drift, look, reconcile};
use super::releases::Wanted;
use super::report::{InstallAction, InstallChange, InstallReport};
use super::scope::Scope;
use super::site::Site;
use super::transaction::{Draft, How};
use crate::{Error, Result};

/// Removes installed modules from a system or an image (feature `install`).
///
/// A file that made room for a module comes back. When no module of kbuild-rs is left, the root is
/// as it was: the journal and the folders that were created go, too.
#[derive(Debug, Clone, Default)]
pub struct Uninstall {
    names: Vec<String>,
    is_all: bool,
    scope: Scope,
}

impl Uninstall {
    /// A removal from the running system.
    pub fn new() -> Uninstall {
        Uninstall::default()
    }

    /// Adds a module, by its name.
    pub fn module(&mut self, name: impl Into<String>) -> &mut Uninstall {
        self.names.push(name.into());
        self
    }

    /// Whether all modules are removed.
    pub fn all(&mut self, yes: bool) -> &mut Uninstall {
        self.is_all = yes;
        self
    }

    /// Removes only for this release, or for the release of this kernel tree. Default: for all.
    pub fn kernel(&mut self, release: impl Into<String>) -> &mut Uninstall {
        self.scope.wanted.named.push(release.into());
        self
    }

    /// The root of the system or image. Default: `/`.
    pub fn root(&mut self, root: impl Into<PathBuf>) -> &mut Uninstall {
        self.scope.root = root.into();
        self
    }

    /// Whether depmod runs. Default: yes, if the release has a `modules.dep`.
    pub fn depmod(&mut self, yes: bool) -> &mut Uninstall {
        self.scope.runs_depmod = yes;
        self
    }

    /// Whether nothing is written: the report says what would be.
    pub fn dry_run(&mut self, yes: bool) -> &mut Uninstall {
        self.scope.is_dry_run = yes;
        self
    }

    /// Removes the modules. `say` gets what the user should know while it works.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a module that is not
    /// installed, and those of [`Install::run`](super::Install::run).
    pub fn run(&self, say: &dyn Fn(&str)) -> Result<InstallReport> {
        let mut site = self.scope.open(false, say)?;
        let releases = installed(&site, &self.scope.wanted)?;
        let mut known = BTreeMap::new();
        for release in &releases {
            let journal = site.journal(release)?;
            known.insert(
                release,
                journal.map(|journal| journal.current).unwrap_or_default(),
            );
        }
        for name in &self.names {
            let is_installed = known.values().any(|state| {
                let mut modules = state.modules();
                modules.any(|(_, _, module)| is_named(module, name))
            });
            if !is_installed {
                return Err(self.not_installed(name));
            }
        }
        let mut report = InstallReport::default();
        for (release, state) in known {
            let goes = |module: &Module| {
                self.is_all || self.names.iter().any(|name| is_named(module, name))
            };
            if state.modules().any(|(_, _, module)| goes(module)) {
                self.one(&mut site, release, (&state, &goes), &mut report)?;
            }
        }
        Ok(report)
    }

    fn not_installed(&self, name: &str) -> Error {
        let root = crate::syntax::shell_quote(self.scope.root.as_os_str());
        Error::input(format!(
            "kbuild-rs has not installed a module {name} in {}. To list the installed modules:\n    \
             kbuild-rs status --root {root}",
            self.scope.root.display(),
        ))
    }

    fn one(
        &self,
        site: &mut Site,
        release: &str,
        (journal, goes): (&State, &dyn Fn(&Module) -> bool),
        report: &mut InstallReport,
    ) -> Result<()> {
        let places = site.places(release)?;
        let shared = shared_files(site, release)?;
        let seen: BTreeSet<String> = journal.paths().cloned().collect();
        let disk = look(&places, seen.clone(), 1, &Memory::default())?;
        let (from, drift) = reconcile(journal, &seen, &disk);
        let stays = drift.iter().filter(|(_, drift)| **drift == Drift::Changed);
        report.notes.extend(stays.map(|(path, _)| {
            let shown = places.shown(path);
            format!(
                "{} was changed since it was installed, so it stays",
                shown.display()
            )
        }));
        let mut draft = Draft {
            state: from.clone(),
            ..Draft::default()
        };
        let mut tell = |action, name: &str, path: &str| {
            report.changes.push(InstallChange {
                action,
                name: name.to_owned(),
                release: release.to_owned(),
                path: places.shown(path),
            });
        };
        for (path, _, module) in from.modules().filter(|(_, _, module)| goes(module)) {
            draft.state.files.remove(path);
            draft
                .state
                .files
                .remove(&format!("{MODULES_LOAD_D}/kbuild-rs-{}.conf", module.name));
            tell(InstallAction::Removed, &module.name, path);
        }
        configuration(&mut draft, &places);
        let kept = &draft.state.files;
        draft.state.displaced.retain(|path, displaced| {
            let stays = kept.contains_key(&displaced.by);
            if !stays {
                let name = name_of(path).unwrap_or_default();
                tell(InstallAction::Restored, &name, path);
            }
            stays
        });
        let how = How {
            shared: shared.into_keys().collect(),
            ..How::default()
        };
        let change = (release, &from);
        self.scope.change(site, change, draft, how, report)
    }
}

/// The file with overrides, for the modules that stay.
fn configuration(draft: &mut Draft, places: &Places) {
    let path = overrides::path(&places.release);
    let Some(entry) = draft.state.files.get(&path) else {
        return;
    };
    match overrides::text(&draft.state, &places.release) {
        None => drop(draft.state.files.remove(&path)),
        Some(text) if crate::sys::tree::sha256(text.as_bytes()) == entry.looks.sha256 => {}
        Some(text) => {
            draft
                .contents
                .insert(path, Content::Bytes(text.into_bytes()));
        }
    }
}

fn is_named(module: &Module, name: &str) -> bool {
    // A user may name the file.
    let name = name_of(name).unwrap_or_else(|| kernel_name(name));
    kernel_name(&module.name) == name
}

/// The releases with a journal that a call means.
pub(super) fn installed(site: &Site, wanted: &Wanted) -> Result<Vec<String>> {
    let (installed, _) = site.releases()?;
    let named = wanted.resolved()?;
    if let Some(unknown) = named.iter().find(|release| !installed.contains(*release)) {
        return Err(Error::input(format!(
            "kbuild-rs has not installed a module for {unknown} in {}",
            site.image.path().display()
        )));
    }
    let is_wanted = |release: &String| named.is_empty() || named.contains(release);
    Ok(installed.into_iter().filter(is_wanted).collect())
}

/// The modules of two states: what a change from one to the other does.
pub(super) fn differences(places: &Places, from: &State, to: &State) -> Vec<InstallChange> {
    let modules = |state: &State| -> BTreeMap<String, Entry> {
        let modules = state.modules();
        modules
            .map(|(path, entry, _)| (path.clone(), entry.clone()))
            .collect()
    };
    let (before, after) = (modules(from), modules(to));
    let mut changes = Vec::new();
    let mut tell = |action, path: &String, entry: &Entry| {
        changes.push(InstallChange {
            action,
            name: entry
                .module
                .as_ref()
                .map(|m| m.name.clone())
                .unwrap_or_default(),
            release: places.release.clone(),
            path: places.shown(path),
        });
    };
    for (path, entry) in &after {
        match before.get(path) {
            None => tell(InstallAction::Installed, path, entry),
            Some(old) if old.looks != entry.looks => tell(InstallAction::Updated, path, entry),
            Some(_) => tell(InstallAction::Unchanged, path, entry),
        }
    }
    for (path, entry) in before.iter().filter(|(path, _)| !after.contains_key(*path)) {
        tell(InstallAction::Removed, path, entry);
    }
    changes
}
