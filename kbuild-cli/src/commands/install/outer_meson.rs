//! `--outer-meson`: the variables of an install script of Meson's.
//!
//! Meson tells its scripts the root and the output in the environment, when it installs.

use crate::args::InstallArgs;

/// Changes the call as Meson's variables say.
pub(super) fn apply(args: &mut InstallArgs) {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let root = variable("DESTDIR");
    if let Some(root) = root.filter(|root| root.as_encoded_bytes().iter().any(|b| *b != b'/')) {
        args.root.root = root.into();
        args.no_journal = true;
    }
    args.dry_run |= variable("MESON_INSTALL_DRY_RUN").is_some();
    args.output.quiet |= variable("MESON_INSTALL_QUIET").is_some();
}
