//! Errors about files that are not ours.

use std::path::Path;

use crate::error::Advice;
use crate::{Error, ErrorKind, Result};

/// A foreign file has a path that a module needs.
pub(super) fn in_the_way(path: &Path) -> Error {
    let advice = "install with --replace: kbuild-rs keeps the file, and `kbuild-rs uninstall` \
                  restores it";
    Error::new(
        ErrorKind::NotOurs,
        format!(
            "{} exists and was not installed by kbuild-rs, or was changed since. Nothing was changed.\n\
             To install the module there, and keep the file until `kbuild-rs uninstall` restores it:\n    \
             kbuild-rs install --replace",
            path.display()
        ),
    )
    .advise(Advice::new("foreign-module", advice))
}

/// A foreign file has a path that an earlier state needs.
pub(super) fn blocks_rollback(path: &Path) -> Error {
    let advice = "move the file away, and run the command again";
    Error::new(
        ErrorKind::NotOurs,
        format!(
            "{} exists and was not installed by kbuild-rs, or was changed since. Nothing was changed. \
             To go back, {advice}",
            path.display()
        ),
    )
    .advise(Advice::new("foreign-module", advice))
}

/// Passes on the answer whether the root can be changed. The usual error advises an installation
/// elsewhere, which does not help a call that removes modules.
pub(super) fn allowed(answer: Result<()>, root: &Path, installs: bool) -> Result<()> {
    let advice = "run this as root on a system whose /lib is writable";
    answer.map_err(|error| match installs {
        true => error,
        false => {
            let root = root.display();
            let message = format!("cannot change the modules installed in {root}; {advice}");
            Error::new(error.kind(), message).advise(Advice::new("not-writable", advice))
        }
    })
}

/// A file changed while it was read.
pub(super) fn changed_meanwhile(path: &Path) -> Error {
    Error::new(
        ErrorKind::NotOurs,
        format!(
            "{} changed while kbuild-rs read it: run the command again",
            path.display()
        ),
    )
}
