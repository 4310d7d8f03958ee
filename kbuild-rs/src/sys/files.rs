//! Small helpers for paths and for the bytes of files.

use std::io;
use std::path::{Component, Path, PathBuf};

use super::regular;

/// Sorts paths and drops duplicates. It compares bytes, because comparing thousands of paths
/// component by component takes noticeable time. (All callers share this function, because each
/// sort adds much code to compile.)
pub(crate) fn sort_paths(paths: &mut Vec<PathBuf>) {
    paths.sort_unstable_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    paths.dedup_by(|a, b| a.as_os_str() == b.as_os_str());
}

/// Whether paths that [`sort_paths`] has sorted hold this one.
pub(crate) fn is_among(path: &Path, sorted: &[PathBuf]) -> bool {
    let wanted = path.as_os_str();
    sorted
        .binary_search_by(|p| p.as_os_str().cmp(wanted))
        .is_ok()
}

/// Whether two files hold the same bytes.
pub(crate) fn same_content(a: &Path, b: &Path) -> io::Result<bool> {
    use std::io::Read;
    let (mut a, mut b) = (regular::open(a)?, regular::open(b)?);
    let (one, other) = (a.metadata()?, b.metadata()?);
    if !one.is_file() || !other.is_file() || one.len() != other.len() {
        return Ok(false);
    }
    let (mut x, mut y) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let n = a.read(&mut x)?;
        if n == 0 {
            return Ok(true);
        }
        match b.read_exact(&mut y[..n]) {
            Ok(()) if x[..n] == y[..n] => {}
            Ok(()) => return Ok(false),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(e) => return Err(e),
        }
    }
}

/// Whether a path from one of our files stays below its folder: it is relative and has no `..`.
pub(crate) fn is_below(path: &Path) -> bool {
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    !path.as_os_str().is_empty() && path.components().all(plain)
}

/// The path without `.` and `..`. Only its text counts, because the file may not exist any more.
pub(crate) fn normal(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                result.pop();
            }
            other => result.push(other),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_normalised_by_its_text() {
        assert_eq!(normal(Path::new("/a/b/../c/./d")), Path::new("/a/c/d"));
        assert_eq!(normal(Path::new("/../a")), Path::new("/a"));
    }
}
