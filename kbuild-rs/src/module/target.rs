//! The kernel that a module is finished for, as far as signing and compressing need it.

use std::path::PathBuf;

use crate::Result;
use crate::kernel::{Config, Kernel};
use crate::sys::Image;

/// A kernel in a root: its release, and its configuration and its tree if they were found.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) release: String,
    /// From the root's `/boot/config-<release>` or `/lib/modules/<release>/{config,build/.config}`,
    /// or from the kernel tree.
    pub(crate) config: Option<Config>,
    /// The kernel tree on this machine, for `scripts/sign-file` and the tools' names.
    pub(crate) tree: Option<Kernel>,
}

impl Target {
    /// The kernel `release` of a root.
    pub(crate) fn in_root(_image: &Image, release: &str) -> Result<Target> {
        Ok(Target {
            release: release.to_owned(),
            config: None,
            tree: None,
        })
    }

    /// The value of a configuration symbol, without `CONFIG_`.
    pub(crate) fn config(&self, name: &str) -> Option<&str> {
        self.config.as_ref().and_then(|config| config.get(name))
    }

    /// `scripts/sign-file` of the kernel tree.
    pub(crate) fn sign_file(&self) -> Option<PathBuf> {
        None
    }
}
