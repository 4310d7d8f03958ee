//! Setters that have no meaning for the module that is built.

use crate::settings::{Module, Settings};
use crate::{Error, Result};

/// Refuses a build on which a setter of the other kind of module was called. Without a word, the
/// caller would get a module that lacks what it asked for.
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
