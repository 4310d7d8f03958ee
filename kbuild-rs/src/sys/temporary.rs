//! Folders for temporary files, which programs that we start read and write.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::limits::limit_behind;
use crate::{Error, Result};

/// A new folder in `TMPDIR` or `/tmp`, which goes at the end. Only its owner can enter it, with any
/// umask: other users must neither read a module before it is installed nor put another one there.
pub(crate) fn temporary_folder() -> Result<TempDir> {
    let above = std::env::temp_dir();
    let made = tempfile::Builder::new()
        .prefix("kbuild-rs-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(&above);
    made.map_err(|error| {
        let limit = limit_behind(&error).unwrap_or_default();
        let above = above.display();
        let what = format!(
            "cannot create a folder of temporary files in {above}: {error}. Set TMPDIR to a \
             writable folder with free space{limit}"
        );
        Error::of_system(what, error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_owner_can_enter_a_temporary_folder() {
        let folder = temporary_folder().unwrap();
        let mode = folder.path().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
