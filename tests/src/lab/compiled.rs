//! What compilers gave, kept for tests that ask them the same at every run.
//!
//! Only our side of the corpus is behind ccache: nine tenths of its time went into compiling the
//! same as at the last run, and plain make's side must not depend on a cache. Prefix maps count
//! there, because ccache by default gives an object that was made with another map's value.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{COMPILED, LabKernel, PROGRAMS, cache_dir, once, packages};
use crate::{Result, scope};

/// What `--cc` takes to build for `kernel` with its compiler behind ccache. There is none in the
/// full run, and for kernels that are not built for on this machine with gcc.
///
/// # Errors
/// Missing packages, as [`packages::ensure`]; a folder that cannot be written.
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

/// ccache looks at the names that prefix maps have, and not at what they map to: that stands in
/// files, whose contents count in this way. Staged headers are new at every run; their contents
/// are compared in any case. What all of the corpus takes has room four times over.
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
