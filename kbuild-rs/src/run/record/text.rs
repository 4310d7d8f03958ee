//! The record as text: one entry a line, and a closing line.

use std::path::Path;

use super::{Class, Prerequisite, Product, Record, Rule};
use crate::Result;
use crate::stage::leads_outside;
use crate::syntax::{escape, unescape};
use crate::sys::{Identity, Writer, is_below};

const HEADER: &[u8] = b"kbuild-rs record 3";

impl Record {
    /// Reads a record about products in `out`; `None` if it does not exist, or has another version.
    ///
    /// # Errors
    /// [`ErrorKind::NotOurs`](crate::ErrorKind::NotOurs) if it names a file outside of `out` or of the
    /// stage.
    pub(crate) fn load(writer: &Writer, path: &Path, out: &Path) -> Result<Option<Record>> {
        let bytes = writer.read(path)?;
        let Some(mut record) = bytes.and_then(|bytes| parse(&bytes)) else {
            return Ok(None);
        };
        let products = record.products.iter_mut().chain(&mut record.others);
        let products = products.chain(&mut record.targets);
        for named in products.map(|product| &mut product.path) {
            if !is_below(named) {
                return Err(leads_outside(path, named));
            }
            *named = out.join(&*named);
        }
        let targets = record.rules.iter().filter_map(|rule| rule.target.as_ref());
        let mut in_stage = targets.chain(&record.elsewhere);
        match in_stage.find(|named| !is_below(named)) {
            Some(named) => Err(leads_outside(path, named)),
            None => Ok(Some(record)),
        }
    }

    /// Writes the record whole or not at all. Only its owner can read it.
    pub(crate) fn save(&self, writer: &Writer, path: &Path, out: &Path) -> Result<()> {
        writer.write_private(path, &self.text(out))
    }

    pub(in crate::run) fn text(&self, out: &Path) -> Vec<u8> {
        let mut text = HEADER.to_vec();
        let mut line = |tag: u8, words: &[&[u8]]| {
            text.push(b'\n');
            text.push(tag);
            for word in words {
                text.push(b' ');
                text.extend_from_slice(word);
            }
        };
        if self.succeeded {
            line(b'+', &[]);
        }
        line(b'b', &[&escaped(self.boot.as_bytes())]);
        for [hash, name] in self.config.lines() {
            line(b'c', &[hash, &escaped(name)]);
        }
        for p in &self.prerequisites {
            let id = p.id.as_ref().map_or_else(|| "?".to_owned(), written);
            line(tag(p.class), &[id.as_bytes(), &escaped_path(&p.path)]);
        }
        let products = self.products.iter().map(|p| (b'p', p));
        let others = self.others.iter().map(|p| (b'o', p));
        let targets = self.targets.iter().map(|p| (b't', p));
        for (tag, p) in products.chain(others).chain(targets) {
            let module = escaped(p.module.as_deref().unwrap_or_default().as_bytes());
            let rel = p.path.strip_prefix(out).unwrap_or(&p.path);
            let content = format!("{:x}", p.content);
            let (id, rel) = (written(&p.id), escaped_path(rel));
            line(tag, &[id.as_bytes(), content.as_bytes(), &rel, &module]);
        }
        for rule in &self.rules {
            let from = escaped_path(&rule.prerequisite);
            match &rule.target {
                Some(target) => line(b'r', &[&escaped_path(target), &from]),
                None => line(b'n', &[&from]),
            }
        }
        for path in &self.elsewhere {
            line(b'e', &[&escaped_path(path)]);
        }
        // A truncated record must not read as a shorter one.
        line(b'.', &[]);
        text
    }
}

/// The letter of a class in a line.
pub(in crate::run) fn tag(class: Class) -> u8 {
    match class {
        Class::Whole => b'W',
        Class::Targets => b'T',
        Class::Symvers => b'S',
        Class::Make => b'M',
        Class::Makefile => b'K',
    }
}

pub(in crate::run) fn class(tag: u8) -> Option<Class> {
    Some(match tag {
        b'W' => Class::Whole,
        b'T' => Class::Targets,
        b'S' => Class::Symvers,
        b'M' => Class::Make,
        b'K' => Class::Makefile,
        _ => return None,
    })
}

fn written(id: &Identity) -> String {
    let mut text = String::new();
    id.write(&mut text);
    text
}

fn escaped(bytes: &[u8]) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    escaped_path(Path::new(std::ffi::OsStr::from_bytes(bytes)))
}

fn escaped_path(path: &Path) -> Vec<u8> {
    let mut text = Vec::new();
    escape(path, &mut text);
    text
}

pub(crate) fn parse(bytes: &[u8]) -> Option<Record> {
    use std::os::unix::ffi::OsStringExt;
    let mut lines = bytes.split(|&b| b == b'\n');
    if lines.next() != Some(HEADER) {
        return None;
    }
    let mut record = Record::default();
    let mut whole = false;
    for line in lines {
        let mut words = line.split(|&b| b == b' ');
        let tag = *words.next()?.first()?;
        if let Some(class) = class(tag) {
            let id = identity(&mut words)?;
            record.prerequisites.push(Prerequisite {
                class,
                id,
                path: unescape(words.next()?)?,
            });
            continue;
        }
        match tag {
            b'+' => record.succeeded = true,
            b'b' => record.boot = text_of(words.next()?)?,
            b'c' => {
                let (hash, name) = (words.next()?, unescape(words.next()?)?);
                record.config.add(hash, name.into_os_string().into_vec())?;
            }
            b'p' | b'o' | b't' => {
                let product = Product {
                    id: identity(&mut words)??,
                    content: u64::from_str_radix(&text_of(words.next()?)?, 16).ok()?,
                    path: unescape(words.next()?)?,
                    module: Some(text_of(words.next()?)?).filter(|name| !name.is_empty()),
                };
                match tag {
                    b'p' => record.products.push(product),
                    b'o' => record.others.push(product),
                    _ => record.targets.push(product),
                }
            }
            b'r' => record.rules.push(Rule {
                target: Some(unescape(words.next()?)?),
                prerequisite: unescape(words.next()?)?,
            }),
            b'n' => record.rules.push(Rule {
                target: None,
                prerequisite: unescape(words.next()?)?,
            }),
            b'e' => record.elsewhere.push(unescape(words.next()?)?),
            b'.' => whole = true,
            _ => return None,
        }
    }
    whole.then_some(record)
}

fn text_of(word: &[u8]) -> Option<String> {
    unescape(word)?.into_os_string().into_string().ok()
}

/// Reads `?`, or the five words of an identity.
fn identity<'a>(words: &mut impl Iterator<Item = &'a [u8]>) -> Option<Option<Identity>> {
    let first = std::str::from_utf8(words.next()?).ok()?;
    if first == "?" {
        return Some(None);
    }
    let rest = words.take(4).map(|w| std::str::from_utf8(w).unwrap_or(""));
    let mut all = std::iter::once(first).chain(rest);
    Some(Some(Identity::parse(&mut all)?))
}
