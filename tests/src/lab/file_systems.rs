//! The kernel's modules for file systems that only guests of some tests mount.

use std::fs;
use std::path::PathBuf;

use super::{LabKernel, cache_dir, clear, kernels, kmod, once, root};
use crate::Result;

/// The folder in the cache.
pub(super) const FOLDER: &str = "file-systems";

/// Changes when folders made by an older lab are no longer what this one expects.
const LAYOUT: &str = "1";

const MODULES: &[&str] = &["xfs", "btrfs"];

/// A folder with `lib/modules/RELEASE`: the modules for xfs and btrfs, and an index of them.
///
/// # Errors
/// A mirror that no longer has the image of the lab's kernel.
pub fn file_systems(kernel: &LabKernel) -> Result<PathBuf> {
    let place = cache_dir().join(FOLDER).join(kernel.name);
    let state = format!("{LAYOUT}\n{}\n", kernel.release);
    let load = || {
        let there = fs::read_to_string(place.join("lab")).ok()?;
        (there == state).then(|| place.join("root"))
    };
    once(&cache_dir(), &place, load, |draft| {
        let fail = |error: std::io::Error| format!("cannot fill {}: {error}", draft.display());
        let kmod = kmod::kmod("30")?;
        let [debs, whole, root] = ["debs", "whole", "root"].map(|name| draft.join(name));
        for folder in [&debs, &whole, &root] {
            fs::create_dir_all(folder).map_err(fail)?;
        }
        for deb in kernels::download_image(kernel.name, &kernel.release, &debs)? {
            super::unpack(&deb, &whole)?;
        }
        let below = PathBuf::from("lib/modules").join(&kernel.release);
        root::depmod(&kmod, &whole, &kernel.release)?;
        root::take(&whole.join(&below), &root.join(&below), MODULES)?;
        root::depmod(&kmod, &root, &kernel.release)?;
        clear(&debs)?;
        clear(&whole)?;
        fs::write(draft.join("lab"), &state).map_err(fail)
    })
    .map_err(|error| format!("cannot get the file systems of {}: {error}", kernel.release))
}
