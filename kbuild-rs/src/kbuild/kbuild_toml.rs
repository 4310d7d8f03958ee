//! Reads a `kbuild.toml` beside a module tree: the requirements that its author states.
//!
//! The file belongs to the tree, so it is only data: nothing in it runs, and its length and the number
//! of its entries have limits. An unknown key is an error, because a requirement with a misspelled
//! key would never be checked.

mod groups;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::path::Path;

use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::parser::{EventReceiver, RecursionGuard, ValidateWhitespace, parse_document};
use toml_parser::{ErrorSink, ParseError, Source, Span};

use crate::settings::RequirementKind;
use crate::sys::regular;
use crate::{Error, ErrorKind, Result};

use groups::{no_check, requirements};

/// The name of the file.
pub(crate) const KBUILD_TOML: &str = "kbuild.toml";

/// Bytes: more than the most entries need.
const LONGEST: u64 = 64 << 10;

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
        // A link to nothing may stand for requirements.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !path.is_symlink() => {
            return Ok(None);
        }
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
        closed: BTreeSet::new(),
        entries: Vec::new(),
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
    let (mut line, mut counted) = (1, 0);
    let mut found = Vec::with_capacity(leaves.found.len());
    for leaf in leaves.found {
        // The leaves are in the order of the file.
        line += line_at(&bytes[counted..leaf.at]) - 1;
        counted = leaf.at;
        found.push((line, leaf));
    }
    let (found, with_check) = requirements(found.into_iter())?;
    let mut entries = leaves.entries.into_iter();
    match entries.find(|(path, _)| !with_check.contains(path)) {
        Some((path, at)) => Err((line_at(&bytes[..at]), no_check(&path))),
        None => Ok(found),
    }
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
    /// The paths of the values that are complete: nothing can be added to them.
    closed: BTreeSet<Vec<Step>>,
    /// The paths of the tables that need a `check`, and their places in bytes.
    entries: Vec<(Vec<Step>, usize)>,
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
        } else if !self.seen.insert(self.path.clone()) || self.is_in_closed() {
            self.refuse_second(span);
        }
    }

    fn refuse_second(&mut self, span: Span) {
        let name = names(&self.path).join(".");
        self.refuse(span, format!("`{name}` is there twice"));
    }

    /// Whether keys or headers below the path came before.
    fn has_parts(&self) -> bool {
        let from = (Bound::Excluded(&self.path), Bound::Unbounded);
        let mut next = self.seen.range::<Vec<Step>, _>(from);
        next.next().is_some_and(|next| next.starts_with(&self.path))
    }

    /// Call this at the beginning of each table.
    fn begin_entry(&mut self, span: Span) {
        if names(&self.path).len() > 1 {
            self.entries.push((self.path.clone(), span.start()));
        }
    }

    fn end_container(&mut self) {
        if let Some(Container::Array(length, _) | Container::Table(length)) = self.containers.pop()
        {
            self.path.truncate(length);
            self.closed.insert(self.path.clone());
        }
    }

    /// Whether the path, or a part of it, has its value already.
    fn is_in_closed(&self) -> bool {
        let mut lengths = 1..=self.path.len();
        lengths.any(|length| self.closed.contains(&self.path[..length]))
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
        if self.tables.contains_key(&self.path) {
            self.refuse_second(span);
        }
        self.enter(span);
        self.begin_entry(span);
    }

    fn array_table_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.path = self.take_keys();
        if self.seen.contains(&self.path) {
            self.refuse_second(span);
        }
        if self.wrong.is_none() {
            let known = self.tables.entry(self.path.clone()).or_default();
            *known += 1;
            let index = *known - 1;
            self.path.push(Step::Index(index));
        }
        self.base.clone_from(&self.path);
        self.enter(span);
        self.begin_entry(span);
    }

    fn inline_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) -> bool {
        self.begin_value();
        self.begin_entry(span);
        self.containers.push(Container::Table(self.path.len()));
        true
    }

    fn inline_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.end_container();
    }

    fn array_open(&mut self, _: Span, _: &mut dyn ErrorSink) -> bool {
        self.begin_value();
        self.containers.push(Container::Array(self.path.len(), 0));
        true
    }

    fn array_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.end_container();
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
        if self.has_parts() {
            self.refuse_second(span);
        }
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
            self.closed.insert(self.path.clone());
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

#[cfg(test)]
mod tests;
