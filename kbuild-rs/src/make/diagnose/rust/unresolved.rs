//! Finds paths that rustc does not find, from its message and the source.

use super::message::{Message, quoted};
use super::source_paths;

/// The kernel's crates that a module may name.
const CRATES: &[&str] = &["kernel", "pin_init"];
/// The code of an error about a private item.
pub(super) const PRIVATE: &str = "E0603";

/// The paths into the kernel's crates that rustc does not find, each with the index of the segment
/// to look for.
pub(super) fn paths_in(message: &Message) -> Vec<(Vec<String>, usize)> {
    let split = |path: &str| -> Vec<String> { path.split("::").map(str::to_owned).collect() };
    let of_kernel = |path: &[String]| CRATES.contains(&&*path[0]);
    let there = || message.place().map(source_paths::at).unwrap_or_default();
    let mut found = Vec::new();
    if message.code == "E0432" {
        for failing in quoted(&message.text).map(split) {
            if !of_kernel(&failing) {
                continue;
            }
            let mut paths = there();
            paths.retain(|path| path.starts_with(&failing));
            if paths.is_empty() {
                paths.push(failing.clone());
            }
            found.extend(paths.into_iter().map(|path| {
                let at = target(&path, failing.len() - 1);
                (path, at)
            }));
        }
        return found;
    }
    let Some((name, container)) = name_and_container(message) else {
        return found;
    };
    for path in there() {
        let fits = |at: &usize| path[*at] == name && container.is_none_or(|c| path[at - 1] == c);
        let at = (1..path.len()).find(fits);
        // `bindings::x`, after `use kernel::bindings`.
        let imported = path[0] == "bindings" && message.text.ends_with(" in crate `bindings`");
        if let Some(at) = at.filter(|_| of_kernel(&path) || imported) {
            let at = target(&path, at);
            found.push((path, at));
        }
    }
    found
}

/// `X` and `y` of ``cannot find type `X` in module `kernel::y```` and ``could not find `X` in `y```;
/// `X` of ``trait `X` is private``.
fn name_and_container(message: &Message) -> Option<(&str, Option<&str>)> {
    let mut names = quoted(&message.text);
    let name = names.next()?;
    if message.code == PRIVATE {
        return Some((name, None));
    }
    let words = ["cannot find ", "could not find "];
    let is_missing = words.iter().any(|words| message.text.contains(words));
    let container = names.next()?.rsplit("::").next();
    (is_missing && message.code.starts_with("E04")).then_some((name, container))
}

/// The index of the segment to look for if the one at `from` is missing. It is the item, not a
/// module on the way to it and not a function of a type.
fn target(path: &[String], from: usize) -> usize {
    let is_type = |word: &String| word.starts_with(|c: char| c.is_ascii_uppercase());
    (from..path.len())
        .find(|&at| is_type(&path[at]))
        .unwrap_or(path.len() - 1)
}
