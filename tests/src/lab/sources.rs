//! The sources of real modules, from the distribution's `*-dkms` packages.

use std::fs;
use std::path::{Path, PathBuf};

use super::distribution::Distribution;
use super::place::once;
use super::{LabKernel, cache_dir, kernels};
use crate::Result;

/// The module sources of a `*-dkms` package of the machine's own release: its folder below
/// `usr/src`. It is shared: copy it, never build in it.
///
/// # Errors
/// If the package does not exist, or contains no module sources.
pub fn source(package: &str) -> Result<PathBuf> {
    source_of(package, &Distribution::here()?.codename)
}

/// As [`source`], but of the release whose module sources support `kernel`. Some sources of Debian
/// 12 do not build on the 6.12 of its own security suite, and Debian 13's do.
///
/// # Errors
/// As [`source`].
pub fn source_for(package: &str, kernel: &LabKernel) -> Result<PathBuf> {
    match kernels::sources_for(kernel.name) {
        Some(release) => source_of(package, release),
        None => source(package),
    }
}

/// As [`source`], but of the Debian release with this codename.
///
/// # Errors
/// As [`source`].
pub fn source_of(package: &str, release: &str) -> Result<PathBuf> {
    let sane =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    if !package.starts_with(|first: char| first.is_ascii_alphanumeric())
        || !package.bytes().all(sane)
    {
        return Err(format!("`{package}` is not the name of a package"));
    }
    let place = cache_dir().join("sources").join(release).join(package);
    once(
        &cache_dir(),
        &place,
        || folder(&place).ok(),
        |draft| fetch(package, release, draft),
    )
    .map_err(|error| format!("cannot get the sources of {package}: {error}"))
}

/// Unpacks `package` of `release` into `draft`.
fn fetch(package: &str, release: &str, draft: &Path) -> Result<()> {
    let apt = super::apt(&Distribution::here()?, release)?;
    let debs = apt.download(&[package.to_owned()], draft)?;
    for deb in &debs {
        super::unpack(deb, draft)?;
        fs::remove_file(deb).map_err(|error| format!("cannot remove {deb:?}: {error}"))?;
    }
    folder(draft).map(drop)
}

/// The only folder below `usr/src` of an unpacked package.
fn folder(unpacked: &Path) -> Result<PathBuf> {
    let src = unpacked.join("usr/src");
    let mut folders: Vec<PathBuf> = fs::read_dir(&src)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    match (folders.pop(), folders.is_empty()) {
        (Some(folder), true) => Ok(folder),
        _ => Err(format!(
            "{} is not one folder of module sources",
            src.display()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_not_accepted_as_a_package_name() {
        for name in ["../../etc", "", "-o", "a b", "a/bookworm"] {
            assert!(
                source(name)
                    .unwrap_err()
                    .contains("not the name of a package"),
                "{name}"
            );
        }
    }
}
