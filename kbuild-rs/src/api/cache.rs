//! [`Cache`]: the cache of finished modules, outside of builds.

use std::path::{Path, PathBuf};

use crate::{Result, resolve, run};

/// A cache of finished modules, to look at it and to make room. Builds use one through
/// [`Build::cache`](crate::Build::cache).
///
/// ```no_run
/// # fn main() -> kbuild::Result<()> {
/// if let Some(cache) = kbuild::Cache::open("/var/cache/modules".as_ref())? {
///     println!("{} bytes", cache.status().bytes);
///     cache.prune(1_000_000_000)?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Cache {
    folder: run::CacheFolder,
}

/// The size of a [`Cache`], or of what was removed from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSize {
    /// The number of stored builds.
    pub entries: usize,
    /// The size of all files (bytes).
    pub bytes: u64,
}

/// The result of [`Cache::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheCheck {
    /// The number of stored builds that were read.
    pub entries: usize,
    /// The files of damaged ones, which were removed.
    pub damaged: Vec<PathBuf>,
}

impl Cache {
    /// Opens the cache in a folder; `None` if the folder does not exist.
    ///
    /// # Errors
    /// [`ErrorKind::NotOurs`](crate::ErrorKind::NotOurs) if others can write to the folder, or if it
    /// was not created by kbuild-rs.
    pub fn open(dir: &Path) -> Result<Option<Cache>> {
        let folder = run::CacheFolder::open(&resolve::absolute(dir)?, false)?;
        Ok(folder.map(|folder| Cache { folder }))
    }

    /// The folder that `KBUILD_RS_CACHE` names; `None` if it names none.
    pub fn named_by_environment() -> Option<PathBuf> {
        let named = std::env::var_os("KBUILD_RS_CACHE")?;
        (!named.is_empty() && named != "0").then(|| named.into())
    }

    /// The size limit that `KBUILD_RS_CACHE_SIZE` gives, else the default (bytes). `u64::MAX` is no
    /// limit.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a value that is not a size.
    pub fn size_limit() -> Result<u64> {
        resolve::size_of_environment()
    }

    /// Reads a size as in `KBUILD_RS_CACHE_SIZE`: `5G`, `500M`, `1Gi`, a number of bytes. `0` is no
    /// limit (`u64::MAX`).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for another text.
    pub fn parse_size(text: &str) -> Result<u64> {
        resolve::cache_limit(text)
    }

    /// The number of stored builds, and the size of all files.
    pub fn status(&self) -> CacheSize {
        run::cache_sizes(&self.folder).into()
    }

    /// Removes the builds that were not used for the longest time, until the others take at most
    /// `size` bytes (a tenth less, if there were more), and what killed processes left. Returns what
    /// was removed.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when something cannot be removed.
    pub fn prune(&self, size: u64) -> Result<CacheSize> {
        run::make_room_in_cache(&self.folder, size).map(Into::into)
    }

    /// Removes everything. Returns what was removed.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when something cannot be removed.
    pub fn clear(&self) -> Result<CacheSize> {
        run::clear_cache(&self.folder).map(Into::into)
    }

    /// Reads all stored builds, and removes the damaged ones.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when something cannot be read or removed.
    pub fn verify(&self) -> Result<CacheCheck> {
        let (entries, damaged) = run::verify_cache(&self.folder)?;
        Ok(CacheCheck { entries, damaged })
    }
}

impl From<run::CacheSizes> for CacheSize {
    fn from(sizes: run::CacheSizes) -> Self {
        CacheSize {
            entries: sizes.entries,
            bytes: sizes.bytes,
        }
    }
}
