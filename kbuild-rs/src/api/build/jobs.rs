//! What a build says about its jobs.

use std::path::{Path, PathBuf};

use super::Build;
use super::places::absolute;
use super::request::Request;
use crate::Result;
use crate::make::Jobs;
use crate::stage::{make_private_root, private_root};
use crate::sys::{Writer, check_folder};

impl Build {
    /// How many jobs may run, where no jobserver says so: make's, and those of every other build
    /// that shares the [pool](Self::pool_dir). Default: the `-j` of a Ninja that
    /// this runs below, `CMAKE_BUILD_PARALLEL_LEVEL`, in a build script `NUM_JOBS`, else the cores
    /// this process may use.
    ///
    /// While a pool is in use it has the size that its first user gave it; `jobs(1)` means one
    /// job in any case.
    pub fn jobs(&mut self, jobs: usize) -> &mut Self {
        self.jobs = Some(jobs);
        self
    }

    /// The folder in which builds find the jobs that they share where the outer build has no
    /// jobserver: processes that name the same one never run more than [`jobs`](Self::jobs)
    /// compilers together.
    ///
    /// Default: below a Ninja, a folder of that Ninja's, so that all builds that it starts share
    /// its jobs; else the output directory. Below one Ninja there is one pool: if some of its
    /// builds name a folder, the first build that runs decides for all of them.
    pub fn pool_dir(&mut self, dir: impl AsRef<Path>) -> &mut Self {
        self.pool_dir = Some(dir.as_ref().to_owned());
        self
    }

    /// The folder of the pool where [`pool_dir`](Self::pool_dir) names none and no Ninja is
    /// outside. Default: the output directory.
    ///
    /// For programs that put several output directories below one folder of the caller's.
    pub fn default_pool_dir(&mut self, dir: impl AsRef<Path>) -> &mut Self {
        self.default_pool_dir = Some(dir.as_ref().to_owned());
        self
    }
}

impl Request {
    /// What the build says about its jobs.
    pub(crate) fn jobs(&self, build: &Build) -> Jobs<'_> {
        Jobs {
            cargo: self.door.metadata,
            requested: build.jobs,
            pool: &self.pool,
            is_named: build.pool_dir.is_some(),
            make_folder: match build.pool_dir {
                Some(_) => open_named_folder,
                None => open_pool_folder,
            },
        }
    }
}

/// The private folder that holds the pool of jobs.
pub(super) fn pool_folder(build: &Build, out: &Path) -> Result<PathBuf> {
    match build.pool_dir.as_ref().or(build.default_pool_dir.as_ref()) {
        Some(dir) => private_root(&absolute(dir)?, None),
        None => private_root(out, None),
    }
}

/// Opens the private folder that holds a pool, and makes it where it is missing.
fn open_pool_folder(folder: &Path) -> Result<Writer> {
    Ok(Writer::new([make_private_root(folder)?]))
}

/// The same in a folder that the caller named: whoever may change what lies there decides how many
/// compilers run, and where our files go.
fn open_named_folder(folder: &Path) -> Result<Writer> {
    folder.parent().map_or(Ok(()), check_folder)?;
    let writer = open_pool_folder(folder)?;
    check_folder(folder).map(|()| writer)
}
