//! The programs that the lab runs, by their packages.

use std::process::Command;
use std::time::Duration;

use super::distribution::{Distribution, Family};
use crate::{Result, run};

/// The packages for fetching, building modules and booting.
const PACKAGES: &[&str] = &[
    "binutils",
    "busybox-static",
    "dwarves",
    "gcc",
    // The library's own tests run depmod.
    "kmod",
    "libc6-dev",
    // Tools of a kernel's headers load libelf, and modules with their own checks compile against
    // it.
    "libelf-dev",
    "make",
    "qemu-system-x86",
    "seabios",
    "tar",
    "xz-utils",
    "zstd",
];

/// The compiler of Debian 12's kernels. The machine's own default may differ.
const DEBIAN_COMPILER: &str = "gcc-12";

/// Makes sure that everything the lab runs is installed.
///
/// # Errors
/// Without root: the message has the command that installs the missing packages. With root: apt's
/// own words.
pub fn ensure() -> Result<()> {
    let mut wanted = PACKAGES.to_vec();
    if Distribution::here()?.family == Family::Debian {
        wanted.push(DEBIAN_COMPILER);
    }
    install(&wanted)
}

/// Makes sure that bindgen finds a libclang and its headers.
///
/// # Errors
/// As [`ensure`].
pub fn libclang() -> Result<()> {
    match Distribution::here()?.family {
        Family::Debian => install(&["libclang1-19", "libclang-common-19-dev"]),
        Family::Ubuntu => install(&["libclang-dev"]),
    }
}

/// Installs clangd, and returns the name of its program, which is also its package's.
///
/// # Errors
/// As [`ensure`].
pub fn clangd() -> Result<&'static str> {
    // Debian 12's default is too old for the flags of newer kernels.
    let name = match Distribution::here()?.family {
        Family::Debian => "clangd-19",
        Family::Ubuntu => "clangd",
    };
    install(&[name]).map(|()| name)
}

/// Makes sure that `packages` are installed.
///
/// # Errors
/// As [`ensure`].
pub fn install(packages: &[&str]) -> Result<()> {
    let missing = missing(packages, &installed(packages)?);
    if missing.is_empty() {
        return Ok(());
    }
    if !is_root() {
        return Err(format!(
            "packages are missing; install them with\n    sudo apt-get install {}",
            missing.join(" ")
        ));
    }
    let _lock = super::lock(&super::cache_dir())?;
    // The index may be missing (fresh containers), or older than the mirror's files.
    apt_get(&missing).or_else(|_| {
        let mut update = Command::new("apt-get");
        run::checked(update.args(["-q", "update"]), Duration::from_secs(300))?;
        apt_get(&missing)
    })
}

fn apt_get(packages: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command
        .args([
            "-q",
            "-y",
            "--no-install-recommends",
            "-o",
            "DPkg::Lock::Timeout=300",
            "install",
        ])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive");
    run::checked(&mut command, Duration::from_secs(900)).map(drop)
}

fn installed(packages: &[&str]) -> Result<String> {
    let mut query = Command::new("dpkg-query");
    query
        .args(["-W", "-f", "${Package} ${db:Status-Status}\n"])
        .args(packages);
    // It exits with 1 if one package is unknown, and still answers for the others.
    run::run(&mut query, Duration::from_secs(60)).map(|output| output.out())
}

fn missing<'a>(packages: &[&'a str], installed: &str) -> Vec<&'a str> {
    let is_here = |package: &&str| {
        let line = format!("{package} installed");
        installed.lines().any(|other| other == line)
    };
    packages
        .iter()
        .copied()
        .filter(|package| !is_here(package))
        .collect()
}

/// Whether this process may install packages.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_package_that_left_its_configuration_is_missing() {
        let known = "make installed\nzstd config-files\n";
        assert_eq!(missing(&["make", "zstd", "tar"], known), ["zstd", "tar"]);
    }
}
