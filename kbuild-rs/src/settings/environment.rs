//! The environment of a build. Only this file reads it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::{Error, ErrorKind, Result};

/// The variables that this process was given, and the names of those that a build has read. Clones
/// share the names.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    /// Whether this is a build script, for which Cargo's variables count.
    pub(crate) is_build_script: bool,
    read: Arc<Mutex<BTreeSet<String>>>,
}

impl Environment {
    pub(crate) fn new(is_build_script: bool) -> Environment {
        Environment {
            is_build_script,
            read: Arc::default(),
        }
    }

    /// The names of the user's variables that were read since the last call.
    pub(crate) fn take_names(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.read.lock().unwrap_or_else(|p| p.into_inner()))
    }

    fn note(&self, name: &str) {
        let mut read = self.read.lock().unwrap_or_else(|p| p.into_inner());
        read.insert(name.to_owned());
    }

    /// A variable that Cargo itself sets for build scripts.
    pub(crate) fn of_cargo(&self, name: &str) -> Option<OsString> {
        if self.is_build_script {
            std::env::var_os(name)
        } else {
            None
        }
    }

    /// A directory that Cargo names for build scripts.
    pub(crate) fn cargo_dir(&self, name: &str, setter: &str) -> Result<PathBuf> {
        self.of_cargo(name).map(PathBuf::from).ok_or_else(|| {
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
        self.note(name);
        std::env::var_os(name).filter(|v| !v.is_empty())
    }

    /// A variable of the user's, for which the empty value has a meaning.
    #[cfg(feature = "cache")]
    pub(crate) fn user_or_empty(&self, name: &str) -> Option<OsString> {
        self.note(name);
        std::env::var_os(name)
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
