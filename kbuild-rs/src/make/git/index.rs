//! Fits a private index to the stage.
//!
//! The stage lacks some files, and the build may write into its copies. Still, `--dirty` must
//! answer as in the source. So files that are clean in the source are marked, and git counts them
//! as clean without reading them (`skip-worktree`). Untracked files are hidden, unless the source
//! has them too.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::private::{RunGit, StagedRepository, copy_dated};
use super::{DotGit, GitPlaces, Repository};
use crate::sys::{Writer, regular, signals};
use crate::{Error, Result, sys};

/// Fits the index. If git fails, the index stays the source's, and git reads the copies.
pub(super) fn fit(
    places: &GitPlaces,
    staged: &StagedRepository,
    writer: &Writer,
    run: &RunGit<'_>,
) -> Result<()> {
    let git = Git {
        staged,
        writer,
        run,
    };
    // Fails if a file is changed or not merged.
    git.ask(&["update-index", "-q", "--refresh"], None)?;
    let changed = [
        "diff-files",
        "--ignore-submodules=all",
        "--name-only",
        "--no-ext-diff",
        "-z",
    ];
    let known = git.ask(&["ls-files", "--stage", "-z"], None)?;
    let (Some(changed), Some(known)) = (git.ask(&changed, None)?, known) else {
        return Ok(());
    };
    let known = entries(&known);
    if let Some(only) = &staged.only {
        let modules = known.iter().filter(|entry| entry.is_submodule);
        for module in modules.map(|entry| Path::new(OsStr::from_bytes(entry.name))) {
            submodule(places, (staged, only), module, writer, run)?;
        }
    }
    let is_there = |name: &[u8]| staged.work_tree.join(OsStr::from_bytes(name)).exists();
    let clean = clean(&known, &changed, |name| is_there(name) && !staged.is_part);
    git.ask(
        &["update-index", "-z", "--skip-worktree", "--stdin"],
        Some(&clean),
    )?;
    let index = staged.place.join("index");
    if let Ok(file) = regular::open(&index) {
        copy_dated(writer, &file, &staged.source_index(), &index)?;
    }
    // If only a part of the work tree is staged (the repository may be a home folder), git only
    // looks through that part.
    let part = match &staged.only {
        Some(only) => only.strip_prefix(&staged.work_tree).ok(),
        None => Some(Path::new(".")),
    };
    let others = match part.filter(|_| !staged.is_part).and_then(Path::to_str) {
        Some(part) => {
            let args = [
                "ls-files",
                "--others",
                "--exclude-standard",
                "-z",
                "--",
                part,
            ];
            git.ask(&args, None)?
        }
        None => Some(Vec::new()),
    };
    match others {
        Some(others) => {
            let file = staged.place.join("info/exclude");
            writer.write_whole(&file, &excluded(&others))
        }
        None => Ok(()),
    }
}

/// A line of the index.
pub(super) struct Entry<'a> {
    name: &'a [u8],
    is_submodule: bool,
    is_merged: bool,
}

/// The entries that `git ls-files --stage -z` prints.
pub(super) fn entries(text: &[u8]) -> Vec<Entry<'_>> {
    let entry = |line: &'_ [u8]| -> Option<usize> { line.iter().position(|&b| b == b'\t') };
    let lines = text.split(|&b| b == 0);
    // 100644 <object> 0<TAB>name
    let parts = lines.filter_map(|line| entry(line).map(|tab| (&line[..tab], &line[tab + 1..])));
    let entries = parts.map(|(head, name)| Entry {
        name,
        is_submodule: head.starts_with(b"160000 "),
        is_merged: head.ends_with(b" 0"),
    });
    entries.collect()
}

/// The names of the entries that have no changes since the commit. git checks submodules itself if
/// it can.
pub(super) fn clean(
    known: &[Entry<'_>],
    changed: &[u8],
    can_look: impl Fn(&[u8]) -> bool,
) -> Vec<u8> {
    let changed: HashSet<&[u8]> = changed.split(|&b| b == 0).collect();
    let mut names = Vec::new();
    for entry in known {
        let is_looked_at = entry.is_submodule && can_look(entry.name);
        if entry.is_merged && !is_looked_at && !changed.contains(entry.name) {
            names.extend_from_slice(entry.name);
            names.push(0);
        }
    }
    names
}

/// Puts the repository of a submodule into the place where git looks for it, unless the submodule
/// is staged. The stage has nothing else of it.
fn submodule(
    places: &GitPlaces,
    (of, only): (&StagedRepository, &Path),
    name: &Path,
    writer: &Writer,
    run: &RunGit<'_>,
) -> Result<()> {
    let work_tree = of.work_tree.join(name);
    if work_tree.starts_with(only) || only.starts_with(&work_tree) {
        return Ok(());
    }
    let DotGit::Ours(repository) = Repository::at(&of.repository.work_tree().join(name)) else {
        return Ok(());
    };
    let staged = StagedRepository {
        repository,
        place: places.of_link(&Path::new("..").join(name)),
        work_tree,
        is_part: false,
        only: Some(only.to_owned()),
    };
    writer.create_dirs(&staged.work_tree)?;
    writer.symlink(&staged.place, &staged.work_tree.join(".git"))?;
    staged.write(writer)?;
    fit(places, &staged, writer, run)
}

/// The patterns that hide everything but these files.
pub(super) fn excluded(others: &[u8]) -> Vec<u8> {
    let mut patterns = b"*\n".to_vec();
    let mut folders = BTreeSet::new();
    let others = others.split(|&b| b == 0).filter(|name| !name.is_empty());
    let mut files = Vec::new();
    for name in others {
        // A pattern cannot contain a line break.
        if name.contains(&b'\n') {
            continue;
        }
        let path = Path::new(OsStr::from_bytes(name));
        let above = path.ancestors().skip(1).map(Path::to_owned);
        folders.extend(above.filter(|dir| !dir.as_os_str().is_empty()));
        files.push(path.to_owned());
    }
    for (path, end) in folders
        .iter()
        .map(|dir| (dir, "/"))
        .chain(files.iter().map(|file| (file, "")))
    {
        patterns.extend(b"!/");
        for &byte in path.as_os_str().as_bytes() {
            if b"*?[\\ ".contains(&byte) {
                patterns.push(b'\\');
            }
            patterns.push(byte);
        }
        patterns.extend(end.as_bytes());
        patterns.push(b'\n');
    }
    patterns
}

/// Runs git on the source with the private index.
struct Git<'a> {
    staged: &'a StagedRepository,
    writer: &'a Writer,
    run: &'a RunGit<'a>,
}

impl Git<'_> {
    /// git's output; `None` if it fails.
    fn ask(&self, args: &[&str], input: Option<&[u8]>) -> Result<Option<Vec<u8>>> {
        let place = &self.staged.place;
        let source = self.staged.repository.work_tree();
        let (asked, said) = (place.join("asked"), place.join("said"));
        let failed = |e| Error::writing("run git in", source, e);
        let stdin = match input {
            Some(bytes) => {
                self.writer.write_whole(&asked, bytes)?;
                Stdio::from(regular::open(&asked).map_err(failed)?)
            }
            None => Stdio::null(),
        };
        let said_to: File = self.writer.create(&said, 0o600)?;
        let mut command = Command::new(&self.run.program);
        command
            .env_clear()
            .envs(self.env())
            .arg("--literal-pathspecs")
            .arg("--git-dir")
            .arg(place)
            .arg("--work-tree")
            .arg(source)
            .args(args)
            .current_dir(source)
            .stdin(stdin)
            .stdout(said_to)
            .stderr(Stdio::null());
        sys::tie_child(&mut command, self.run.held.setup());
        let mut child = signals::spawn(&mut command, false, source, None)?;
        let status = signals::wait(&mut child).map_err(failed)?;
        signals::check()?;
        let bytes = self.writer.read(&said)?;
        self.writer.remove_file(&asked)?;
        self.writer.remove_file(&said)?;
        Ok(bytes.filter(|_| status.success()))
    }

    fn env(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let of_git = |name: &OsStr| name.as_bytes().starts_with(b"GIT_");
        let env = self.run.env.iter();
        env.filter(move |(name, _)| !of_git(name))
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).replace('\0', "|")
    }

    #[test]
    fn clean_files_are_those_that_did_not_change_and_are_no_submodules() {
        let known = b"100644 aa 0\ta b.c\x00100644 bb 0\tb.c\x00160000 cc 0\tsub\x00100644 dd 2\tconflict\x00";
        let known = entries(known);
        assert_eq!(text(&clean(&known, b"b.c\0", |_| true)), "a b.c|");
        assert_eq!(text(&clean(&known, b"b.c\0", |_| false)), "a b.c|sub|");
    }

    #[test]
    fn the_untracked_files_of_the_stage_are_those_of_the_source() {
        let patterns = text(&excluded(b"new.c\0a/b/x y*.c\0"));
        assert_eq!(patterns, "*\n!/a/\n!/a/b/\n!/new.c\n!/a/b/x\\ y\\*.c\n");
        assert_eq!(text(&excluded(b"")), "*\n");
    }
}
