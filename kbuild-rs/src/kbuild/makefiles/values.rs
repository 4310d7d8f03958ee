//! The variables of one folder's makefiles, as far as their values are known without make.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::sys::{normal, regular};

/// The variables that name the folder of a makefile.
const OWN_FOLDER: &[&str] = &["src", "obj"];
/// The variables that name the module folder. kbuild-rs sets `PWD` to it.
const MODULE_FOLDER: &[&str] = &["M", "KBUILD_EXTMOD", "PWD"];

pub(super) struct Values<'a> {
    dir: &'a Path,
    module_dir: &'a Path,
    known: BTreeMap<String, String>,
}

impl<'a> Values<'a> {
    pub(super) fn new(dir: &'a Path, module_dir: &'a Path) -> Values<'a> {
        Values {
            dir,
            module_dir,
            known: BTreeMap::new(),
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
        self.expand_within(text, &mut 1000)
    }

    /// `left` limits the replacements, because a value may name itself or double.
    fn expand_within(&self, text: &str, left: &mut usize) -> String {
        let mut result = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            result.push_str(&rest[..at]);
            rest = &rest[at..];
            let close = match rest.as_bytes().get(1) {
                Some(b'(') => ')',
                Some(b'{') => '}',
                _ => {
                    result.push('$');
                    rest = &rest[1..];
                    continue;
                }
            };
            let end = rest.find(close).unwrap_or(rest.len());
            let name = rest.get(2..end).unwrap_or_default();
            match self.value(name) {
                Some(value) if *left > 0 => {
                    *left -= 1;
                    result.push_str(&self.expand_within(&value, left));
                    rest = rest.get(end + 1..).unwrap_or_default();
                }
                _ => {
                    result.push('$');
                    rest = &rest[1..];
                }
            }
        }
        result + rest
    }

    fn value(&self, name: &str) -> Option<String> {
        let of = |dir: &Path| Some(dir.to_string_lossy().into_owned());
        match name {
            name if OWN_FOLDER.contains(&name) => of(self.dir),
            name if MODULE_FOLDER.contains(&name) => of(self.module_dir),
            name => self.known.get(name).cloned(),
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
