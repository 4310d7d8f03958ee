//! The makefiles of a module tree that kbuild reads, as text, without make.
//!
//! Nothing is evaluated: a condition that only make can decide counts as true, and a word that only
//! make can expand is left out.

mod conditions;
mod lines;
pub(crate) mod running_kernel;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::sys::{normal, regular};
use conditions::Conditions;

pub(crate) use lines::{Rule, Statement, logical_lines};

/// The variables that name the folder of a makefile.
const OWN_FOLDER: &[&str] = &["src", "obj"];
/// Those that name the module folder. kbuild-rs sets `PWD` to it.
const MODULE_FOLDER: &[&str] = &["M", "KBUILD_EXTMOD", "PWD"];
/// A limit for folders and includes that name each other.
const DEEPEST: usize = 16;

/// The makefiles of a module folder: its own, those of the folders below that it leads to, and what
/// they include.
#[derive(Debug)]
pub(crate) struct Makefiles {
    module_dir: PathBuf,
    found: Vec<Makefile>,
    are_all: bool,
    /// (variable, value) of the parts for make by hand.
    by_hand: Vec<(String, String)>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Makefile {
    pub(crate) path: PathBuf,
    /// The lines that kbuild may read.
    pub(crate) lines: Vec<Line>,
}

#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) is_recipe: bool,
    /// The condition around it, if only make can decide that.
    pub(crate) condition: Option<String>,
}

/// A line that gives a variable its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Assignment<'a> {
    pub(crate) makefile: &'a Path,
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
    /// As in [`Line`].
    pub(crate) condition: Option<&'a str>,
}

impl Line {
    /// (variable, value), if it is an assignment.
    fn assignment(&self) -> Option<(&str, &str)> {
        match Statement::of(self.text.trim()) {
            Statement::Assignment { name, value, .. } if !self.is_recipe => {
                Some((name, value.trim()))
            }
            _ => None,
        }
    }
}

impl Makefiles {
    /// Reads those of a module folder.
    pub(crate) fn of(module_dir: &Path) -> Makefiles {
        let mut reader = Reader {
            module_dir,
            found: Vec::new(),
            read: BTreeSet::new(),
            are_all: true,
            by_hand: Vec::new(),
        };
        reader.folder(module_dir, 0);
        Makefiles {
            module_dir: module_dir.to_owned(),
            found: reader.found,
            are_all: reader.are_all,
            by_hand: reader.by_hand,
        }
    }

    /// Those of a module without a tree.
    pub(crate) fn none() -> Makefiles {
        Makefiles {
            module_dir: PathBuf::new(),
            found: Vec::new(),
            are_all: true,
            by_hand: Vec::new(),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Makefile> {
        self.found.iter()
    }

    /// All assignments.
    pub(crate) fn assignments(&self) -> impl Iterator<Item = Assignment<'_>> {
        self.iter().flat_map(|makefile| {
            makefile.lines.iter().filter_map(|line| {
                let (name, value) = line.assignment()?;
                Some(Assignment {
                    makefile: &makefile.path,
                    name,
                    value,
                    condition: line.condition.as_deref(),
                })
            })
        })
    }

    /// Whether the variable is used, other than in a recipe and by its own value.
    pub(crate) fn use_variable(&self, name: &str) -> bool {
        let lines = self.iter().flat_map(|makefile| &makefile.lines);
        lines
            .filter(|line| !line.is_recipe && line.assignment().is_none_or(|(n, _)| n != name))
            .any(|line| uses(&line.text, name))
    }

    /// (variable, value) where only make by hand sets the variable.
    pub(crate) fn set_by_hand(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_set = |name: &str| self.assignments().any(|a| a.name == name);
        let by_hand = self.by_hand.iter().filter(move |(name, _)| !is_set(name));
        by_hand.map(|(name, value)| (&**name, &**value))
    }

    /// A text with the variables replaced that the makefiles set, whatever folder or part they
    /// stand in.
    pub(crate) fn expand(&self, text: &str) -> String {
        let mut values = Values {
            dir: &self.module_dir,
            module_dir: &self.module_dir,
            known: BTreeMap::new(),
        };
        for (name, value) in self.set_by_hand() {
            values.assign(name, '=', value);
        }
        for assignment in self.assignments() {
            values.assign(assignment.name, '=', assignment.value);
        }
        values.expand(text)
    }

    /// Whether every file that an `include` names is among them.
    pub(crate) fn are_all(&self) -> bool {
        self.are_all
    }
}

/// The makefile that kbuild reads in a folder.
pub(crate) fn makefile_in(dir: &Path) -> Option<PathBuf> {
    ["Kbuild", "Makefile"]
        .map(|name| dir.join(name))
        .into_iter()
        .find(|path| regular::look(path).is_ok())
}

/// Whether a text has `$(NAME)` or `${NAME}` in it, or the same with a substitution.
pub(crate) fn uses(text: &str, name: &str) -> bool {
    ["$(", "${"].iter().any(|open| {
        text.match_indices(open).any(|(at, _)| {
            let rest = text[at + 2..].strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with([')', '}', ':']))
        })
    })
}

struct Reader<'a> {
    module_dir: &'a Path,
    found: Vec<Makefile>,
    read: BTreeSet<PathBuf>,
    are_all: bool,
    by_hand: Vec<(String, String)>,
}

impl Reader<'_> {
    fn folder(&mut self, dir: &Path, depth: usize) {
        let Some(path) = makefile_in(dir).filter(|_| depth < DEEPEST) else {
            return;
        };
        let mut values = Values {
            dir,
            module_dir: self.module_dir,
            known: BTreeMap::new(),
        };
        let mut below = Vec::new();
        self.makefile(&path, &mut values, &mut below, 0);
        for word in below {
            self.folder(&normal(&dir.join(word)), depth + 1);
        }
    }

    /// Reads a makefile and what it includes; `below` are the folders that it leads to.
    fn makefile(
        &mut self,
        path: &Path,
        values: &mut Values<'_>,
        below: &mut Vec<String>,
        depth: usize,
    ) {
        if depth >= DEEPEST || !self.read.insert(path.to_owned()) {
            return;
        }
        let text = regular::read(path).unwrap_or_default();
        let mut conditions = Conditions::default();
        let (mut rule, mut in_definition) = (Rule::None, false);
        let mut lines = Vec::new();
        let mut included = Vec::new();
        for (_, text) in logical_lines(&String::from_utf8_lossy(&text)) {
            if in_definition {
                in_definition = text.trim() != "endef";
                continue;
            }
            let is_recipe = text.starts_with('\t') && rule != Rule::None;
            if !is_recipe && conditions.follow(text.trim()) {
                continue;
            }
            if conditions.are_false() {
                if let Statement::Assignment { name, value, .. } = Statement::of(text.trim()) {
                    self.by_hand
                        .push((name.to_owned(), value.trim().to_owned()));
                }
                continue;
            }
            if !is_recipe {
                let statement = Statement::of(text.trim());
                rule = statement.rule(rule);
                in_definition = matches!(statement, Statement::Definition(_));
                match statement {
                    Statement::Assignment { name, how, value } => {
                        if is_of_objects(name) {
                            let value = values.expand(value);
                            below.extend(folders(&value).map(str::to_owned));
                        }
                        values.assign(name, how, value.trim());
                    }
                    Statement::Include(files) => {
                        let files = values.expand(files);
                        self.are_all &= !files.contains('$');
                        included.extend(values.files(&files));
                    }
                    _ => {}
                }
            }
            lines.push(Line {
                text,
                is_recipe,
                condition: conditions.unknown().map(str::to_owned),
            });
            for path in std::mem::take(&mut included) {
                self.makefile(&path, values, below, depth + 1);
            }
        }
        let path = path.to_owned();
        self.found.push(Makefile { path, lines });
    }
}

/// Whether kbuild looks for objects and folders in the variable.
fn is_of_objects(name: &str) -> bool {
    ["obj-", "subdir-"]
        .iter()
        .any(|start| name.starts_with(start))
}

fn folders(value: &str) -> impl Iterator<Item = &str> {
    let words = value.split_whitespace();
    words.filter(|word| word.ends_with('/') && !word.contains('$'))
}

/// The known variables of one folder's makefiles.
struct Values<'a> {
    dir: &'a Path,
    module_dir: &'a Path,
    known: BTreeMap<String, String>,
}

impl Values<'_> {
    fn assign(&mut self, name: &str, how: char, value: &str) {
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
    fn expand(&self, text: &str) -> String {
        self.expand_within(text, &mut 1000)
    }

    /// Values that name themselves, or double, use up the number of replacements.
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

    /// The files that words behind `include` name and that are there.
    fn files(&self, words: &str) -> Vec<PathBuf> {
        let names = words.split_whitespace().map(|word| {
            // The folder of the module is absolute, and so is what stands before it.
            let word = word.strip_prefix("$(srctree)/").unwrap_or(word);
            normal(&self.module_dir.join(word))
        });
        names.filter(|path| regular::look(path).is_ok()).collect()
    }
}
