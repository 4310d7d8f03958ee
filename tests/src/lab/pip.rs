//! Python packages from PyPI, in their own folders.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::packages;
use crate::{Result, run};

/// Fills `draft` with the wheel of a package, without its dependencies: the newest of a series such
/// as `3.25`, or the newest of all.
pub(super) fn install(package: &str, version: &str, draft: &Path) -> Result<()> {
    let wanted = match version {
        "newest" => package.to_owned(),
        series => format!("{package}=={series}.*"),
    };
    pip(draft, &["--no-deps", &wanted])
}

/// As [`install`], with the newest version and its dependencies.
pub(super) fn install_all(package: &str, draft: &Path) -> Result<()> {
    pip(draft, &[package])
}

fn pip(draft: &Path, arguments: &[&str]) -> Result<()> {
    packages::install(&["python3-pip"])?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet"])
        .args(["--only-binary", ":all:", "--disable-pip-version-check"])
        .arg("--target")
        .arg(draft)
        .args(arguments);
    run::checked(&mut pip, Duration::from_secs(300)).map(drop)
}
