//! Finds the repositories that git was asked about while make ran.
//!
//! `GIT_TRACE_SETUP` makes each git write down its folders, one a line:
//!
//! ```text
//! 07:04:14.589596 trace.c:316             setup: git_dir: .git
//! 07:04:14.589634 trace.c:317             setup: git_common_dir: .git
//! 07:04:14.589637 trace.c:318             setup: worktree: /driver
//! 07:04:14.589638 trace.c:319             setup: cwd: /driver
//! ```
//!
//! A Makefile may ask any repository. The HEAD and the tags of the repositories that it asked
//! belong to the record.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::mem::take;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::private::STANDS_FOR;
use super::{DotGit, GitPlaces, Repository};
use crate::sys::regular;

/// The repositories that were asked. A repository of the stage is given as the one that it stands
/// for. `None` if git wrote no trace, because nothing asked git.
pub(crate) fn asked(places: &GitPlaces) -> Option<Vec<Repository>> {
    let text = regular::read(places.trace()).ok()?;
    let asked: BTreeSet<_> = parse(&text).into_iter().collect();
    let mut found = Vec::new();
    for (git_dir, common, work_tree) in asked {
        let real = fs::canonicalize(&git_dir).unwrap_or_else(|_| git_dir.clone());
        found.extend(match real.starts_with(&places.0) {
            true => stands_for(&real),
            false => Some(Repository {
                work_tree,
                git_dir,
                common,
            }),
        });
    }
    Some(found)
}

fn stands_for(place: &Path) -> Option<Repository> {
    let top = regular::read(place.join(STANDS_FOR)).ok()?;
    match Repository::at(Path::new(OsStr::from_bytes(&top))) {
        DotGit::Ours(repository) => Some(repository),
        _ => None,
    }
}

/// (git's folder, the common folder, the work tree) of each git process.
pub(super) fn parse(text: &[u8]) -> Vec<(PathBuf, PathBuf, PathBuf)> {
    let mut found = Vec::new();
    let [mut git_dir, mut common, mut work_tree]: [PathBuf; 3] = Default::default();
    for line in text.split(|&b| b == b'\n') {
        let Some(at) = line.windows(7).position(|w| w == b"setup: ") else {
            continue;
        };
        let rest = &line[at + 7..];
        let Some(at) = rest.windows(2).position(|w| w == b": ") else {
            continue;
        };
        let value = || PathBuf::from(OsStr::from_bytes(&rest[at + 2..]));
        match &rest[..at] {
            b"git_dir" => git_dir = value(),
            b"git_common_dir" => common = value(),
            b"worktree" => work_tree = value(),
            b"cwd" => {
                // Each git names all four. Taken out, because a crafted file could name long paths
                // once and many working directories.
                let cwd = value();
                let whole = |path: &mut PathBuf| cwd.join(take(path));
                found.push((
                    whole(&mut git_dir),
                    whole(&mut common),
                    whole(&mut work_tree),
                ));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_git_tells_where_it_works() {
        let text = b"07:04:14.589596 trace.c:316             setup: git_dir: .git\n\
            07:04:14.589634 trace.c:317             setup: git_common_dir: /c\n\
            07:04:14.589637 trace.c:318             setup: worktree: /a: b\n\
            07:04:14.589638 trace.c:319             setup: cwd: /a: b\n\
            07:04:14.589638 trace.c:320             setup: prefix: (null)\n";
        let wanted = ["/a: b/.git", "/c", "/a: b"].map(PathBuf::from);
        assert_eq!(parse(text), [wanted.into()]);
    }
}
