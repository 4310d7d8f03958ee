//! Settings of the local cache of finished modules.

use std::path::Path;

use super::Build;
use crate::settings::CacheChoice;

impl Build {
    /// Sets the folder of the cache of finished modules. A build whose inputs are all those of an
    /// earlier build takes its products from there, and does not start make. Builds in any number of
    /// output directories, and of any number of programs, may share a folder.
    ///
    /// Default: the folder that `KBUILD_RS_CACHE` names. Without that, a build script under Cargo
    /// uses a folder in Cargo's target folder, and other programs use no cache. The guide is
    /// `docs/cache.md` in the repository.
    ///
    /// # Errors
    /// The build fails if other users can write to the folder or to one above it, if a file is in its
    /// place, or if it contains other files and no `CACHEDIR.TAG` of kbuild-rs. If kbuild-rs cannot
    /// write to it, the build warns and goes on without the cache.
    pub fn cache(&mut self, dir: impl AsRef<Path>) -> &mut Self {
        self.settings.cache = CacheChoice::Folder(dir.as_ref().to_owned());
        self
    }

    /// Like [`cache`](Self::cache), but stores nothing: a build that is not in the cache leaves it as it
    /// is.
    pub fn look_up_in_cache(&mut self, dir: impl AsRef<Path>) -> &mut Self {
        self.settings.cache = CacheChoice::LookUp(dir.as_ref().to_owned());
        self
    }

    /// Uses no cache of finished modules, even if `KBUILD_RS_CACHE` names one.
    pub fn no_cache(&mut self) -> &mut Self {
        self.settings.cache = CacheChoice::Off;
        self
    }
}
