//! Requirements of a module on the kernel.

use super::Build;
use crate::api::Requirements;
use crate::resolve::base;
use crate::settings::{Report, RequirementKind};
use crate::{Error, ErrorKind, Result};

impl Build {
    /// States that the kernel's configuration must have a symbol: `CONFIG_NET` must be `y` or `m`,
    /// `!CONFIG_PREEMPT_RT` must be off. `CONFIG_` may be left out.
    ///
    /// A build compares its kernel with the stated requirements before it writes or starts anything. A
    /// kernel that does not meet one is an error of the kind
    /// [`RequirementNotMet`](crate::ErrorKind::RequirementNotMet). A `~` in front makes it a warning
    /// (`~CONFIG_NET`, `~!CONFIG_PREEMPT_RT`). A reason may follow after a colon, for the message. This
    /// holds for all setters here.
    ///
    /// The same requirements can be in a `kbuild.toml` beside the Makefile of a module tree; see
    /// `docs/stated-requirements.md` in the repository.
    ///
    /// ```no_run
    /// kbuild::Build::new()
    ///     .file("hello.c")
    ///     .requires_kernel(">=5.15, <7.0")
    ///     .requires_config("CONFIG_NET: the module opens a socket")
    ///     .requires_config("~!CONFIG_PREEMPT_RT: latencies were never measured")
    ///     .compile("hello");
    /// ```
    pub fn requires_config(&mut self, check: &str) -> &mut Self {
        self.requires(RequirementKind::Config, check)
    }

    /// States the versions of the kernel: bounds with `>=`, `>`, `<=`, `<` or `=`, and commas between
    /// them (`>=5.10, <7.0`).
    ///
    /// A bound compares only the numbers that it has: 6.1.192 is `<=6.1`. The number is that of the
    /// upstream version: Debian's `6.1.0-57-amd64` is 6.1.192. See
    /// [`requires_config`](Self::requires_config).
    pub fn requires_kernel(&mut self, check: &str) -> &mut Self {
        self.requires(RequirementKind::Kernel, check)
    }

    /// States an architecture, by the kernel's name (`x86`, `arm64`) or a usual one (`amd64`,
    /// `aarch64`). Several calls are alternatives. See
    /// [`requires_config`](Self::requires_config).
    pub fn requires_arch(&mut self, check: &str) -> &mut Self {
        self.requires(RequirementKind::Arch, check)
    }

    /// States a symbol that the kernel's `Module.symvers` must export, or that of a provider
    /// ([`symvers`](Self::symvers)). See [`requires_config`](Self::requires_config).
    pub fn requires_symbol(&mut self, check: &str) -> &mut Self {
        self.requires(RequirementKind::Symbol, check)
    }

    fn requires(&mut self, kind: RequirementKind, check: &str) -> &mut Self {
        self.settings.requires.push((kind, check.to_owned()));
        self
    }

    /// The stated requirements: those of the setters, and those in the `kbuild.toml` files of the
    /// module tree. `name` is that of a declared module. It does not write or start anything.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a text that is not a requirement,
    /// with its file and line.
    pub fn requirements(&self, name: Option<&str>) -> Result<Requirements> {
        let requirements = base(&self.settings)
            .and_then(|base| {
                crate::resolve::requirements::Requirements::of(&self.settings, name, &base)
            })
            .map(Requirements);
        self.go_on(requirements)
    }

    /// The reports of several kernels, without those that do not meet a requirement.
    pub(super) fn without_skipped(&self, results: Vec<Result<Report>>) -> Result<Vec<Report>> {
        let (reports, skips) = split(results)?;
        for error in skips {
            let text = error.to_string();
            self.settings.sink.warning("unmet-requirement", &text);
        }
        Ok(reports)
    }
}

/// The reports, and the errors of the kernels that are skipped. The error is the first one that is no
/// skip, or a skip if there is no report.
fn split(results: Vec<Result<Report>>) -> Result<(Vec<Report>, Vec<Error>)> {
    let (mut reports, mut skips) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Err(error) if error.kind() == ErrorKind::RequirementNotMet => skips.push(error),
            result => reports.push(result?),
        }
    }
    match reports.is_empty() && !skips.is_empty() {
        true => Err(skips.remove(0)),
        false => Ok((reports, skips)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_is_no_skip_counts_first() {
        let error = |kind| Err(Error::new(kind, ""));
        let report = || Ok(Report::skipped("out".into(), Vec::new(), Vec::new()));
        let skip = || error(ErrorKind::RequirementNotMet);
        let kind = |results| split(results).map(|_| ()).unwrap_err().kind();
        let failed = || error(ErrorKind::BuildFailed);
        assert_eq!(kind(vec![skip(), failed()]), ErrorKind::BuildFailed);
        assert_eq!(
            kind(vec![skip(), report(), failed()]),
            ErrorKind::BuildFailed
        );
        assert_eq!(kind(vec![skip(), skip()]), ErrorKind::RequirementNotMet);
        let (reports, skips) = split(vec![skip(), report()]).unwrap();
        assert_eq!((reports.len(), skips.len()), (1, 1));
        assert!(split(Vec::new()).unwrap().0.is_empty());
    }
}
