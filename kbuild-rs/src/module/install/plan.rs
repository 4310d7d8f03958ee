//! From built modules to the state that a release shall have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::conflict;
use super::journal::{Displaced, Entry, Module, State};
use super::memory::{Memory, origin};
use super::overrides;
use super::parts::Content;
use super::places::{MODULES_LOAD_D, Places, modules_folder};
use super::read_back::kernel_name;
use super::reconcile::{Disk, look, reconcile};
use super::report::{InstallAction, InstallChange};
use super::select::Source;
use super::transaction::Draft;
use crate::Result;
use crate::module::finish::Finish;
use crate::sys::Looks;

/// The options of an installation, without the modules.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// The folder below that of the release.
    pub(super) folder: String,
    pub(super) replaces: bool,
    pub(super) is_hard_link: bool,
    pub(super) loads: bool,
    pub(super) jobs: usize,
}

/// The plan for one release.
#[derive(Debug)]
pub(super) struct Plan {
    /// The state that the disk has now.
    pub(super) from: State,
    pub(super) draft: Draft,
    pub(super) changes: Vec<InstallChange>,
}

impl Plan {
    /// Whether the files are as they shall be.
    pub(super) fn is_done(&self) -> bool {
        self.draft.contents.is_empty() && self.draft.state == self.from
    }
}

pub(super) struct Planner<'a> {
    pub(super) places: &'a Places,
    pub(super) options: &'a Options,
    pub(super) finish: Arc<Finish>,
    /// Files that other releases have installed, too.
    pub(super) shared: &'a BTreeMap<String, Entry>,
    pub(super) memory: &'a Memory,
}

impl Planner<'_> {
    pub(super) fn plan(&self, journal: &State, sources: Vec<Source>) -> Result<Plan> {
        let release = self.places.release.clone();
        let mut seen = BTreeSet::new();
        let mut installed: BTreeMap<String, Vec<&String>> = BTreeMap::new();
        for (path, _, module) in journal.modules() {
            let of_name = installed.entry(kernel_name(&module.name));
            of_name.or_default().push(path);
        }
        let paths: Vec<_> = sources
            .iter()
            .map(|source| self.paths(&installed, source))
            .collect();
        for (_, candidates) in &paths {
            seen.extend(candidates.iter().cloned());
        }
        seen.insert(overrides::path(&release));
        seen.extend(sources.iter().map(load_path));
        let disk = look(self.places, seen.clone(), self.options.jobs, self.memory)?;
        let (from, _) = reconcile(journal, &seen, &disk);
        let mut plan = Plan {
            draft: Draft {
                state: from.clone(),
                ..Draft::default()
            },
            from,
            changes: Vec::new(),
        };
        for (source, (path, candidates)) in sources.iter().zip(paths) {
            self.module(&mut plan, source, &path, &candidates, &disk)?;
        }
        self.configuration(&mut plan, &sources, &disk)?;
        Ok(plan)
    }

    /// The path of a module, and all paths that must not hold another file of its name. `installed`
    /// has the files of each module.
    fn paths(
        &self,
        installed: &BTreeMap<String, Vec<&String>>,
        source: &Source,
    ) -> (String, Vec<String>) {
        let folder = format!(
            "{}/{}",
            modules_folder(&self.places.release),
            self.options.folder
        );
        let suffix = self.finish.compression.suffix();
        let path = format!("{folder}/{}.ko{suffix}", source.name);
        let in_folder = super::SUFFIXES
            .iter()
            .map(|s| format!("{folder}/{}{s}", source.name));
        let mut candidates: Vec<String> = in_folder.collect();
        for own in installed
            .get(&kernel_name(&source.name))
            .into_iter()
            .flatten()
        {
            if !candidates.contains(own) {
                candidates.push((*own).clone());
            }
        }
        (path, candidates)
    }

    fn module(
        &self,
        plan: &mut Plan,
        source: &Source,
        path: &str,
        candidates: &[String],
        disk: &Disk,
    ) -> Result<()> {
        let wanted = self.entry(source);
        let mut is_update = false;
        let mut loads = self.options.loads;
        for candidate in candidates {
            let old = plan.draft.state.files.remove(candidate);
            match (old, disk.get(candidate)) {
                (Some(old), Some(there)) => {
                    is_update = true;
                    let module = old.module.as_ref();
                    loads |= module.is_some_and(|module| module.load);
                    if candidate == path && is_same(&old, &wanted) {
                        if has_access_of(there, &old.looks) {
                            self.unchanged(plan, path, old, loads);
                            continue;
                        }
                        // The transaction shall see a difference, and restore the mode.
                        let entry = plan.from.files.get_mut(path);
                        entry
                            .into_iter()
                            .for_each(|entry| entry.looks = there.clone());
                    }
                    if candidate != path {
                        self.tell(plan, InstallAction::Removed, source, candidate);
                    }
                }
                (_, Some(foreign)) => self.displace(plan, source, candidate, (path, foreign))?,
                (_, None) => {}
            }
        }
        for displaced in plan.draft.state.displaced.values_mut() {
            if candidates.contains(&displaced.by) {
                path.clone_into(&mut displaced.by);
            }
        }
        if plan.draft.state.files.contains_key(path) {
            return Ok(());
        }
        let mut entry = wanted;
        if let Some(module) = &mut entry.module {
            module.load = loads;
        }
        let content = Content::Module {
            source: source.clone(),
            finish: self.finish.clone(),
            is_hard_link: self.options.is_hard_link,
        };
        plan.draft.state.files.insert(path.to_owned(), entry);
        plan.draft.contents.insert(path.to_owned(), content);
        let action = match is_update {
            true => InstallAction::Updated,
            false => InstallAction::Installed,
        };
        self.tell(plan, action, source, path);
        Ok(())
    }

    fn unchanged(&self, plan: &mut Plan, path: &str, mut entry: Entry, loads: bool) {
        if let Some(module) = &mut entry.module {
            module.load = loads;
            let change = InstallChange {
                action: InstallAction::Unchanged,
                name: module.name.clone(),
                release: self.places.release.clone(),
                path: self.places.shown(path),
            };
            plan.changes.push(change);
        }
        plan.draft.state.files.insert(path.to_owned(), entry);
    }

    /// A foreign file makes room, if the user wants it.
    fn displace(
        &self,
        plan: &mut Plan,
        source: &Source,
        at: &str,
        (by, looks): (&str, &Looks),
    ) -> Result<()> {
        if !self.options.replaces {
            return Err(conflict::in_the_way(&self.places.shown(at)));
        }
        let displaced = Displaced {
            looks: looks.clone(),
            by: by.to_owned(),
        };
        plan.draft.state.displaced.insert(at.to_owned(), displaced);
        self.tell(plan, InstallAction::Displaced, source, at);
        Ok(())
    }

    /// Our files for depmod and for the boot.
    fn configuration(&self, plan: &mut Plan, sources: &[Source], disk: &Disk) -> Result<()> {
        let (from, state) = (&plan.from, &plan.draft.state);
        let ours: BTreeSet<&str> = from
            .paths()
            .chain(state.paths())
            .map(String::as_str)
            .collect();
        let others = overrides::others(self.places, &ours)?;
        let release = &self.places.release;
        for entry in plan.draft.state.files.values_mut() {
            if let Some(module) = &mut entry.module {
                module.is_override = others.contains(&kernel_name(&module.name));
            }
        }
        let text = overrides::text(&plan.draft.state, release);
        self.file(plan, overrides::path(release), text, disk)?;
        let modules = plan.draft.state.modules();
        let loaded = modules.filter(|(_, _, module)| module.load);
        let loaded: BTreeSet<String> = loaded.map(|(_, _, module)| module.name.clone()).collect();
        for source in sources {
            let path = load_path(source);
            let text = loaded.contains(&source.name).then(|| {
                format!(
                    "# kbuild-rs wrote this file and removes it with the module.\n{}\n",
                    source.name
                )
            });
            self.file(plan, path, text, disk)?;
        }
        Ok(())
    }

    /// A file of configuration with this text, or none.
    fn file(&self, plan: &mut Plan, path: String, text: Option<String>, disk: &Disk) -> Result<()> {
        let there = disk.get(&path);
        let is_ours = plan.from.files.contains_key(&path);
        let Some(text) = text else {
            plan.draft.state.files.remove(&path);
            return Ok(());
        };
        if let Some(entry) = self.shared.get(&path) {
            // Another release has installed it already.
            plan.draft.state.files.insert(path, entry.clone());
            return Ok(());
        }
        let sha256 = crate::sys::tree::sha256(text.as_bytes());
        match there {
            Some(there) if is_ours && there.sha256 == sha256 => return Ok(()),
            Some(_) if is_ours => {}
            Some(_) if !self.options.replaces => {
                return Err(conflict::in_the_way(&self.places.shown(&path)));
            }
            Some(foreign) => {
                let displaced = Displaced {
                    looks: foreign.clone(),
                    by: path.clone(),
                };
                plan.draft.state.displaced.insert(path.clone(), displaced);
            }
            None => {}
        }
        let entry = Entry {
            looks: unknown(),
            module: None,
        };
        plan.draft.state.files.insert(path.clone(), entry);
        plan.draft
            .contents
            .insert(path, Content::Bytes(text.into_bytes()));
        Ok(())
    }

    fn entry(&self, source: &Source) -> Entry {
        Entry {
            looks: unknown(),
            module: Some(Module {
                name: source.name.clone(),
                depends: source.facts.depends.clone(),
                version: source.facts.version.clone(),
                origin: origin(&source.path),
                source: source.facts.sha256.clone(),
                fingerprint: self.finish.fingerprint(),
                load: false,
                is_override: false,
            }),
        }
    }

    fn tell(&self, plan: &mut Plan, action: InstallAction, source: &Source, path: &str) {
        plan.changes.push(InstallChange {
            action,
            name: source.name.clone(),
            release: self.places.release.clone(),
            path: self.places.shown(path),
        });
    }
}

/// Whether an installed module was made from the same bytes in the same way.
fn is_same(old: &Entry, wanted: &Entry) -> bool {
    let key = |entry: &Entry| {
        let module = entry.module.as_ref()?;
        Some((module.source.clone(), module.fingerprint.clone()))
    };
    key(old).is_some() && key(old) == key(wanted)
}

/// Whether the same users may read and write both files.
fn has_access_of(there: &Looks, installed: &Looks) -> bool {
    let access = |looks: &Looks| (looks.mode, looks.uid, looks.gid);
    access(there) == access(installed)
}

/// The file that loads a module at boot.
fn load_path(source: &Source) -> String {
    format!("{MODULES_LOAD_D}/kbuild-rs-{}.conf", source.name)
}

/// The looks of a file that is not written yet.
pub(super) fn unknown() -> Looks {
    Looks {
        sha256: String::new(),
        size: 0,
        mode: 0,
        uid: 0,
        gid: 0,
        xattrs: BTreeMap::new(),
        target: None,
    }
}
