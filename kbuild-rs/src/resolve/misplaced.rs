//! Refuses setters that have no meaning for the kind of module that is built.

use crate::settings::{Module, Settings};
use crate::{Error, Result};

/// Refuses a build on which a setter for the other kind of module was called. Otherwise the caller
/// would silently get a module without the setting.
pub(crate) fn refuse_misplaced(settings: &Settings) -> Result<()> {
    let Some(setter) = settings.misplaced else {
        return Ok(());
    };
    Err(Error::input(match &settings.module {
        Module::Tree(tree) => format!(
            "Build::{setter} is for a module from sources (Build::new), but {} is a module tree \
             (Build::tree): remove the call, and set it in the tree's Kbuild",
            tree.dir.display()
        ),
        Module::Declared(_) => format!(
            "Build::{setter} is for a module tree (Build::tree), but this module is built from \
             sources (Build::new): remove the call"
        ),
    }))
}
