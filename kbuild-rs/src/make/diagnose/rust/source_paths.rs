//! Paths in Rust sources: `a::{b, c::D as E}`.

use super::message::Place;
use crate::sys::regular;

/// A path in a `use`, and the name that it gets (`*` for all names below it).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) path: Vec<String>,
    pub(super) name: String,
}

/// Deeper groups than any source has.
const MAX_DEPTH: usize = 16;

/// The paths of the `use` statement around a place, or else the one path at that place.
pub(super) fn at(place: &Place) -> Vec<Vec<String>> {
    let text = regular::read_to_string(&place.file).unwrap_or_default();
    let Some(offset) = offset(&text, place) else {
        return Vec::new();
    };
    let leaves = match start_of_use(&text[..offset]) {
        Some(start) => leaves(&text[start..]),
        None => {
            let path = text[start_of_path(&text[..offset])..].trim_start_matches("::");
            let end = path.find(|c: char| !is_of_path(c)).unwrap_or(path.len());
            leaves(&path[..end])
        }
    };
    leaves.into_iter().map(|leaf| leaf.path).collect()
}

/// The leaves of a use tree, which ends with a semicolon.
pub(super) fn leaves(tree: &str) -> Vec<Leaf> {
    let tokens = tokens(tree);
    let mut all = Vec::new();
    let mut at = 0;
    walk(&tokens, &mut at, &[], &mut all, 0);
    all
}

fn walk(tokens: &[&str], at: &mut usize, prefix: &[String], all: &mut Vec<Leaf>, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    let mut path = prefix.to_vec();
    while let Some(token) = tokens.get(*at) {
        *at += 1;
        match *token {
            "::" => {}
            "{" => {
                while tokens.get(*at).is_some_and(|token| *token != "}") {
                    let before = *at;
                    walk(tokens, at, &path, all, depth + 1);
                    if tokens.get(*at) == Some(&",") || *at == before {
                        *at += 1;
                    }
                }
                *at += 1;
                return;
            }
            "*" => {
                let name = "*".to_owned();
                all.push(Leaf { path, name });
                return;
            }
            "as" => {
                let name = tokens.get(*at).copied().unwrap_or_default().to_owned();
                *at += 1;
                all.push(Leaf { path, name });
                return;
            }
            "," | "}" | ";" => {
                *at -= 1;
                break;
            }
            word => path.push(word.trim_start_matches("r#").to_owned()),
        }
    }
    if path.len() > prefix.len() {
        // `a::{self}` is `a`.
        if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
            path.pop();
        }
        let name = path.last().cloned().unwrap_or_default();
        all.push(Leaf { path, name });
    }
}

fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if rest.starts_with("//") {
            rest = rest
                .split_once('\n')
                .map_or("", |(_, rest)| rest)
                .trim_start();
            continue;
        }
        let word = rest.find(|c: char| !is_of_word(c)).unwrap_or(rest.len());
        let length = match word {
            0 if rest.starts_with("::") => 2,
            0 => rest.chars().next().map_or(1, char::len_utf8),
            word => word,
        };
        let (token, after) = rest.split_at(length);
        if token == ";" {
            break;
        }
        tokens.push(token);
        rest = after.trim_start();
    }
    tokens
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '#'
}

fn is_of_path(c: char) -> bool {
    is_of_word(c) || c == ':'
}

/// The offset of a place in a text.
fn offset(text: &str, place: &Place) -> Option<usize> {
    let mut start = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if number + 1 == place.line {
            let column = place.column.checked_sub(1)?;
            let (within, _) = line.char_indices().nth(column)?;
            return Some(start + within);
        }
        start += line.len();
    }
    None
}

/// The offset behind `use`, if a text ends within such a statement.
fn start_of_use(text: &str) -> Option<usize> {
    let from = text.rfind(';').map_or(0, |at| at + 1);
    let mut found = None;
    for (at, _) in text[from..].match_indices("use") {
        let before = text[..from + at].chars().next_back();
        let after = text[from + at + 3..].chars().next();
        let alone = !before.is_some_and(is_of_path) && after.is_none_or(char::is_whitespace);
        if alone {
            found = Some(from + at + 3);
        }
    }
    // Only a use tree may follow: the word may also be in a comment or a string.
    found.filter(|start| {
        let between = text[*start..].lines().map(|line| line.split("//").next());
        between
            .flatten()
            .flat_map(str::chars)
            .all(|c| is_of_path(c) || c.is_whitespace() || "{},*".contains(c))
    })
}

/// The offset of the path at the end of a text.
fn start_of_path(text: &str) -> usize {
    text.char_indices()
        .rev()
        .find(|(_, c)| !is_of_path(*c))
        .map_or(0, |(at, c)| at + c.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(tree: &str) -> Vec<String> {
        let leaves = leaves(tree).into_iter();
        leaves
            .map(|leaf| format!("{} {}", leaf.path.join("::"), leaf.name))
            .collect()
    }

    #[test]
    fn the_leaves_of_a_tree_are_all_that_it_names() {
        assert_eq!(joined("kernel::types::ARef;"), ["kernel::types::ARef ARef"]);
        assert_eq!(
            joined("::a::{\n  self,\n  b::{C, D as E, //\n  },\n  f::*, r#type, //\n};\nx"),
            ["a a", "a::b::C C", "a::b::D E", "a::f *", "a::type type"]
        );
        for broken in ["{{{{", "a::{", "}", "a::{,,}", "::", "", "as", "{;", "a b"] {
            leaves(broken);
        }
        leaves(&"{".repeat(10_000));
    }

    #[test]
    fn the_paths_at_a_place_are_those_of_its_use_or_the_one_that_goes_through_it() {
        let root = crate::fixture::Root::new();
        let text = "use kernel::prelude::*; // use of it\nuse kernel::{\n    init::{InPlace, PinInit}, //\n    \
                    sync,\n};\nfn a() { let ä = kernel::types::Nope::new(); user(std::mem::size); }\n";
        root.write("a.rs", text);
        let at = |line, column| {
            let file = root.join("a.rs");
            let paths = super::at(&Place { file, line, column });
            paths.iter().map(|path| path.join("::")).collect::<Vec<_>>()
        };
        assert_eq!(
            at(3, 5),
            [
                "kernel::init::InPlace",
                "kernel::init::PinInit",
                "kernel::sync"
            ]
        );
        let nope = text.lines().nth(5).unwrap();
        let column = |word: &str| nope[..nope.find(word).unwrap()].chars().count() + 1;
        assert_eq!(at(6, column("Nope")), ["kernel::types::Nope::new"]);
        assert_eq!(at(6, column("std")), ["std::mem::size"]);
        assert!(at(60, 1).is_empty() && at(1, 600).is_empty());
    }
}
