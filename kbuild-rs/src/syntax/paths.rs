//! Paths that kbuild can carry, and paths in lines of our own files.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

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

#[cfg(test)]
mod tests {
    use super::*;

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
