//! The results of a change.

use std::path::PathBuf;

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum InstallAction {
    /// A module that was not there is installed.
    Installed,
    /// Another build of a module takes the place of an earlier one.
    Updated,
    /// The module is installed already, with the same content.
    Unchanged,
    /// A module was removed.
    Removed,
    /// A file of somebody else's made room, and is kept.
    Displaced,
    /// A file of somebody else's is back.
    Restored,
}

/// One file of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct InstallChange {
    /// What happened.
    pub action: InstallAction,
    /// The name of the module.
    pub name: String,
    /// The kernel release.
    pub release: String,
    /// The file, below the root as it was named.
    pub path: PathBuf,
}

/// The result of an installation, a removal or a rollback.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct InstallReport {
    /// Each file that changed, and each module that was up to date.
    pub changes: Vec<InstallChange>,
    /// The kernel releases for which depmod ran.
    pub indexed: Vec<String>,
    /// What the user should know or do.
    pub notes: Vec<String>,
}
