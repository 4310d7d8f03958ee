//! Where the private folder lies, and which paths kbuild can carry at all.

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::identity::Hash;
use crate::{Error, Result, sys};

/// The folder in OUT that holds everything private.
pub(crate) const PRIVATE: &str = ".kbuild";

/// The mark that backup programs and we ourselves know a cache folder by
/// (<https://bford.info/cachedir/>).
pub(crate) const CACHEDIR_TAG: &str = "CACHEDIR.TAG";
pub(crate) const CACHEDIR_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

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

/// The folder for everything private of `out` (an absolute path): inside it, or in the user's
/// cache where kbuild could not carry the path. Nothing is created.
pub(crate) fn private_root(out: &Path) -> Result<PathBuf> {
    let inside = out.join(PRIVATE);
    if is_carryable(&inside) {
        return Ok(inside);
    }
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|p| p.is_absolute())
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))
        .filter(|p| p.is_absolute() && is_carryable(p))
        .ok_or_else(|| {
            Error::input(format!(
                "kbuild cannot build below {}: make does not carry blanks, quotes or any of \
                 , = ( ) & ; * ? \\ | < : % # $ in a path; choose another output directory, or \
                 set XDG_CACHE_HOME to a path without them, where the build can take place",
                out.display()
            ))
        })?;
    let mut hash = Hash::new();
    hash.add(out.as_os_str().as_encoded_bytes());
    Ok(cache
        .join("kbuild-rs")
        .join(format!("{:016x}", hash.value())))
}

/// Creates `root` and what leads to it. The user's cache folder may be readable by others, the
/// sources copied into it need not be: the folder itself is for its owner only there.
pub(crate) fn create_private_root(root: &Path) -> Result<()> {
    let inside_out = root.file_name().is_some_and(|n| n == PRIVATE);
    let mode = if inside_out { 0o777 } else { 0o700 };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(root)
        .map_err(|e| Error::io("create", root, e))?;
    if !inside_out {
        let owner = std::fs::metadata(root)
            .map_err(|e| Error::io("look at", root, e))?
            .uid();
        if owner != sys::effective_uid() {
            return Err(Error::input(format!(
                "{} belongs to another user; remove it, or set XDG_CACHE_HOME to a folder of \
                 your own",
                root.display()
            )));
        }
    }
    let tag = root.join(CACHEDIR_TAG);
    if !tag.exists() {
        let mut text = CACHEDIR_SIGNATURE.to_vec();
        text.extend_from_slice(b"\n# Made by kbuild-rs; may be deleted at any time.\n");
        std::fs::write(&tag, text).map_err(|e| Error::io("write", &tag, e))?;
    }
    Ok(())
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

    #[test]
    fn the_private_folder_lies_in_out_where_make_can_carry_it() {
        assert_eq!(
            private_root(Path::new("/o/out")).unwrap(),
            Path::new("/o/out/.kbuild")
        );
    }
}
