//! What a build says about its jobs.

use std::path::Path;

use super::Build;

impl Build {
    /// How many jobs may run, where no jobserver says so: make's, and those of every other build
    /// that shares the [pool](Self::pool_dir). Default: the `-j` of a Ninja that
    /// this runs below, `CMAKE_BUILD_PARALLEL_LEVEL`, in a build script `NUM_JOBS`, else the cores
    /// this process may use.
    ///
    /// While a pool is in use it has the size that its first user gave it; `jobs(1)` means one
    /// job in any case.
    pub fn jobs(&mut self, jobs: usize) -> &mut Self {
        self.settings.jobs = Some(jobs);
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
        self.settings.pool_dir = Some(dir.as_ref().to_owned());
        self
    }

    /// The folder of the pool where [`pool_dir`](Self::pool_dir) names none and no Ninja is
    /// outside. Default: the output directory.
    ///
    /// For programs that put several output directories below one folder of the caller's.
    pub fn default_pool_dir(&mut self, dir: impl AsRef<Path>) -> &mut Self {
        self.settings.default_pool_dir = Some(dir.as_ref().to_owned());
        self
    }
}
