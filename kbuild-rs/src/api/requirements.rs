//! [`Requirements`]: what a module requires, and whether a kernel meets it.

use std::path::PathBuf;

use crate::settings::Requirement;
use crate::{Advice, Error, Kernel, Result, resolve};

/// The stated requirements of a build, see [`Build::requirements`](crate::Build::requirements).
#[derive(Debug)]
pub struct Requirements(pub(super) resolve::requirements::Requirements);

/// A requirement that a kernel does not meet.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UnmetRequirement {
    /// Its place in [`Requirements::stated`].
    pub index: usize,
    /// The value of the kernel: `CONFIG_NET is not set`.
    pub found: String,
    /// What would meet the requirement.
    pub advice: Advice,
    /// Value and requirement, as the warning of a build.
    pub text: String,
}

impl Requirements {
    /// All requirements, in the order in which they are stated: settings first.
    pub fn stated(&self) -> impl Iterator<Item = &Requirement> {
        self.0.stated()
    }

    /// The requirements that a kernel does not meet, including those that only cause warnings.
    ///
    /// # Errors
    /// [`ErrorKind::SourceNotFound`](crate::ErrorKind::SourceNotFound),
    /// [`ErrorKind::InvalidFile`](crate::ErrorKind::InvalidFile) and
    /// [`ErrorKind::Io`](crate::ErrorKind::Io): a required symbol is in no symvers that can be read, and
    /// that of the kernel or of a provider cannot.
    pub fn unmet(&self, kernel: &Kernel) -> Result<Vec<UnmetRequirement>> {
        let unmet = self
            .0
            .unmet(kernel)?
            .into_iter()
            .map(|one| UnmetRequirement {
                index: one.index,
                text: self.0.warning(kernel, &one),
                found: one.found,
                advice: one.advice,
            });
        Ok(unmet.collect())
    }

    /// The error of a build for this kernel, also one of [`unmet`](Self::unmet); `None` if the kernel
    /// meets all requirements, or only warnings remain.
    pub fn error(&self, kernel: &Kernel) -> Option<Error> {
        match self.0.unmet(kernel) {
            Ok(unmet) => self.0.error(kernel, &unmet),
            Err(error) => Some(error),
        }
    }

    /// The existing files whose change can change these answers for a kernel: its configuration, its
    /// `Module.symvers`, the `kbuild.toml` files.
    pub fn inputs(&self, kernel: &Kernel) -> Vec<PathBuf> {
        self.0.inputs(kernel)
    }
}
