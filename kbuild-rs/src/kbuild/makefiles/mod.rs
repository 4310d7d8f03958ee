//! The one reader of a module tree's makefiles. It reads them as text, without make.
//!
//! [`Makefiles::of`] walks over the folders that kbuild enters. Each [`Folder`] has the [`Line`]s
//! of its makefile and of the files that it includes, with their form and the conditions around
//! them. [`Makefiles`] answers questions about the whole tree. Nothing is evaluated: a condition or
//! a switch that only make can decide counts as true, and a word that only make can expand is left
//! out.

mod conditions;
mod folder;
mod lines;
#[cfg(test)]
mod tests;
mod values;

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::sys::normal;
use values::Values;

pub(crate) use conditions::{ALWAYS_SET, Conditional, conditional};
pub(crate) use folder::Folder;
pub(crate) use lines::{Form, Line, Statement};

/// The makefiles that kbuild reads in a module folder and in the folders that it enters from there,
/// with the files that they include.
#[derive(Debug, Default)]
pub(crate) struct Makefiles {
    /// The module folder comes first. The folders that a folder names follow it.
    pub(crate) folders: Vec<Folder>,
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

impl Makefiles {
    /// Reads the makefiles of a module folder, whose path is absolute.
    pub(crate) fn of(module_dir: &Path) -> Makefiles {
        let mut folders = Vec::new();
        // A set of device and inode ends the walk if a folder names itself by any path. The walk
        // has no recursion, because a tree may be deeper than a thread's stack.
        let mut seen = BTreeSet::new();
        let mut open = vec![module_dir.to_owned()];
        while let Some(dir) = open.pop() {
            if fs::metadata(&dir).is_ok_and(|here| seen.insert((here.dev(), here.ino()))) {
                let folder = Folder::read(&dir, module_dir);
                let below = folder.below.iter().rev();
                open.extend(below.map(|word| normal(&dir.join(word))));
                folders.push(folder);
            }
        }
        Makefiles { folders }
    }

    /// The assignments that kbuild reads.
    pub(crate) fn assignments(&self) -> impl Iterator<Item = Assignment<'_>> {
        self.folders.iter().flat_map(Folder::assignments)
    }

    /// Whether the variable is used elsewhere than in a recipe, in a condition or in its own value.
    pub(crate) fn use_variable(&self, name: &str) -> bool {
        let lines = self.folders.iter().flat_map(|folder| &folder.lines);
        let may_use = |line: &&Line| match line.form {
            Form::Condition | Form::Recipe { .. } => false,
            Form::Defined => true,
            Form::Statement => line.assignment().is_none_or(|(n, _)| n != name),
        };
        lines
            .filter(|line| !line.is_by_hand)
            .filter(may_use)
            .any(|line| uses(&line.text, name))
    }

    /// The variables that only make by hand sets: (variable, value).
    pub(crate) fn set_by_hand(&self) -> impl Iterator<Item = (&str, &str)> {
        let set: HashSet<&str> = self.assignments().map(|a| a.name).collect();
        let lines = self.folders.iter().flat_map(|folder| &folder.lines);
        lines
            .filter(|line| line.is_by_hand)
            .filter_map(Line::assignment)
            .filter(move |(name, _)| !set.contains(name))
    }

    /// A text with the variables replaced that the makefiles set, in any folder or part.
    pub(crate) fn expand(&self, text: &str) -> String {
        let module = self.folders.first();
        let module_dir = module.map_or(Path::new(""), |folder| &folder.dir);
        let mut values = Values::new(module_dir, module_dir);
        for (name, value) in self.set_by_hand() {
            values.assign(name, '=', value);
        }
        for assignment in self.assignments() {
            values.assign(assignment.name, '=', assignment.value);
        }
        values.expand(text)
    }

    /// Whether all files that an `include` names are known.
    pub(crate) fn are_all(&self) -> bool {
        self.folders.iter().all(|folder| folder.is_whole)
    }
}

impl Folder {
    /// The makefile that holds a line of this folder.
    pub(crate) fn makefile_of(&self, line: &Line) -> &Path {
        let place = usize::try_from(line.makefile).ok();
        let makefile = place.and_then(|place| self.makefiles.get(place));
        makefile.map_or(&self.dir, PathBuf::as_path)
    }

    /// The assignments that kbuild reads.
    pub(crate) fn assignments(&self) -> impl Iterator<Item = Assignment<'_>> {
        let lines = self.lines.iter().filter(|line| !line.is_by_hand);
        lines.filter_map(|line| {
            let (name, value) = line.assignment()?;
            Some(Assignment {
                makefile: self.makefile_of(line),
                name,
                value,
                condition: line.condition.as_deref(),
            })
        })
    }
}

/// The makefile that kbuild reads in a folder. It may be any kind of file.
pub(crate) fn makefile_in(dir: &Path) -> Option<PathBuf> {
    let files = ["Kbuild", "Makefile"].map(|name| dir.join(name));
    files.into_iter().find(|path| path.exists())
}

/// Whether a file has the name of a makefile. Makefiles that only a module's own rules read count
/// too.
pub(crate) fn is_makefile(path: &Path) -> bool {
    path.file_name().is_some_and(|name| {
        let name = name.as_bytes();
        name.starts_with(b"Makefile") || name.starts_with(b"Kbuild") || name.ends_with(b".mk")
    })
}

/// The variables in a text: `$(NAME)` or `${NAME}`, or the same with a substitution.
pub(crate) fn used(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('$').filter_map(|(at, _)| {
        let rest = text[at + 1..].strip_prefix(['(', '{'])?;
        let end = rest.bytes().take(values::LONGEST_NAME);
        let end = end.into_iter().position(|byte| b")}:".contains(&byte))?;
        Some(&rest[..end])
    })
}

/// Whether a text contains `$(NAME)` or `${NAME}`, or the same with a substitution.
pub(crate) fn uses(text: &str, name: &str) -> bool {
    ["$(", "${"].iter().any(|open| {
        text.match_indices(open).any(|(at, _)| {
            let rest = text[at + 2..].strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with([')', '}', ':']))
        })
    })
}
