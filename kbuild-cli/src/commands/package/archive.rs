//! Formats without scripts: a tar archive, and an image for systemd-sysext.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::plan::Package;
use super::staging::{Staging, modules};
use super::tool;
use crate::ui::failure::Failure;

/// The archive holds no folders, so that extracting it in `/` leaves a link `/lib` as it is.
const TAR_PREFIX: &str = "lib/modules";

/// A system extension only covers `/usr`.
const SYSEXT_PREFIX: &str = "usr/lib/modules";

pub(super) fn tar_name(package: &Package<'_>) -> String {
    let Package { name, version, .. } = package;
    format!("{name}-{version}-{}.tar.gz", package.arch.rpm)
}

pub(super) fn pack_tar(package: &Package<'_>, part: &Path) -> Result<(), Failure> {
    let staging = Staging::new()?;
    staging.add_modules(package, TAR_PREFIX)?;
    let files = modules(package, TAR_PREFIX);
    let files = files.iter().map(|(path, _)| path);
    let mut command = Command::new("tar");
    command
        .args(["--create", "--format=gnu", "--sort=name", "--numeric-owner"])
        .args(["--owner=0", "--group=0", "--use-compress-program=gzip -n"])
        .arg(format!("--mtime=@{}", package.date))
        .arg("--file")
        .arg(part)
        .arg("--directory")
        .arg(staging.root())
        .args(files)
        .env_remove("TAR_OPTIONS")
        .env_remove("GZIP");
    tool::run(&mut command, &tar_name(package), "tar")
}

/// systemd-sysext takes the name of the extension from the name of the file.
pub(super) fn sysext_name(package: &Package<'_>) -> String {
    format!("{}.raw", package.name)
}

pub(super) fn pack_sysext(package: &Package<'_>, part: &Path) -> Result<(), Failure> {
    let staging = Staging::new()?;
    staging.add_modules(package, SYSEXT_PREFIX)?;
    let about = format!(
        "usr/lib/extension-release.d/extension-release.{}",
        package.name
    );
    let text = format!("ID=_any\nARCHITECTURE={}\n", package.arch.systemd);
    staging.add(&about, text.as_bytes(), 0o644)?;
    // The program takes a file that is there for an image to add to.
    let image: PathBuf = staging.path().join("image.raw");
    let mut command = Command::new("mksquashfs");
    command
        .arg(staging.root())
        .arg(&image)
        .args([
            "-all-root",
            "-no-xattrs",
            "-noappend",
            "-no-progress",
            "-quiet",
        ])
        .env("SOURCE_DATE_EPOCH", package.date.to_string());
    tool::run(&mut command, &sysext_name(package), "squashfs-tools")?;
    fs::copy(&image, part).map_err(|e| Failure::file("write", part, &e))?;
    Ok(())
}
