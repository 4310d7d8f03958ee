//! `Installation`: what is installed, and whether it still is what was installed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::journal::{Entry, State};
use super::opening::shared_files;
use super::places::Places;
use super::releases::Wanted;
use super::removal::installed;
use super::site::Site;
use super::{index, read_back};
use crate::Result;
use crate::sys::Looks;

/// The modules that kbuild-rs installed into a system or an image (feature `install`). Reads only.
#[derive(Debug, Clone)]
pub struct Installation {
    wanted: Wanted,
    root: PathBuf,
}

/// Whether a file is as it was installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum InstallState {
    /// It is.
    Intact,
    /// Its content, its owner, its mode or an attribute changed.
    Changed,
    /// It is gone.
    Missing,
}

/// An installed module.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct InstalledModule {
    /// The kernel release.
    pub release: String,
    /// The name of its file, without `.ko`.
    pub name: String,
    /// The file, below the root as it was named.
    pub path: PathBuf,
    /// `MODULE_VERSION`.
    pub version: Option<String>,
    /// The file that it was installed from.
    pub origin: PathBuf,
    /// The hash of the installed file.
    pub sha256: String,
    /// Whether the file is as it was installed.
    pub state: InstallState,
    /// Files that made room for it.
    pub displaced: Vec<PathBuf>,
}

/// A difference between the journal and the root.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct InstallProblem {
    /// The kernel release.
    pub release: String,
    /// The file, below the root as it was named.
    pub path: PathBuf,
    /// The problem and the action.
    pub message: String,
}

impl Installation {
    /// The modules in `root`.
    pub fn of(root: impl Into<PathBuf>) -> Installation {
        Installation {
            wanted: Wanted::default(),
            root: root.into(),
        }
    }

    /// Looks only at this release, or at the release of this kernel tree.
    pub fn kernel(&mut self, release: impl Into<String>) -> &mut Installation {
        self.wanted.named.push(release.into());
        self
    }

    /// The installed modules, by release and path.
    pub fn modules(&self) -> Result<Vec<InstalledModule>> {
        let site = Site::open(&self.root)?;
        let mut modules = Vec::new();
        for release in installed(&site, &self.wanted)? {
            let state = current(&site, &release)?;
            let places = site.places(&release)?;
            for (path, entry, module) in state.modules() {
                let displaced = state.displaced.iter().filter(|(_, d)| d.by == *path);
                modules.push(InstalledModule {
                    release: release.clone(),
                    name: module.name.clone(),
                    path: places.shown(path),
                    version: module.version.clone(),
                    origin: PathBuf::from(&module.origin),
                    sha256: entry.looks.sha256.clone(),
                    state: state_of(&places, path, entry)?.0,
                    displaced: displaced.map(|(path, _)| places.shown(path)).collect(),
                });
            }
        }
        Ok(modules)
    }

    /// Releases whose last change was interrupted. The next installation, removal or rollback undoes
    /// it.
    pub fn interrupted(&self) -> Result<Vec<String>> {
        let (_, pending) = Site::open(&self.root)?.releases()?;
        Ok(pending.into_iter().collect())
    }

    /// Compares every file with the journal, and `modules.dep` with the files. Empty if all is right.
    pub fn verify(&self) -> Result<Vec<InstallProblem>> {
        let site = Site::open(&self.root)?;
        let mut problems = Vec::new();
        let (_, pending) = site.releases()?;
        for release in pending {
            let path = site.image.shown(Path::new(super::site::STATE));
            problems.push(InstallProblem {
                message: format!(
                    "the last change of the modules of {release} was interrupted; the next install, \
                     uninstall or rollback undoes it"
                ),
                release,
                path,
            });
        }
        for release in installed(&site, &self.wanted)? {
            let state = current(&site, &release)?;
            let places = site.places(&release)?;
            let mut tell = |path: PathBuf, message: String| {
                let release = release.clone();
                problems.push(InstallProblem {
                    release,
                    path,
                    message,
                });
            };
            for (path, entry) in &state.files {
                if let (_, Some(message)) = state_of(&places, path, entry)? {
                    tell(places.shown(path), message);
                }
            }
            for (path, displaced) in &state.displaced {
                if !site.store()?.has(&displaced.looks) {
                    let message = "the file that made room is not in the store any more: uninstall \
                                   cannot restore it";
                    tell(places.shown(path), message.to_owned());
                }
            }
            check_rollback(&site, &places, &mut tell)?;
            check_index(&site, &places, &state, &mut tell)?;
        }
        Ok(problems)
    }
}

fn current(site: &Site, release: &str) -> Result<State> {
    let journal = site.journal(release)?;
    Ok(journal.map(|journal| journal.current).unwrap_or_default())
}

/// The state of a file, and what is wrong with it.
fn state_of(places: &Places, path: &str, entry: &Entry) -> Result<(InstallState, Option<String>)> {
    let wanted = &entry.looks;
    let Some(there) = places.look(path)? else {
        let message = "is missing: install the module again".to_owned();
        return Ok((InstallState::Missing, Some(message)));
    };
    let Some(what) = difference(&there, wanted) else {
        return Ok((InstallState::Intact, None));
    };
    Ok((
        InstallState::Changed,
        Some(format!(
            "{what} since it was installed. To install the module again:\n    kbuild-rs install \
             --replace"
        )),
    ))
}

fn difference(there: &Looks, wanted: &Looks) -> Option<String> {
    if !there.has_content_of(wanted) {
        return Some("its content changed".to_owned());
    }
    if (there.uid, there.gid) != (wanted.uid, wanted.gid) {
        let (old, new) = ((wanted.uid, wanted.gid), (there.uid, there.gid));
        return Some(format!(
            "its owner changed from {}:{} to {}:{}",
            old.0, old.1, new.0, new.1
        ));
    }
    if there.mode != wanted.mode {
        return Some(format!(
            "its mode changed from {:o} to {:o}",
            wanted.mode, there.mode
        ));
    }
    let names: BTreeSet<&String> = there.xattrs.keys().chain(wanted.xattrs.keys()).collect();
    let mut names = names.into_iter();
    let changed = names.find(|name| there.xattrs.get(*name) != wanted.xattrs.get(*name))?;
    Some(format!("its attribute {changed} changed"))
}

/// Files that made room and are lost are problems of `uninstall` already.
fn check_rollback(
    site: &Site,
    places: &Places,
    tell: &mut dyn FnMut(PathBuf, String),
) -> Result<()> {
    let Some(journal) = site.journal(&places.release)? else {
        return Ok(());
    };
    let store = site.store()?;
    // A file that another release uses is not in the store, but in its place.
    let shared = shared_files(site, &places.release)?;
    for (path, looks) in journal.kept_for_rollback() {
        let is_told = journal.current.displaced.contains_key(path);
        if !is_told && !shared.contains_key(path) && !store.has(looks) {
            let message = "its earlier version is not in the store any more: rollback cannot restore \
                           it. After the next installation, rollback works again";
            tell(places.shown(path), message.to_owned());
        }
    }
    Ok(())
}

fn check_index(
    site: &Site,
    places: &Places,
    state: &State,
    tell: &mut dyn FnMut(PathBuf, String),
) -> Result<()> {
    let Some(dep) = index::dep(places)? else {
        return Ok(());
    };
    let dep = read_back::Dep::parse(&dep);
    let folder = super::places::modules_folder(&places.release);
    for (path, _, module) in state.modules() {
        let rel = path
            .strip_prefix(&folder)
            .unwrap_or(path)
            .trim_start_matches('/');
        let command = index::command(site, &places.release);
        match dep.file(&module.name) {
            Some(found) if found == rel => {}
            Some(found) => tell(
                places.shown(path),
                format!("modprobe loads {found} instead. Run:\n    {command}"),
            ),
            None => tell(
                places.shown(path),
                format!(
                    "modules.dep does not list it, so modprobe does not find it. Run:\n    {command}"
                ),
            ),
        }
    }
    Ok(())
}
