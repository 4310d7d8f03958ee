//! The modules that the caller expects of a build.

use crate::error::names::MODULE;
use crate::resolve::Resolved;
use crate::settings::{Artifact, Report};
use crate::{Error, ErrorKind, Result};

/// Fails for an expected module that was not built. If the caller listed the expected modules, also
/// fails for a module that is not listed, because a build system can only order, install and clean
/// modules that it knows beforehand.
///
/// `name` is the one module that the caller needs, `listed` are those of
/// [`Build::module`](crate::Build::module).
pub(super) fn check(
    name: Option<&str>,
    listed: &[String],
    resolved: &Resolved,
    report: &Report,
) -> Result<()> {
    if !resolved.wants_modules() {
        return Ok(());
    }
    let failed = |text: String| Err(Error::new(ErrorKind::NothingBuilt, text));
    let expected = name.into_iter().chain(listed.iter().map(String::as_str));
    if let Some(name) = expected
        .into_iter()
        .find(|name| report.module(name).is_none())
    {
        let built: Vec<_> = report.modules().iter().map(Artifact::name).collect();
        let setting = match listed.iter().any(|listed| listed == name) {
            true => format!(
                ". Correct the list of expected modules ({MODULE}), or add {name} to the Kbuild"
            ),
            false => String::new(),
        };
        return failed(format!(
            "{} does not build the expected module {name}. It builds {}{setting}",
            resolved.label,
            built.join(", ")
        ));
    }
    let same = |a: &str, b: &str| a.replace('-', "_") == b.replace('-', "_");
    let is_listed = |module: &&Artifact| listed.iter().any(|name| same(name, module.name()));
    match report.modules().iter().find(|module| !is_listed(module)) {
        Some(module) if !listed.is_empty() => failed(format!(
            "{} also builds the module {}, which is not among the expected ones ({}): add it to \
             them ({MODULE})",
            resolved.label,
            module.name(),
            listed.join(", ")
        )),
        _ => Ok(()),
    }
}
