//! A kernel tree for arm64, prepared for modules, for tests of cross builds.
//!
//! It is the small kernel for arm64, configured and not built: that takes seconds, and gives no
//! `Module.symvers`.

use std::fs;
use std::path::{Path, PathBuf};

use super::apt::Apt;
use super::distribution::Distribution;
use super::{kernel_source, own};
use crate::Result;

/// Change this if folders of an older lab do not fit any more.
const LAYOUT: &str = "3";

/// The kernel of which only the prepared tree is made here.
const KERNEL: &str = "7.3-arm64";

/// A kernel tree of another architecture, without a `Module.symvers`.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The output of `uname -r` in it.
    pub release: String,
    /// The argument of `make -C`.
    pub kdir: PathBuf,
    /// The prefix of its compiler's name.
    pub cross_compile: &'static str,
}

impl Prepared {
    pub(super) fn load(prefix: &Path) -> Option<Prepared> {
        let state = fs::read_to_string(prefix.join("lab")).ok()?;
        let mut lines = state.lines();
        // The tree contains its own absolute path, so a moved cache is not usable.
        if lines.next()? != LAYOUT || Path::new(lines.next()?) != prefix {
            return None;
        }
        let (release, kdir) = (lines.next()?.to_owned(), prefix.join("build"));
        kernel_source::is_of(&kdir.join("source"), &release).then_some(Prepared {
            release,
            kdir,
            cross_compile: "aarch64-linux-gnu-",
        })
    }
}

pub(super) fn kernel() -> Result<&'static own::Own> {
    own::find(KERNEL).ok_or_else(|| format!("the lab knows no {KERNEL}"))
}

/// Fails if the tree cannot be made, before anything is fetched.
pub(super) fn check() -> Result<()> {
    own::check(kernel()?)
}

/// Fills `draft`, which is then moved to `place`.
pub(super) fn prepare(source: &Path, draft: &Path, place: &Path) -> Result<()> {
    own::build(kernel()?, &["modules_prepare"], source, None, draft)?;
    let fail = |error: std::io::Error| format!("cannot prepare {}: {error}", draft.display());
    let build = draft.join("build");
    own::moved(&build, &place.join("build")).map_err(fail)?;
    let release = fs::read_to_string(build.join("include/config/kernel.release")).map_err(fail)?;
    let state = format!("{LAYOUT}\n{}\n{}\n", place.display(), release.trim());
    fs::write(draft.join("lab"), state).map_err(fail)
}

/// Puts a static `busybox` into `draft`.
pub(super) fn busybox(draft: &Path) -> Result<()> {
    let here = Distribution::here()?;
    let root = super::cache_dir().join("apt/arm64");
    let apt = Apt::open(&root, &here, &here.codename, "arm64")?;
    let unpacked = draft.join("package");
    for deb in apt.download(&["busybox-static".to_owned()], draft)? {
        super::unpack(&deb, &unpacked)?;
        fs::remove_file(&deb).map_err(|error| format!("cannot remove {deb:?}: {error}"))?;
    }
    // Newer packages have it below /usr.
    let places = ["bin/busybox", "usr/bin/busybox"].map(|path| unpacked.join(path));
    let file = places.iter().find(|path| path.exists());
    let file = file.ok_or("the package holds no busybox")?;
    fs::rename(file, draft.join("busybox")).map_err(|error| format!("{file:?}: {error}"))?;
    super::clear(&unpacked)
}
