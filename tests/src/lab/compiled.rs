//! A compiler cache for tests that compile the same files at every run.
//!
//! Only our side of the corpus uses ccache. Nine tenths of its time went into compiling the same
//! files as in the last run. Plain make's side must not depend on a cache. Prefix maps count as
//! input here, because ccache by default returns an object that was compiled with another map's
//! value.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{COMPILED, LabKernel, PROGRAMS, cache_dir, once, packages};
use crate::{Result, scope};

/// The value of `--cc` to build for `kernel` with its compiler behind ccache. `None` in the full
/// run, and for kernels that are not built with gcc on this machine.
///
/// # Errors
/// If packages are missing, as [`packages::ensure`], or a folder cannot be written.
pub fn cached_compiler(kernel: &LabKernel) -> Result<Option<String>> {
    if scope::is_full() || kernel.machine.is_some() || !kernel.variables.is_empty() {
        return Ok(None);
    }
    packages::install(&["ccache"])?;
    let place = cache_dir().join(PROGRAMS).join("ccache");
    let (program, script) = (place.join("ccache"), script(&cache_dir().join(COMPILED)));
    let load = || fs::read_to_string(&program).is_ok_and(|text| text == script);
    let fill = |draft: &Path| {
        let program = draft.join("ccache");
        fs::write(&program, &script)
            .and_then(|()| fs::set_permissions(&program, fs::Permissions::from_mode(0o755)))
            .map_err(|error| format!("cannot write {}: {error}", program.display()))
    };
    once(&cache_dir(), &place, || load().then_some(()), fill)?;
    Ok(Some(format!("{} {}", program.display(), kernel.compiler())))
}

/// ccache only compares the names of prefix maps, not their values. The values are in files, so the
/// script makes ccache compare the contents of these. Staged headers are new at every run, so their
/// contents are compared in any case. The limit is four times the size of the whole corpus.
fn script(kept: &Path) -> String {
    format!(
        "#!/bin/sh\n\
         export CCACHE_DIR='{}' CCACHE_MAXSIZE=500M\n\
         export CCACHE_SLOPPINESS=include_file_ctime,include_file_mtime\n\
         for word; do case $word in @*) files=$files:${{word#@}} ;; esac; done\n\
         export CCACHE_EXTRAFILES=\"${{files#:}}\"\n\
         exec /usr/bin/ccache \"$@\"\n",
        kept.display()
    )
}
