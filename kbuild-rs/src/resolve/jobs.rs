//! Settings of a build's jobs.

use std::path::{Path, PathBuf};

use super::absolute;
use crate::Result;
use crate::settings::Settings;
use crate::stage::private_root;

/// The jobs of a build, and the pool that it may share.
#[derive(Debug)]
pub(crate) struct SharedJobs {
    pub(crate) is_build_script: bool,
    pub(crate) requested: Option<usize>,
    /// The private folder that holds the pool.
    pub(crate) pool: PathBuf,
    /// Whether the caller named that folder.
    pub(crate) is_named: bool,
}

impl SharedJobs {
    pub(super) fn of(settings: &Settings, out: &Path) -> Result<SharedJobs> {
        let (named, default) = (&settings.pool_dir, &settings.default_pool_dir);
        Ok(SharedJobs {
            is_build_script: settings.environment.is_build_script,
            requested: settings.jobs,
            pool: match named.as_ref().or(default.as_ref()) {
                Some(dir) => private_root(&absolute(dir)?, None)?,
                None => private_root(out, None)?,
            },
            is_named: named.is_some(),
        })
    }
}
