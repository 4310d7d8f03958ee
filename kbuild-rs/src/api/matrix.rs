//! [`Matrix`]: several builds side by side.

use super::build::Build;
use crate::run::Several;
use crate::settings::Report;
use crate::{Result, cargo};

/// Several builds that share one budget of jobs: different modules, different kernels, or both.
///
/// Builds run side by side as far as there are jobs, except that a provider comes before those
/// that [need](Self::needs) it, and that module folders of one root are built in the order in which
/// they were added: each finds what the others have made, as with make by hand. One failure does not
/// hide the other results. Each build talks to
/// the handler that was given to [its own](Build::on_message) `Build`, from whatever thread it
/// runs on.
///
/// ```no_run
/// let (mut ring, mut user) = (kbuild::Build::tree("ring"), kbuild::Build::tree("user"));
/// for build in [&mut ring, &mut user] {
///     build.cargo_metadata(false).out_dir("out");
/// }
/// let mut matrix = kbuild::Matrix::new();
/// let ring = matrix.add(&ring, None);
/// let user = matrix.add(&user, None);
/// matrix.needs(user, ring);
/// for result in matrix.run() {
///     println!("{:?}", result?.modules());
/// }
/// # Ok::<(), kbuild::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Matrix {
    builds: Several,
}

impl Matrix {
    /// No builds yet.
    pub fn new() -> Self {
        Matrix::default()
    }

    /// Adds a build, and gives its index: the place of its result. `name` is that of a declared
    /// module, or of the one module of a tree that is needed, see
    /// [`try_compile`](Build::try_compile).
    ///
    /// A [`symvers`](Build::symvers) that another build of the matrix publishes makes that one a
    /// provider of this one.
    pub fn add<'a>(&mut self, build: &Build, name: impl Into<Option<&'a str>>) -> usize {
        self.builds.add(build.settings.clone(), name.into())
    }

    /// Says that one build uses symbols of another: it waits for that, gets its
    /// [`symvers`](Report::symvers), and is not built when that fails.
    ///
    /// No effect when there is no build of such an index.
    pub fn needs(&mut self, build: usize, provider: usize) -> &mut Self {
        self.builds.needs(build, provider);
        self
    }

    /// Builds everything, and gives the results in the order of [`add`](Self::add).
    ///
    /// In a build script, Cargo is told what the builds depend on; where the modules lie is for
    /// the caller to tell.
    pub fn run(self) -> Vec<Result<Report>> {
        self.run_telling(|_, _| {})
    }

    /// Like [`run`](Self::run); `ended` hears of each result as it comes, one at a time.
    pub fn run_telling(
        self,
        mut ended: impl FnMut(usize, &Result<Report>) + Send,
    ) -> Vec<Result<Report>> {
        let environments: Vec<_> = self.builds.environments().collect();
        let results = self.builds.run(&mut ended);
        if environments
            .iter()
            .any(|environment| environment.is_build_script)
        {
            results.iter().flatten().for_each(cargo::announce_files);
        }
        environments.iter().for_each(cargo::announce_env_read);
        results
    }
}
