//! The one door through which the environment is read.

use std::ffi::OsString;
use std::path::PathBuf;

use super::env_matters;
use crate::{Error, ErrorKind, Result};

/// Reads variables and, in a build script, tells Cargo which ones the build depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Door {
    /// Whether this is a build script.
    pub(crate) metadata: bool,
}

impl Door {
    /// A variable that Cargo itself sets for build scripts.
    pub(crate) fn cargo(&self, name: &str) -> Option<OsString> {
        if self.metadata {
            std::env::var_os(name)
        } else {
            None
        }
    }

    /// A directory that Cargo names for build scripts.
    pub(crate) fn cargo_dir(&self, name: &str, setter: &str) -> Result<PathBuf> {
        self.cargo(name).map(PathBuf::from).ok_or_else(|| {
            Error::new(
                ErrorKind::Environment,
                format!(
                    "{name} is not set: Cargo sets it when it runs build.rs; elsewhere call \
                     {setter}"
                ),
            )
        })
    }

    /// A variable of the user's; an empty one counts as not set.
    pub(crate) fn user(&self, name: &str) -> Option<OsString> {
        if self.metadata {
            env_matters(name);
        }
        std::env::var_os(name).filter(|v| !v.is_empty())
    }

    /// A variable that may be set for one target only, in `cc`'s order: `KDIR_<target>`,
    /// `KDIR_<target_with_underscores>`, `TARGET_KDIR`, `KDIR`.
    pub(crate) fn per_target(&self, name: &str, target: Option<&str>) -> Option<OsString> {
        let mut names = Vec::new();
        if let Some(target) = target {
            names.push(format!("{name}_{target}"));
            names.push(format!("{name}_{}", target.replace(['-', '.'], "_")));
            names.push(format!("TARGET_{name}"));
        }
        names.push(name.to_owned());
        // All are asked for, so that Cargo hears of each one.
        let values: Vec<_> = names.iter().map(|n| self.user(n)).collect();
        values.into_iter().flatten().next()
    }
}
