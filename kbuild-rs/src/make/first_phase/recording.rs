//! The recording of a first phase: its contents, as a value.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::name_check::NameCheck;
use super::words::{Template, Words};
use crate::make::find_program;
use crate::make::lines::Stream;
use crate::sys::{Hash, Identity};

/// A first phase.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Recording {
    /// The state of the files that decided it.
    pub(crate) files: Vec<FileState>,
    /// The makefiles that make read.
    pub(crate) makefiles: Vec<PathBuf>,
    /// The lines that it printed.
    pub(crate) said: Vec<(Stream, Template)>,
    /// The check for two modules of one name, if the kernel makes one.
    pub(crate) checks_names: Option<NameCheck>,
    /// The makes that it started, in their order.
    pub(crate) makes: Vec<RecordedMake>,
}

/// A make that the top Makefile started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordedMake {
    pub(crate) cwd: Template,
    /// Its words without the program.
    pub(crate) args: Vec<Template>,
    /// The variables of its environment, sorted by name.
    pub(crate) env: Vec<(OsString, Value)>,
    /// The lines that follow if it fails, without the exit code.
    pub(crate) failing: Vec<Template>,
}

/// A value in the environment of such a make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// The value in the environment of the whole build.
    Given,
    Text(Template),
}

impl Value {
    /// The value in this build.
    pub(crate) fn shown(
        &self,
        words: &Words,
        env: &[(OsString, OsString)],
        name: &str,
    ) -> Option<OsString> {
        match self {
            Value::Given => env.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()),
            Value::Text(template) => words.show(template),
        }
    }

    /// Whether the value has a place for the words about jobs.
    pub(super) fn has_jobs(&self) -> bool {
        let Value::Text(template) = self else {
            return false;
        };
        let jobs = Words::JOBS;
        template.windows(jobs.len()).any(|at| at == jobs)
    }
}

/// The state of something that decides a first phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileState {
    File(PathBuf, Identity),
    /// The names in a folder.
    Names(PathBuf, u64),
    /// The files directly in a folder, with their identities.
    Files(PathBuf, u64),
    /// A program, and its place in `PATH`.
    Program(String, Option<PathBuf>),
}

impl FileState {
    /// A file as it is now; `None` if it does not exist, or if it may have changed since `start`.
    pub(crate) fn of_file(path: &Path, start: Duration) -> Option<FileState> {
        let id = Identity::of_settled(path, start).ok()??;
        Some(FileState::File(path.to_owned(), id))
    }

    /// The names in a folder; `None` if they may have changed since `start`.
    pub(crate) fn of_names(folder: &Path, start: Duration) -> Option<FileState> {
        Identity::of_settled(folder, start).ok()??;
        Some(FileState::Names(folder.to_owned(), names(folder, None)?))
    }

    /// The files in a folder; `None` if one may have changed since `start`.
    pub(crate) fn of_files(folder: &Path, start: Duration) -> Option<FileState> {
        Identity::of_settled(folder, start).ok()??;
        let hash = names(folder, Some(start))?;
        Some(FileState::Files(folder.to_owned(), hash))
    }

    pub(crate) fn of_program(name: &str, env: &[(OsString, OsString)]) -> FileState {
        FileState::Program(name.to_owned(), find_program(name, env))
    }

    /// Whether it is still so.
    pub(crate) fn holds(&self, env: &[(OsString, OsString)]) -> bool {
        match self {
            FileState::File(path, id) => id.matches(path),
            FileState::Names(folder, hash) => names(folder, None) == Some(*hash),
            FileState::Files(folder, hash) => names(folder, Some(Duration::MAX)) == Some(*hash),
            FileState::Program(name, place) => find_program(name, env) == *place,
        }
    }

    /// Its name in a sentence.
    pub(crate) fn name(&self) -> String {
        match self {
            FileState::File(path, _) | FileState::Names(path, _) | FileState::Files(path, _) => {
                path.display().to_string()
            }
            FileState::Program(name, _) => name.clone(),
        }
    }
}

/// A hash of the names in a folder. With `settled`, also of the state of the files, which may not
/// have changed since then.
fn names(folder: &Path, settled: Option<Duration>) -> Option<u64> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).ok()? {
        let name = entry.ok()?.file_name();
        let path = folder.join(&name);
        let mut text = String::new();
        if let Some(start) = settled.filter(|_| path.is_file()) {
            let id = Identity::of_settled(&path, start).ok()??;
            id.write_state(&mut text);
        }
        entries.push((name, text));
    }
    entries.sort_unstable();
    let mut hash = Hash::new();
    for (name, text) in entries {
        hash.add(name.as_encoded_bytes()).add(b"\n");
        hash.add(text.as_bytes()).add(b"\n");
    }
    Some(hash.value())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    #[test]
    fn a_changed_file_a_new_name_and_another_program_are_noticed() {
        let root = Root::new();
        root.write("scripts/one.sh", "1");
        let program = root.executable("bin/tool", "#!/bin/sh\n");
        let env = [("PATH".into(), root.join("first:").into_os_string())];
        let env = env.map(|(name, path): (OsString, OsString)| {
            let mut path = path;
            path.push(program.parent().unwrap());
            (name, path)
        });
        let later = Duration::from_secs(1 << 40);
        assert!(FileState::of_names(&root.join("scripts"), Duration::ZERO).is_none());
        let scripts = root.join("scripts");
        let all = || {
            vec![
                FileState::of_file(&scripts.join("one.sh"), later).unwrap(),
                FileState::of_names(&scripts, later).unwrap(),
                FileState::of_files(&scripts, later).unwrap(),
                FileState::of_program("tool", &env),
            ]
        };
        let kept = all();
        let held = || {
            kept.iter()
                .map(|state| state.holds(&env))
                .collect::<Vec<_>>()
        };
        assert_eq!(held(), [true; 4]);
        root.write("scripts/one.sh", "22");
        assert_eq!(held(), [false, true, false, true]);
        root.write("scripts/two.sh", "");
        assert_eq!(held(), [false, false, false, true]);
        root.executable("first/tool", "#!/bin/sh\n");
        assert_eq!(held(), [false; 4]);
    }
}
