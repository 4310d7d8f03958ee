//! Which modules of a call need which others.

use std::collections::BTreeSet;

use kbuild::Finished;

/// The indices of the modules in `all` that `module` needs: those in its `depends`, and those that
/// export a symbol that it imports. A module that was built without the symbols of another one has
/// an incomplete `depends`.
pub(super) fn of(module: &Finished, all: &[&Finished]) -> BTreeSet<usize> {
    let imports: BTreeSet<&str> = module
        .info
        .imports
        .iter()
        .filter(|import| !import.weak)
        .map(|import| import.name.as_str())
        .collect();
    let is_needed = |other: &Finished| {
        let is_same = other.info.release == module.info.release;
        let is_named = module.info.depends.contains(&other.info.name);
        let exports = other.info.exports.iter();
        let mut names = exports.map(|export| export.name.as_str());
        is_same
            && other.info.name != module.info.name
            && (is_named || names.any(|name| imports.contains(name)))
    };
    let found = all.iter().enumerate().filter(|(_, other)| is_needed(other));
    found.map(|(index, _)| index).collect()
}
