//! Reads `modules.dep`, and checks that it leads to the files that are meant.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::index;
use super::journal::State;
use super::places::{Places, modules_folder};
use super::site::Site;
use crate::error::Advice;
use crate::{Error, ErrorKind, Result};

/// `modules.dep`: the file of each module, and the files that are loaded before it.
pub(super) struct Dep<'a> {
    lines: BTreeMap<String, (&'a str, Vec<&'a str>)>,
}

impl<'a> Dep<'a> {
    pub(super) fn parse(text: &'a str) -> Dep<'a> {
        let line = |line: &'a str| {
            let (path, needed) = line.split_once(':')?;
            Some((name_of(path)?, (path, needed.split_whitespace().collect())))
        };
        Dep {
            lines: text.lines().filter_map(line).collect(),
        }
    }

    /// The file of a module, below the folder of the release.
    pub(super) fn file(&self, name: &str) -> Option<&'a str> {
        self.lines.get(&kernel_name(name)).map(|(path, _)| *path)
    }

    #[cfg(feature = "fuzzing")]
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.lines.keys().map(String::as_str)
    }

    /// The files that are loaded before a module.
    pub(super) fn needed(&self, name: &str) -> &[&'a str] {
        let line = self.lines.get(&kernel_name(name));
        line.map_or(&[], |(_, needed)| needed)
    }
}

/// `updates/hello-world.ko.xz` -> `hello_world`
pub(super) fn name_of(path: &str) -> Option<String> {
    let file = path.rsplit('/').next()?;
    let stem = super::SUFFIXES
        .iter()
        .find_map(|suffix| file.strip_suffix(suffix));
    stem.map(kernel_name)
}

/// The kernel knows no difference between `-` and `_`.
pub(super) fn kernel_name(name: &str) -> String {
    name.replace('-', "_")
}

/// Fails if the index leads to another file than one of ours that `must` be right, or that one of
/// those needs. The remarks are about the others, and about modules that cannot be loaded yet.
pub(super) fn check(
    site: &Site,
    places: &Places,
    state: &State,
    text: &str,
    must: &BTreeSet<String>,
) -> Result<Vec<String>> {
    let dep = Dep::parse(text);
    let folder = modules_folder(&places.release);
    let ours: BTreeMap<String, &str> = state
        .modules()
        .filter_map(|(path, _, module)| {
            let rel = path.strip_prefix(&folder)?.strip_prefix('/')?;
            Some((kernel_name(&module.name), rel))
        })
        .collect();
    let mut remarks = remarks(places, state, &dep)?;
    for (name, rel) in &ours {
        match dep.file(name) {
            Some(found) if found == *rel => {}
            found if must.contains(name) => {
                return Err(wrong_file(site, places, name, rel, found));
            }
            _ => remarks.push(format!(
                "modprobe {name} does not load {}, which an earlier call installed. To see why:\n    \
                 kbuild-rs verify",
                site.image.shown(&Path::new(&folder).join(rel)).display()
            )),
        }
        for needed in dep.needed(name).iter().filter(|_| must.contains(name)) {
            let meant = name_of(needed).and_then(|name| ours.get(&name).copied());
            if meant.is_some_and(|meant| meant != *needed) {
                let meant = meant.unwrap_or(rel);
                return Err(wrong_file(site, places, name, meant, Some(needed)));
            }
        }
    }
    Ok(remarks)
}

fn remarks(places: &Places, state: &State, dep: &Dep<'_>) -> Result<Vec<String>> {
    let mut remarks = Vec::new();
    let mut builtin: Option<BTreeSet<String>> = None;
    for (_, _, module) in state.modules() {
        for needed in &module.depends {
            if dep.file(needed).is_some() {
                continue;
            }
            let builtin = match &mut builtin {
                Some(builtin) => builtin,
                none => none.insert(built_in(places)?),
            };
            if !builtin.contains(&kernel_name(needed)) {
                remarks.push(format!(
                    "{} needs the module {needed}, which is not installed for {}: install it, too",
                    module.name, places.release
                ));
            }
        }
    }
    Ok(remarks)
}

fn built_in(places: &Places) -> Result<BTreeSet<String>> {
    let Some(modules) = places.modules() else {
        return Ok(BTreeSet::new());
    };
    let bytes = modules
        .read(Path::new("modules.builtin"))?
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().filter_map(name_of).collect())
}

fn wrong_file(site: &Site, places: &Places, name: &str, ours: &str, found: Option<&str>) -> Error {
    let folder = modules_folder(&places.release);
    let shown = |rel: &str| site.image.shown(&Path::new(&folder).join(rel));
    let ours = shown(ours);
    let (what, advice) = match found {
        None => (
            "depmod leaves it out".to_owned(),
            "see what depmod says".to_owned(),
        ),
        Some(found) => (
            format!(
                "the depmod configuration of the root prefers {}",
                shown(found).display()
            ),
            "remove the line that prefers it from depmod.d, or move that file away".to_owned(),
        ),
    };
    let command = match found {
        None => index::command(site, &places.release),
        Some(found) => {
            let from = shown(found);
            let quoted = crate::syntax::shell_quote(from.as_os_str());
            format!("mv {quoted} {quoted}.off")
        }
    };
    Error::new(
        ErrorKind::NotOurs,
        format!(
            "modprobe {name} would not load {}: {what}. Nothing was changed. To install the module, \
             {advice}:\n    {command}",
            ours.display()
        ),
    )
    .advise(Advice::new("other-module-wins", advice))
}
