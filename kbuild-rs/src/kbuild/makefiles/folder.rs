//! The makefile of one folder, with the files that it includes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lines::{Form, Line, Position, Statement, logical_lines};
use super::makefile_in;
use super::values::Values;
use crate::sys::regular;

/// No makefile is as long; a crafted one would fill the memory.
const LONGEST: u64 = 16 << 20;

/// Ends the reading of files that include each other.
const DEEPEST: usize = 16;

/// A folder that kbuild enters. kbuild starts another make for each one, with variables of its own.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) dir: PathBuf,
    /// The makefile of the folder, if it has one, and the included files.
    pub(crate) makefiles: Vec<PathBuf>,
    /// The lines in make's order.
    pub(crate) lines: Vec<Line>,
    /// The words of `obj-…`, as far as they are known without make.
    pub(crate) objects: Vec<String>,
    /// The words of `obj-…` that end with a slash, and the words of `subdir-…`.
    pub(super) below: Vec<String>,
    /// Whether all files that an `include` names are known.
    pub(super) is_whole: bool,
}

impl Folder {
    pub(crate) fn read(dir: &Path, module_dir: &Path) -> Folder {
        let mut reader = Reader {
            values: Values::new(dir, module_dir),
            folder: Folder {
                dir: dir.to_owned(),
                makefiles: Vec::new(),
                lines: Vec::new(),
                objects: Vec::new(),
                below: Vec::new(),
                is_whole: true,
            },
        };
        if let Some(makefile) = makefile_in(dir) {
            reader.makefile(makefile, None, 0);
        }
        reader.folder
    }
}

struct Reader<'a> {
    values: Values<'a>,
    folder: Folder,
}

impl Reader<'_> {
    /// Reads a makefile and the files that it includes. `around` is the condition of its own
    /// `include`.
    fn makefile(&mut self, path: PathBuf, around: Option<&Arc<str>>, depth: usize) {
        if depth >= DEEPEST || self.folder.makefiles.contains(&path) {
            return;
        }
        // `/proc/kcore` is a regular file, too.
        let text = regular::read_at_most(LONGEST, &path);
        self.folder.is_whole &= text.is_ok();
        let text = text.unwrap_or_default();
        let makefile = u32::try_from(self.folder.makefiles.len()).unwrap_or(u32::MAX);
        self.folder.makefiles.push(path);
        let mut position = Position::default();
        let text = String::from_utf8_lossy(&text);
        let is_empty = |line: &str| line.trim().is_empty();
        let count = text.lines().filter(|line| !is_empty(line)).count();
        self.folder.lines.reserve_exact(count);
        for (number, text) in logical_lines(&text).filter(|(_, line)| !is_empty(line)) {
            let form = position.follow(&text);
            let condition = position.conditions.unknown().or(around);
            let line = Line {
                makefile,
                number,
                text: text.into(),
                form,
                is_by_hand: position.conditions.are_false(),
                condition: condition.cloned(),
            };
            let included = match line.form == Form::Statement && !line.is_by_hand {
                true => self.statement(&line.statement()),
                false => Vec::new(),
            };
            self.folder.lines.push(line);
            for path in included {
                self.makefile(path, condition, depth + 1);
            }
        }
    }

    /// Follows a statement; returns the files that it includes.
    fn statement(&mut self, statement: &Statement<'_>) -> Vec<PathBuf> {
        match *statement {
            Statement::Assignment { name, how, value } => {
                let is_objects = name.starts_with("obj-");
                if is_objects || name.starts_with("subdir-") {
                    self.words(value, is_objects);
                }
                self.values.assign(name, how, value.trim());
                Vec::new()
            }
            Statement::Include(files) => {
                let files = self.values.expand(files);
                self.folder.is_whole &= !files.contains('$');
                let words = files.split_whitespace();
                words
                    .filter_map(|word| self.values.included(word))
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn words(&mut self, value: &str, are_objects: bool) {
        let value = self.values.expand(value);
        for word in value.split_whitespace().filter(|word| !word.contains('$')) {
            if word.ends_with('/') {
                self.folder.below.push(word.to_owned());
            }
            if are_objects {
                self.folder.objects.push(word.to_owned());
            }
        }
    }
}
