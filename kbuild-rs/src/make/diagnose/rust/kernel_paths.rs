//! Names that the `kernel` crate has elsewhere, or does not have.

use std::collections::BTreeSet;

use super::absent::Absent;
use super::catalog::{Catalog, Found};
use super::message::{Message, quoted};
use super::paths;
use crate::make::diagnose::Knowledge;
use crate::regular;

/// The kernel's crates that a module may name.
const CRATES: &[&str] = &["kernel", "pin_init"];
/// The code of an error about a private item.
const PRIVATE: &str = "E0603";
const MAX_SHOWN: usize = 3;

/// Explains paths into the kernel's crates that rustc does not find. A name that these crates do not
/// have anywhere goes to `absent`.
pub(super) fn explain<'a>(
    message: &Message,
    know: &Knowledge,
    catalog: &dyn Fn() -> &'a Catalog,
    absent: &mut Absent,
) -> Vec<(String, String)> {
    let mut explained = Vec::new();
    for (path, at) in missing(message) {
        let wanted = path[..=at].join("::");
        let name = &path[at];
        if path[..at].ends_with(&["bindings".to_owned()]) {
            absent.bindings.insert(name.clone());
            continue;
        }
        let text = match catalog().is_empty() {
            true => Some(format!(
                "the kernel {} has no {wanted}: the kernel crate differs from release to release. \
                 Look for {name} in rust/kernel of that kernel's source",
                know.release
            )),
            false => look_up((&wanted, name), message, know, (catalog(), &mut *absent)),
        };
        explained.extend(text.map(|text| (format!("path {wanted}"), text)));
    }
    explained
}

/// The paths that rustc does not find, each with the index of the segment to look for.
fn missing(message: &Message) -> Vec<(Vec<String>, usize)> {
    let split = |path: &str| -> Vec<String> { path.split("::").map(str::to_owned).collect() };
    let of_kernel = |path: &[String]| CRATES.contains(&&*path[0]);
    let there = || message.place().map(paths::at).unwrap_or_default();
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

/// The index of the segment to look for if the one at `from` is missing: the item, neither a module
/// on the way to it nor a function of a type.
fn target(path: &[String], from: usize) -> usize {
    let is_type = |word: &String| word.starts_with(|c: char| c.is_ascii_uppercase());
    (from..path.len())
        .find(|&at| is_type(&path[at]))
        .unwrap_or(path.len() - 1)
}

/// Explains a path with what the catalog has of that name. `None` if the catalog has that very path,
/// if rustc itself makes a proposal, and if the catalog has nothing: `absent` then gets the path.
fn look_up(
    (wanted, name): (&str, &str),
    message: &Message,
    know: &Knowledge,
    (catalog, absent): (&Catalog, &mut Absent),
) -> Option<String> {
    let config = Config::of(know);
    let is_on = |found: &Found| found.gates.iter().all(|gate| config.allows(gate));
    let (there, gated): (Vec<Found>, Vec<Found>) = catalog.find(name).into_iter().partition(is_on);
    if there.iter().any(|found| found.path == wanted) {
        return None;
    }
    let exact = gated.iter().find(|found| found.path == wanted);
    let mut gates = match exact {
        Some(found) => found.gates.clone(),
        None => catalog.gates_on_the_way(wanted),
    };
    gates.retain(|gate| !config.allows(gate));
    if !gates.is_empty() {
        return Some(switched_off(wanted, &gates, &know.release));
    }
    if let Some(text) = elsewhere(wanted, name, &there, &know.release) {
        return Some(text);
    }
    let is_misspelt = message
        .words()
        .any(|text| text.contains("similar name exists"));
    if is_misspelt || message.code == PRIVATE {
        return None;
    }
    if let Some(found) = gated.first() {
        return Some(switched_off(&found.path, &found.gates, &know.release));
    }
    absent.paths.insert(wanted.to_owned());
    None
}

fn switched_off(path: &str, gates: &BTreeSet<String>, release: &str) -> String {
    let gates: Vec<&str> = gates.iter().map(String::as_str).collect();
    let condition = match &gates[..] {
        [gate] => (*gate).to_owned(),
        gates => format!("all({})", gates.join(", ")),
    };
    format!(
        "{path} only exists in kernels built with {}, and the kernel {release} is not one of them. \
         Build for another kernel, or put this in front of the code that needs it:\n  \
         #[cfg({condition})]",
        gates.join(" and ")
    )
}

/// Names the places that have the name instead; `None` if there are none.
fn elsewhere(wanted: &str, name: &str, there: &[Found], release: &str) -> Option<String> {
    let (preluded, others): (Vec<&Found>, Vec<&Found>) = there
        .iter()
        .partition(|found| found.path.starts_with("kernel::prelude::"));
    let paths: Vec<&str> = others.iter().map(|found| found.path.as_str()).collect();
    let missing = format!("the kernel {release} has no {wanted}");
    let prelude = match preluded.is_empty() {
        true => "",
        false => ", and in kernel::prelude::*",
    };
    match &paths[..] {
        [] if preluded.is_empty() => None,
        [] => Some(format!(
            "{missing}; {name} is in its prelude:\n  use kernel::prelude::*;"
        )),
        [path] => Some(format!(
            "{missing}; {name} is elsewhere{prelude}:\n  use {path};"
        )),
        paths => {
            let more = match paths.len().saturating_sub(MAX_SHOWN) {
                0 => String::new(),
                more => format!(", and in {more} more places"),
            };
            let uses = paths.iter().take(MAX_SHOWN);
            let uses: String = uses.map(|path| format!("\n  use {path};")).collect();
            Some(format!(
                "{missing}; several other items are called {name}{prelude}{more}. Import the one \
                 that you mean:{uses}"
            ))
        }
    }
}

/// The options of the kernel that Rust code sees.
struct Config(BTreeSet<String>);

impl Config {
    fn of(know: &Knowledge) -> Config {
        let file = know.kernel_dir.join("include/generated/rustc_cfg");
        let text = regular::read_to_string(file).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.strip_prefix("--cfg="));
        Config(lines.map(str::to_owned).collect())
    }

    /// Whether a `cfg` may hold. A `cfg` that is not a plain option is unknown here, so it may.
    fn allows(&self, gate: &str) -> bool {
        let gate = gate.replace(' ', "");
        let plain = gate.starts_with("CONFIG_") && !gate.contains('(');
        !plain || self.0.is_empty() || self.0.contains(&gate)
    }
}
