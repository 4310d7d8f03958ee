//! The place of the private folder, and the paths that kbuild can handle.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::error::Sink;
use crate::jobs::is_pool_file;
use crate::syntax::is_carryable;
use crate::sys::{Hash, Private, Root};
use crate::{Error, Result, sys};

/// The folder in OUT that holds all private files.
pub(crate) const PRIVATE: &str = ".kbuild";

/// The file in OUT that tells editors how each C source was compiled.
pub(crate) const COMPILE_COMMANDS: &str = "compile_commands.json";

/// The same for Rust: the crates and their dependencies.
pub(crate) const RUST_PROJECT: &str = "rust-project.json";

/// A module folder's own crates, among its private files.
#[cfg(feature = "rust")]
pub(crate) const RUST_ENTRIES: &str = "rust_project";

/// The lock for publishing into OUT, which all keys share.
pub(crate) const PUBLISH_LOCK: &str = "publish.lock";

/// The folder of the feature `bindgen` beside the keys.
pub(crate) const BINDINGS: &str = "bindings";

/// The mark of a cache folder, for backup programs and for kbuild-rs
/// (<https://bford.info/cachedir/>).
pub(crate) const CACHEDIR_TAG: &str = "CACHEDIR.TAG";
pub(crate) const CACHEDIR_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";
/// The text of that mark in our folders.
pub(crate) const TAG: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55\n\
    # Made by kbuild-rs; may be deleted at any time.\n";

/// The tag by which kbuild-rs recognizes a private folder.
const OURS: Private<'_> = Private {
    tag: (CACHEDIR_TAG, TAG),
    is_own: is_own_name,
};

/// The folder for all private files of `out` (an absolute path): inside `out`, or in the user's
/// cache if kbuild could not carry the path. Creates nothing; `sink` gets a message about each
/// cache folder that is not used.
pub(crate) fn private_root(out: &Path, sink: Option<&Sink>) -> Result<PathBuf> {
    let inside = out.join(PRIVATE);
    if is_carryable(&inside) {
        return Ok(inside);
    }
    let (cache, ignored) = sys::cache_folder(is_carryable);
    let Some(cache) = cache else {
        let ignored: String = ignored.iter().map(|why| format!("\n    {why}")).collect();
        return Err(Error::input(format!(
            "kbuild cannot build in {}: make does not support blanks, quotes and these characters \
             in a path: , = ( ) & ; * ? \\ | < : % # $. Choose another output directory, or set \
             XDG_CACHE_HOME to a folder of yours without such characters in its path. kbuild-rs \
             then builds in that folder.{ignored}",
            out.display()
        )));
    };
    if let Some(sink) = sink {
        ignored.iter().for_each(|why| sink.note(why));
    }
    let mut hash = Hash::new();
    hash.add(out.as_os_str().as_encoded_bytes());
    Ok(cache
        .join("kbuild-rs")
        .join(format!("{:016x}", hash.value())))
}

/// Opens a private folder if it exists and is ours.
///
/// # Errors
/// [`ErrorKind::NotOurs`](crate::ErrorKind::NotOurs) for a folder of another user.
pub(crate) fn open_private_root(path: &Path) -> Result<Option<Root>> {
    if is_inside_out(path) {
        return OURS.open(path);
    }
    let root = sys::private_folder(path, false)?;
    root.map(|root| OURS.known(root, false)).transpose()
}

/// Opens a private folder, and creates it with its parents if it is missing. A folder in a user's
/// cache is only readable for that user, because other users may not be allowed to read the copied
/// sources.
pub(crate) fn make_private_root(path: &Path) -> Result<Root> {
    if is_inside_out(path) {
        return OURS.make(path);
    }
    let root = sys::private_folder(path, true)?;
    let root =
        root.ok_or_else(|| Error::writing("create", path, std::io::ErrorKind::NotFound.into()))?;
    OURS.known(root, true)
}

fn is_inside_out(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == PRIVATE)
}

/// Whether a name has the form of a key: `label-0123456789abcdef`.
pub(crate) fn is_key(name: &OsStr) -> bool {
    let Some((label, hash)) = name.to_str().and_then(|name| name.rsplit_once('-')) else {
        return false;
    };
    let of_label = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    label.len() <= LABEL && label.chars().all(of_label) && is_hash(hash)
}

/// The number of characters of a label in a key.
pub(super) const LABEL: usize = 40;

/// Whether a text has the form of our sixteen hexadecimal digits.
pub(crate) fn is_hash(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether this name in a private folder belongs to a folder.
pub(crate) fn is_folder_name(name: &OsStr) -> bool {
    name == BINDINGS || is_key(name)
}

/// Whether a private folder may contain this name.
pub(crate) fn is_own_name(name: &OsStr) -> bool {
    [CACHEDIR_TAG, PUBLISH_LOCK, BINDINGS]
        .iter()
        .any(|own| name == *own)
        || is_pool_file(name)
        || is_key(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_private_folder_lies_in_out_where_make_can_carry_it() {
        assert_eq!(
            private_root(Path::new("/o/out"), None).unwrap(),
            Path::new("/o/out/.kbuild")
        );
    }

    #[test]
    fn a_key_has_the_form_that_we_give_it() {
        let is = |name: &str| is_key(OsStr::new(name));
        assert!(
            is("hello-0123456789abcdef") && is("-0123456789abcdef") && is("a-b_c-00000000deadbeef")
        );
        for name in [
            "hello",
            "hello-0123456789ABCDEF",
            "..",
            "a/b-0123456789abcdef",
            "x-0123",
            "",
        ] {
            assert!(!is(name), "{name}");
        }
    }
}
