//! Settings of a build's jobs.

use std::path::Path;

use super::Build;

impl Build {
    /// Sets the number of jobs, if there is no jobserver. make and every other build that shares
    /// the [pool](Self::pool_dir) share these jobs. Default: the `-j` of the outer Ninja, else
    /// `CMAKE_BUILD_PARALLEL_LEVEL`, else `NUM_JOBS` in a build script, else the cores that this
    /// process may use.
    ///
    /// The first user of a pool sets its size while the pool is in use; `jobs(1)` always means one
    /// job.
    pub fn jobs(&mut self, jobs: usize) -> &mut Self {
        self.settings.jobs = Some(jobs);
        self
    }

    /// Sets the folder of the pool of jobs, if the outer build has no jobserver. Processes that
    /// name the same folder never run more than [`jobs`](Self::jobs) compilers together.
    ///
    /// Default: below a Ninja, a folder that belongs to that Ninja, so that all builds that it
    /// starts share its jobs; else the output directory. All builds of one Ninja share one pool: if
    /// some of them name a folder, the first build that runs decides for all.
    pub fn pool_dir(&mut self, dir: impl AsRef<Path>) -> &mut Self {
        self.settings.pool_dir = Some(dir.as_ref().to_owned());
        self
    }

    /// Sets the folder of the pool, if [`pool_dir`](Self::pool_dir) names none and there is no
    /// outer Ninja. Default: the output directory.
    ///
    /// This is for programs that put several output directories below one folder.
    pub fn default_pool_dir(&mut self, dir: impl AsRef<Path>) -> &mut Self {
        self.settings.default_pool_dir = Some(dir.as_ref().to_owned());
        self
    }
}
