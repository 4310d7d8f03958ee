//! Reads a `kbuild.toml` beside a module tree: the requirements that its author states.
//!
//! The file belongs to the tree, so it is only data: nothing in it runs, and its length and the number
//! of its entries have limits. An unknown key is an error, because a requirement with a misspelled
//! key would never be checked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::parser::{EventReceiver, RecursionGuard, ValidateWhitespace, parse_document};
use toml_parser::{ErrorSink, ParseError, Source, Span};

use crate::settings::RequirementKind;
use crate::sys::regular;
use crate::{Error, ErrorKind, Result};

/// The name of the file.
pub(crate) const KBUILD_TOML: &str = "kbuild.toml";

/// Bytes.
const LONGEST: u64 = 1 << 20;

/// The most keys and values of a file.
const MOST: usize = 4096;

/// The most parts of a key, and the most levels of values: more than any key here needs.
const DEEPEST: usize = 8;

const KINDS: [(&str, RequirementKind); 4] = [
    ("kernel", RequirementKind::Kernel),
    ("arch", RequirementKind::Arch),
    ("config", RequirementKind::Config),
    ("symbols", RequirementKind::Symbol),
];

/// A requirement in a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StatedInFile {
    pub(crate) kind: RequirementKind,
    pub(crate) text: String,
    pub(crate) reason: Option<String>,
    /// The line of the text, from 1 on.
    pub(crate) line: usize,
}

/// The requirements in a file; `None` if there is no file.
pub(crate) fn read_kbuild_toml(path: &Path) -> Result<Option<Vec<StatedInFile>>> {
    let bytes = match regular::read_at_most(LONGEST, path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::reading("read", path, error)),
    };
    let found = parse(&bytes).map_err(|(line, why)| {
        Error::new(
            ErrorKind::InvalidInput,
            format!("{}:{line}: {why}", path.display()),
        )
    })?;
    Ok(Some(found))
}

/// The requirements in a text, or a line and what is wrong there.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<StatedInFile>, (usize, String)> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        (line_at(before), "this is not UTF-8 text".to_owned())
    })?;
    let source = Source::new(text);
    // The lexer has no hint of its length, and doubled space would be much for a text of brackets.
    let mut tokens = Vec::with_capacity(source.lex().count());
    tokens.extend(source.lex());
    let mut leaves = Leaves {
        source,
        base: Vec::new(),
        keys: Vec::new(),
        path: Vec::new(),
        containers: Vec::new(),
        seen: BTreeSet::new(),
        tables: BTreeMap::new(),
        found: Vec::new(),
        wrong: None,
    };
    let mut error: Option<ParseError> = None;
    let mut checked = ValidateWhitespace::new(&mut leaves, source);
    let mut limited = RecursionGuard::new(&mut checked, DEEPEST as u32);
    parse_document(&tokens, &mut limited, &mut error);
    let line = |at: usize| line_at(&bytes[..at.min(bytes.len())]);
    if let Some((at, why)) = leaves.wrong {
        return Err((line(at), why));
    }
    if let Some(error) = error {
        let at = error.unexpected().or(error.context());
        let at = at.map_or(0, |span| span.start());
        let why = format!("this is not TOML: {}", error.description());
        return Err((line(at), why));
    }
    let found = leaves.found;
    requirements(found.into_iter().map(|leaf| (line(leaf.at), leaf)))
}

fn line_at(before: &[u8]) -> usize {
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// A part of the path to a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Key(String),
    Index(usize),
}

/// A string, and its path.
struct Leaf {
    path: Vec<Step>,
    text: String,
    /// The place in the file, in bytes.
    at: usize,
}

enum Container {
    /// The length of the path to it, and the index of its next value.
    Array(usize, usize),
    Table(usize),
}

/// Collects the strings of a file.
struct Leaves<'i> {
    source: Source<'i>,
    /// The path of the table whose header came last.
    base: Vec<Step>,
    /// The parts of the current key.
    keys: Vec<String>,
    path: Vec<Step>,
    containers: Vec<Container>,
    /// The paths of all keys and headers.
    seen: BTreeSet<Vec<Step>>,
    /// The number of tables of each list of tables.
    tables: BTreeMap<Vec<Step>, usize>,
    found: Vec<Leaf>,
    /// The first fault, and its place in bytes.
    wrong: Option<(usize, String)>,
}

impl Leaves<'_> {
    fn refuse(&mut self, span: Span, why: impl Into<String>) {
        self.wrong.get_or_insert((span.start(), why.into()));
    }

    /// Notes the path of a key or a header, and refuses one that is unknown or not the first one.
    fn enter(&mut self, span: Span) {
        if let Some(why) = unknown(&self.path) {
            self.refuse(span, why);
        } else if self.seen.len() + self.found.len() >= MOST {
            self.refuse(span, format!("this file has more than {MOST} entries"));
        } else if !self.seen.insert(self.path.clone()) {
            let name = names(&self.path).join(".");
            self.refuse(span, format!("`{name}` is there twice"));
        }
    }

    fn take_keys(&mut self) -> Vec<Step> {
        let keys = std::mem::take(&mut self.keys);
        keys.into_iter().map(Step::Key).collect()
    }

    /// Call this before each value.
    fn begin_value(&mut self) {
        if let Some(Container::Array(base, next)) = self.containers.last_mut() {
            self.path.truncate(*base);
            self.path.push(Step::Index(*next));
            *next += 1;
        }
    }
}

impl EventReceiver for Leaves<'_> {
    fn std_table_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.base = self.take_keys();
        self.path.clone_from(&self.base);
        self.enter(span);
    }

    fn array_table_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.path = self.take_keys();
        if self.wrong.is_none() {
            let known = self.tables.entry(self.path.clone()).or_default();
            *known += 1;
            let index = *known - 1;
            self.path.push(Step::Index(index));
        }
        self.base.clone_from(&self.path);
        self.enter(span);
    }

    fn inline_table_open(&mut self, _: Span, _: &mut dyn ErrorSink) -> bool {
        self.begin_value();
        self.containers.push(Container::Table(self.path.len()));
        true
    }

    fn inline_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.containers.pop();
    }

    fn array_open(&mut self, _: Span, _: &mut dyn ErrorSink) -> bool {
        self.begin_value();
        self.containers.push(Container::Array(self.path.len(), 0));
        true
    }

    fn array_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.containers.pop();
    }

    fn simple_key(&mut self, span: Span, kind: Option<Encoding>, error: &mut dyn ErrorSink) {
        if self.keys.len() >= DEEPEST {
            return self.refuse(span, format!("this key has more than {DEEPEST} parts"));
        }
        let mut key = std::borrow::Cow::Borrowed("");
        if let Some(raw) = self.source.get(span) {
            let raw = toml_parser::Raw::new_unchecked(raw.as_str(), kind, span);
            raw.decode_key(&mut key, error);
        }
        self.keys.push(key.into_owned());
    }

    fn key_val_sep(&mut self, span: Span, _: &mut dyn ErrorSink) {
        match self.containers.last() {
            Some(Container::Table(length) | Container::Array(length, _)) => {
                self.path.truncate(*length);
            }
            None => self.path.clone_from(&self.base),
        }
        let keys = self.take_keys();
        self.path.extend(keys);
        self.enter(span);
    }

    fn scalar(&mut self, span: Span, kind: Option<Encoding>, error: &mut dyn ErrorSink) {
        self.begin_value();
        let mut text = std::borrow::Cow::Borrowed("");
        let Some(raw) = self.source.get(span) else {
            return;
        };
        let raw = toml_parser::Raw::new_unchecked(raw.as_str(), kind, span);
        if raw.decode_scalar(&mut text, error) != ScalarKind::String {
            let name = names(&self.path).join(".");
            return self.refuse(span, format!("the value of `{name}` is not a string"));
        }
        if self.found.len() + self.seen.len() >= MOST {
            return self.refuse(span, format!("this file has more than {MOST} entries"));
        }
        if self.wrong.is_none() {
            self.found.push(Leaf {
                path: self.path.clone(),
                text: text.into_owned(),
                at: span.start(),
            });
        }
    }
}

/// The keys of a path, for messages: a terminal shows the keys of a file of others.
fn names(path: &[Step]) -> Vec<String> {
    let keys = path.iter().filter_map(|step| match step {
        Step::Key(key) => Some(key.escape_debug().to_string()),
        Step::Index(_) => None,
    });
    keys.collect()
}

/// Why the last key of a path has no meaning.
fn unknown(path: &[Step]) -> Option<String> {
    let keys = names(path);
    let kinds = KINDS.map(|(name, _)| name);
    let levels: [&[&str]; 3] = [&["requires"], &kinds, &["check", "reason"]];
    let mut known = levels.iter().copied().chain(std::iter::repeat(&[][..]));
    let (at, known) = keys
        .iter()
        .enumerate()
        .map(|(at, key)| (at, known.next().unwrap_or_default(), key))
        .find(|(_, known, key)| !known.contains(&&***key))
        .map(|(at, known, _)| (at, known))?;
    let (name, parent) = (&keys[at], keys[..at].join("."));
    Some(match (known.is_empty(), at) {
        (true, _) => format!("unknown key `{name}`: `{parent}` is a string"),
        (_, 0) => format!(
            "unknown key `{name}`. The known key is {}",
            known.join(", ")
        ),
        _ => format!(
            "unknown key `{name}`. The known keys of `{parent}` are {}",
            known.join(", ")
        ),
    })
}

/// Puts the strings of a requirement together.
fn requirements(
    leaves: impl Iterator<Item = (usize, Leaf)>,
) -> Result<Vec<StatedInFile>, (usize, String)> {
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
        let name = names(path).join(".");
        return Err((group.line, format!("an entry of `{name}` has no `check`")));
    }
    Ok(groups.into_iter().map(|(_, group)| group).collect())
}

#[cfg(test)]
mod tests;
