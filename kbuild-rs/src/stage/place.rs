//! Where the private folder lies, and which paths kbuild can carry at all.

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::files::is_carryable;
use crate::identity::Hash;
use crate::{Error, Result, sys};

/// The folder in OUT that holds everything private.
pub(crate) const PRIVATE: &str = ".kbuild";

/// What OUT holds besides the modules and their symvers: how each source was compiled.
pub(crate) const COMPILE_COMMANDS: &str = "compile_commands.json";

/// The same for Rust: the crates that there are, and what they stand on.
pub(crate) const RUST_PROJECT: &str = "rust-project.json";

/// A module folder's own crates, among its private files.
#[cfg(feature = "rust")]
pub(crate) const RUST_ENTRIES: &str = "rust_project";

/// The lock for publishing into OUT, which all keys share.
pub(crate) const PUBLISH_LOCK: &str = "publish.lock";

/// The mark that backup programs and we ourselves know a cache folder by
/// (<https://bford.info/cachedir/>).
pub(crate) const CACHEDIR_TAG: &str = "CACHEDIR.TAG";
pub(crate) const CACHEDIR_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

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
    fn the_private_folder_lies_in_out_where_make_can_carry_it() {
        assert_eq!(
            private_root(Path::new("/o/out")).unwrap(),
            Path::new("/o/out/.kbuild")
        );
    }
}
