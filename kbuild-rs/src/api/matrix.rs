//! [`Matrix`]: several builds side by side.

use super::build::Build;
use crate::run::Several;
use crate::settings::{Plan, Report};
use crate::{Result, cargo};

/// Several builds that share one budget of jobs: different modules, different kernels, or both.
///
/// Builds run in parallel as far as there are jobs, with two exceptions: a provider is built before
/// the builds that [need](Self::needs) it, and module trees of one tree root are built in the
/// order in which they were added, so that each finds the files of the others, as with plain make.
/// One failure does not hide the other results; a build whose kernel does not meet a stated
/// requirement has [`ErrorKind::RequirementNotMet`](crate::ErrorKind::RequirementNotMet). Each build sends its messages to the handler of
/// [its own](Build::on_message) `Build`, from any thread.
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
    /// Creates a matrix without builds.
    pub fn new() -> Self {
        Matrix::default()
    }

    /// Adds a build, and returns the index of its result. `name` is that of a declared module, or
    /// of the required module of a tree, see [`try_compile`](Build::try_compile).
    ///
    /// If this build names a [`symvers`](Build::symvers) that another build of the matrix
    /// publishes, the other one becomes its provider.
    pub fn add<'a>(&mut self, build: &Build, name: impl Into<Option<&'a str>>) -> usize {
        self.builds.add(build.settings.clone(), name.into())
    }

    /// Declares that one build uses symbols of another: it waits for its provider, gets the
    /// provider's [`symvers`](Report::symvers), and is not built if the provider fails.
    ///
    /// This has no effect if there is no build with such an index.
    pub fn needs(&mut self, build: usize, provider: usize) -> &mut Self {
        self.builds.needs(build, provider);
        self
    }

    /// Builds everything, and returns the results in the order of [`add`](Self::add).
    ///
    /// In a build script, this tells Cargo the inputs of the builds. The caller must tell Cargo the
    /// paths of the modules.
    pub fn run(self) -> Vec<Result<Report>> {
        self.run_telling(|_, _| {})
    }

    /// The plans of the builds, in the order of [`add`](Self::add), see [`Build::plan`]. It does not
    /// write or start anything.
    ///
    /// Required symbols of a build with a provider are not compared, because the provider is not built.
    pub fn plans(self) -> Vec<Result<Plan>> {
        let environments: Vec<_> = self.builds.environments().collect();
        let plans = self.builds.plans();
        environments.iter().for_each(cargo::announce_env_read);
        plans
    }

    /// Like [`run`](Self::run), but also calls `ended` with each result as it comes, one at a time.
    pub fn run_telling(
        self,
        mut ended: impl FnMut(usize, &Result<Report>) + Send,
    ) -> Vec<Result<Report>> {
        let environments: Vec<_> = self.builds.environments().collect();
        let mut results = self.builds.run(&mut ended);
        if environments
            .iter()
            .any(|environment| environment.is_build_script)
        {
            results.iter().flatten().for_each(cargo::announce_files);
        }
        for (environment, result) in environments.iter().zip(&mut results) {
            if let Err(error) = result {
                cargo::announce_requirements(environment, error);
            }
            let recorded = result
                .as_ref()
                .map(|r| cargo::record_modules(environment, r));
            if let Ok(Err(error)) = recorded {
                *result = Err(error);
            }
        }
        environments.iter().for_each(cargo::announce_env_read);
        results
    }
}
