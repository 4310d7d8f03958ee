//! Overrides for depmod, and the files of other packages that make them necessary.
//!
//! By default depmod prefers `updates/` to the rest of the folder, and the order of directory entries
//! decides between files of equal rank. A line in a file of ours makes our file win in each case.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rustix::fs::FileType;

use super::journal::State;
use super::places::{DEPMOD_D, Places, modules_folder};
use super::read_back::{kernel_name, name_of};
use crate::Result;

/// The path of our file for a release.
pub(super) fn path(release: &str) -> String {
    format!("{DEPMOD_D}/kbuild-rs-{release}.conf")
}

/// Every module file below the folder of a release that is not in `ours`, by its module.
pub(super) fn others(places: &Places, ours: &BTreeSet<&str>) -> Result<BTreeSet<String>> {
    let Some(modules) = places.modules() else {
        return Ok(BTreeSet::new());
    };
    let folder = modules_folder(&places.release);
    let mut found = BTreeSet::new();
    let mut visit = |path: &Path, kind: FileType| {
        let is_file = matches!(kind, FileType::RegularFile | FileType::Symlink);
        let Some(path) = path.to_str().filter(|_| is_file) else {
            return;
        };
        let is_ours = ours.contains(&*format!("{folder}/{path}"));
        found.extend(name_of(path).filter(|_| !is_ours));
    };
    modules.walk(Path::new(""), &|_| true, &mut visit)?;
    Ok(found)
}

/// The text of the file; `None` if no module needs it.
pub(super) fn text(state: &State, release: &str) -> Option<String> {
    let folder = modules_folder(release);
    let mut lines = BTreeMap::new();
    for (path, _, module) in state.modules().filter(|(_, _, module)| module.is_override) {
        let rel = path
            .strip_prefix(&folder)
            .unwrap_or(path)
            .trim_start_matches('/');
        let place = rel.rsplit_once('/').map_or("", |(place, _)| place);
        let line = format!("override {} {} {place}\n", module.name, pattern(release));
        lines.insert(kernel_name(&module.name), line);
    }
    if lines.is_empty() {
        return None;
    }
    let head = "# kbuild-rs wrote this file and removes it with the last of these modules.\n";
    Some(head.to_owned() + &lines.into_values().collect::<String>())
}

/// depmod reads the release as a regular expression, and drops backslashes.
fn pattern(release: &str) -> String {
    let mut pattern = String::from("^");
    for c in release.chars() {
        match c.is_ascii_alphanumeric() || "-_~".contains(c) {
            true => pattern.push(c),
            false => pattern.extend(['[', c, ']']),
        }
    }
    pattern.push('$');
    pattern
}
