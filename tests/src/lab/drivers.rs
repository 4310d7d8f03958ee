//! Drivers out of the kernel's own source, to be built against other kernels than that one.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::distribution::Distribution;
use crate::{Result, run};

/// The release that has the source, and its package.
pub(super) const RELEASE: &str = "bookworm";
pub(super) const PACKAGE: &str = "linux-source-6.1";

/// What is kept of it: one file, a folder with several objects, one that reads headers of a folder
/// beside it. Plain make builds them on kernels before and after 6.1.
const KEPT: &[&str] = &[
    "drivers/net/dummy.c",
    "drivers/misc/cb710",
    "drivers/net/wireless/broadcom/brcm80211/brcmutil",
    "drivers/net/wireless/broadcom/brcm80211/include",
];

/// Fills `draft`.
pub(super) fn fetch(draft: &Path) -> Result<()> {
    let apt = super::apt(&Distribution::here()?, RELEASE)?;
    let debs = apt.download(&[PACKAGE.to_owned()], draft)?;
    for deb in &debs {
        super::unpack(deb, draft)?;
        fs::remove_file(deb).map_err(|error| format!("cannot remove {deb:?}: {error}"))?;
    }
    let mut tar = Command::new("tar");
    tar.args(["--no-same-owner", "--strip-components=1", "-xf"])
        .arg(draft.join("usr/src").join(format!("{PACKAGE}.tar.xz")))
        .arg("-C")
        .arg(draft)
        .args(KEPT.iter().map(|path| format!("{PACKAGE}/{path}")));
    run::checked(&mut tar, Duration::from_secs(300))?;
    super::clear(&draft.join("usr"))
}
