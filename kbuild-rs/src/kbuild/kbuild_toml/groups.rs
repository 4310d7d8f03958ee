//! The requirements of a `kbuild.toml`, out of its strings.

use std::collections::{BTreeMap, BTreeSet};

use super::{KINDS, Leaf, StatedInFile, Step, names};

/// Requirements, and their paths.
type Grouped = (Vec<StatedInFile>, BTreeSet<Vec<Step>>);

/// Puts the strings of each requirement together.
pub(super) fn requirements(
    leaves: impl Iterator<Item = (usize, Leaf)>,
) -> Result<Grouped, (usize, String)> {
    let mut groups: Vec<(Vec<Step>, StatedInFile)> = Vec::new();
    let mut places: BTreeMap<Vec<Step>, usize> = BTreeMap::new();
    for (line, Leaf { mut path, text, .. }) in leaves {
        let is_reason = path.last() == Some(&Step::Key("reason".to_owned())) && path.len() > 2;
        let is_check = path.last() == Some(&Step::Key("check".to_owned())) && path.len() > 2;
        if is_reason || is_check {
            path.pop();
        }
        let kind = match &path[..] {
            [_, Step::Key(kind)] | [_, Step::Key(kind), Step::Index(_)] => {
                KINDS.iter().find(|(name, _)| name == kind)
            }
            _ => None,
        };
        let Some((_, kind)) = kind else {
            let name = names(&path).join(".");
            let what = match names(&path).len() {
                1 => "a table: write [requires] and lines such as config = [\"CONFIG_X\"]",
                _ => "a string, a table with `check` and `reason`, or a list of these",
            };
            return Err((line, format!("`{name}` must be {what}")));
        };
        let place = *places.entry(path.clone()).or_insert(groups.len());
        if place == groups.len() {
            let group = StatedInFile {
                kind: *kind,
                text: String::new(),
                reason: None,
                line,
            };
            groups.push((path, group));
        }
        let (_, group) = &mut groups[place];
        if is_reason {
            group.reason = Some(text);
        } else {
            (group.text, group.line) = (text, line);
        }
    }
    let empty = groups
        .iter()
        .find(|(_, group)| group.text.trim().is_empty());
    if let Some((path, group)) = empty {
        return Err((group.line, no_check(path)));
    }
    let paths = places.into_keys().collect();
    Ok((groups.into_iter().map(|(_, group)| group).collect(), paths))
}

pub(super) fn no_check(path: &[Step]) -> String {
    let name = names(path).join(".");
    format!("an entry of `{name}` has no `check`")
}
