//! The variables of one folder's makefiles, as far as their values are known without make.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::sys::{normal, regular};

/// The variables that name the folder of a makefile.
const OWN_FOLDER: &[&str] = &["src", "obj"];
/// The variables that name the module folder. kbuild-rs sets `PWD` to it.
const MODULE_FOLDER: &[&str] = &["M", "KBUILD_EXTMOD", "PWD"];

/// The longest name of a variable, with its parentheses.
pub(super) const LONGEST_NAME: usize = 256;

/// How many values may be within each other.
const DEEPEST: usize = 32;

pub(super) struct Values<'a> {
    dir: &'a Path,
    module_dir: &'a Path,
    known: BTreeMap<String, String>,
    /// How many bytes values may still add to texts. A value may name itself or double, and a few
    /// lines would fill the memory.
    left: Cell<usize>,
}

/// Far more than the objects and the included files of one folder.
const LONGEST: usize = 64 << 10;

impl<'a> Values<'a> {
    pub(super) fn new(dir: &'a Path, module_dir: &'a Path) -> Values<'a> {
        Values {
            dir,
            module_dir,
            known: BTreeMap::new(),
            left: Cell::new(LONGEST),
        }
    }

    /// Follows an assignment. `how` is the character before the `=`, or `=`.
    pub(super) fn assign(&mut self, name: &str, how: char, value: &str) {
        // `X-$(CONFIG_Y) += …` adds to `$(X-y)` or `$(X-m)`, because a switch counts as on.
        if let Some((stem, _)) = name.split_once("-$") {
            for end in ["-y", "-m"] {
                self.assign(&format!("{stem}{end}"), '+', value);
            }
        }
        match (how, self.known.get_mut(name)) {
            ('+', Some(old)) => {
                old.push(' ');
                old.push_str(value);
            }
            ('?', Some(_)) => {}
            _ => {
                self.known.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// A text with the known variables replaced.
    pub(super) fn expand(&self, text: &str) -> String {
        self.expand_within(text, DEEPEST)
    }

    fn expand_within(&self, text: &str, depth: usize) -> String {
        let mut result = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            result.push_str(&rest[..at]);
            rest = &rest[at..];
            let close = match rest.as_bytes().get(1) {
                Some(b'(') => b')',
                Some(b'{') => b'}',
                _ => {
                    result.push('$');
                    rest = &rest[1..];
                    continue;
                }
            };
            let end = rest
                .bytes()
                .take(LONGEST_NAME)
                .position(|byte| byte == close);
            let end = end.unwrap_or(rest.len().min(2));
            let name = &rest[2..end];
            match self.value(name).filter(|value| self.may_add(value, depth)) {
                Some(value) => {
                    result.push_str(&self.expand_within(&value, depth - 1));
                    rest = rest.get(end + 1..).unwrap_or_default();
                }
                None => {
                    result.push('$');
                    rest = &rest[1..];
                }
            }
        }
        result + rest
    }

    fn may_add(&self, value: &str, depth: usize) -> bool {
        // An empty value costs time, too.
        let left = self.left.get().checked_sub(value.len() + 1);
        let left = left.filter(|_| depth > 0);
        left.inspect(|left| self.left.set(*left)).is_some()
    }

    fn value(&self, name: &str) -> Option<Cow<'_, str>> {
        match name {
            name if OWN_FOLDER.contains(&name) => Some(self.dir.to_string_lossy()),
            name if MODULE_FOLDER.contains(&name) => Some(self.module_dir.to_string_lossy()),
            name => self.known.get(name).map(|value| value.as_str().into()),
        }
    }

    /// The file that a word behind `include` names, if it exists. A relative path starts at the
    /// module folder. If it begins with a variable that only make knows, the file may be in either
    /// folder.
    pub(super) fn included(&self, word: &str) -> Option<PathBuf> {
        // The module folder's path is absolute, so kbuild's prefix has no effect on it.
        let word = word.strip_prefix("$(srctree)/").unwrap_or(word);
        let (word, places) = match word.rsplit_once([')', '}']) {
            Some((_, rest)) => (
                rest.trim_start_matches('/'),
                &[self.dir, self.module_dir][..],
            ),
            None => (word, &[self.module_dir][..]),
        };
        let mut files = places.iter().map(|place| normal(&place.join(word)));
        files.find(|file| regular::look(file).is_ok())
    }
}
