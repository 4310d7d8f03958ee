//! A folder for temporary files.

use tempfile::TempDir;

use super::limits::limit_behind;
use crate::{Error, Result};

/// Makes a folder below `TMPDIR` that only this user may enter. It goes with the value.
pub(crate) fn temporary_folder() -> Result<TempDir> {
    let above = std::env::temp_dir();
    let made = tempfile::Builder::new()
        .prefix("kbuild-rs-")
        .tempdir_in(&above);
    made.map_err(|error| {
        let limit = limit_behind(&error).unwrap_or_default();
        let above = above.display();
        let what = format!(
            "cannot create a folder of temporary files in {above}: {error}. Set TMPDIR to a folder \
             that exists, has room, and can be written to{limit}"
        );
        Error::of_system(what, error)
    })
}
