//! Debian packages, by `dpkg-deb`.

use std::path::Path;
use std::process::Command;

use super::plan::Package;
use super::staging::Staging;
use super::tool;
use crate::ui::failure::Failure;

/// The folder of modules in packages that also install where `/lib` is no link.
const PREFIX: &str = "lib/modules";

pub(super) fn file_name(package: &Package<'_>) -> String {
    let Package { name, version, .. } = package;
    format!("{name}_{version}_{}.deb", package.arch.deb)
}

pub(super) fn pack(package: &Package<'_>, part: &Path) -> Result<(), Failure> {
    let staging = Staging::new()?;
    staging.add_modules(package, PREFIX)?;
    let copyright = format!("usr/share/doc/{}/copyright", package.name);
    staging.add(&copyright, license(package).as_bytes(), 0o644)?;
    staging.add("DEBIAN/control", control(package).as_bytes(), 0o644)?;
    staging.add("DEBIAN/postinst", postinst(package).as_bytes(), 0o755)?;
    staging.add("DEBIAN/postrm", postrm(package).as_bytes(), 0o755)?;
    let mut command = Command::new("dpkg-deb");
    command
        .args(["--root-owner-group", "-Zxz", "--build"])
        .arg(staging.root())
        .arg(part)
        .env("SOURCE_DATE_EPOCH", package.date.to_string());
    tool::run(&mut command, &file_name(package), "dpkg")
}

fn control(package: &Package<'_>) -> String {
    let Package { name, version, .. } = package;
    let release = package.release;
    // Debian and Ubuntu also have unsigned images, under these names.
    let mut depends = vec![
        format!(
            "linux-image-{release} | linux-image-{release}-unsigned | \
             linux-image-unsigned-{release}"
        ),
        "kmod".to_owned(),
    ];
    depends.extend(
        package
            .depends
            .iter()
            .map(|other| format!("{other} (= {version})")),
    );
    let size: usize = package
        .modules
        .iter()
        .map(|module| module.bytes.len())
        .sum();
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: {}\nMaintainer: {}\n\
         Installed-Size: {}\nDepends: {}\nSection: kernel\nPriority: optional\nDescription: {}\n",
        package.arch.deb,
        package.maintainer,
        size.div_ceil(1024),
        depends.join(", "),
        package.description
    )
}

fn license(package: &Package<'_>) -> String {
    format!("License: {}\n", package.license)
}

/// `DPKG_ROOT` is the root for `dpkg --force-script-chrootless`.
fn postinst(package: &Package<'_>) -> String {
    format!(
        "#!/bin/sh\nset -e\ndepmod -b \"${{DPKG_ROOT:-/}}\" {}\n",
        package.release
    )
}

/// After the kernel itself has gone, its folder gets no new files.
fn postrm(package: &Package<'_>) -> String {
    let release = package.release;
    format!(
        "#!/bin/sh\nset -e\n\
         if [ \"$1\" = remove ] && [ -e \"${{DPKG_ROOT:-}}/lib/modules/{release}/modules.dep\" ]; then\n    \
         depmod -b \"${{DPKG_ROOT:-/}}\" {release}\nfi\n"
    )
}
