//! Small things done with paths and the bytes of files everywhere.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use crate::regular;

/// Sorts paths and drops what is there twice. By bytes: comparing thousands of paths component by
/// component shows. (One place for all: every sort of its own is much code to compile.)
pub(crate) fn sort_paths(paths: &mut Vec<PathBuf>) {
    paths.sort_unstable_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    paths.dedup();
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

/// Whether a path that was read from a file of ours leads to something below the folder that it
/// is about: relative, and without `..`.
pub(crate) fn is_below(path: &Path) -> bool {
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    !path.as_os_str().is_empty() && path.components().all(plain)
}

/// Escapes what separates: names may hold any byte but NUL.
pub(crate) fn escape(path: &Path, to: &mut Vec<u8>) {
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'\n' => to.extend_from_slice(b"%n"),
            b'\t' => to.extend_from_slice(b"%t"),
            b' ' => to.extend_from_slice(b"%s"),
            b'%' => to.extend_from_slice(b"%%"),
            _ => to.push(byte),
        }
    }
}

/// The inverse of [`escape`]; `None` for what it cannot have written.
pub(crate) fn unescape(bytes: &[u8]) -> Option<PathBuf> {
    let mut path = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(&byte) = rest.next() {
        path.push(match byte {
            b'%' => match rest.next()? {
                b'n' => b'\n',
                b't' => b'\t',
                b's' => b' ',
                b'%' => b'%',
                _ => return None,
            },
            _ => byte,
        });
    }
    Some(PathBuf::from(OsString::from_vec(path)))
}

/// Whether kbuild can work in a directory of this name. Blanks end a word in make, `:`, `%`,
/// `#`, `$` and `=` are its syntax, `,` and parentheses break its functions, `;&|<>*?\` and
/// quotes reach a shell.
pub(crate) fn is_carryable(path: &Path) -> bool {
    path.to_str().is_some_and(|text| {
        text.chars().all(|c| {
            c.is_ascii_alphanumeric()
                || "_./+@~^-".contains(c)
                || (!c.is_ascii() && c.is_alphanumeric())
        })
    })
}

/// The path without `.` and `..`, judged by its text: the file may be gone.
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

    #[test]
    fn a_path_with_make_or_shell_syntax_is_not_carryable() {
        for bad in [
            "/a b", "/a$b", "/a#b", "/a%b", "/a:b", "/a,b", "/a=b", "/a(b", "/a'b", "/a\"b",
            "/a\nb", "/a\\b", "/a;b", "/a&b", "/a*b", "/a?b", "/a|b", "/a<b", "/a[b", "/a!b",
        ] {
            assert!(!is_carryable(Path::new(bad)), "{bad:?}");
        }
        for good in ["/usr/src/x-1.0+dfsg~rc1^2@host", "/häuser/модуль", "/"] {
            assert!(is_carryable(Path::new(good)), "{good:?}");
        }
    }

    #[test]
    fn a_path_that_is_not_utf_8_is_not_carryable() {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"/a\xff"));
        assert!(!is_carryable(path));
    }
}
