//! DKMS of Debian 12, which tests run beside kbuild-rs. It is one script.

use std::fs;
use std::path::{Path, PathBuf};

use super::distribution::Distribution;
use super::{PROGRAMS, cache_dir, clear, once};
use crate::Result;

/// The upstream version that Debian 12 has.
pub const DKMS: &str = "3.0.10";

/// The script `dkms`.
///
/// # Errors
/// No mirror that has it, or one that has another version.
pub fn dkms() -> Result<PathBuf> {
    let place = cache_dir().join(PROGRAMS).join("dkms").join(DKMS);
    let script = place.join("dkms");
    once(
        &cache_dir(),
        &place,
        || script.exists().then(|| script.clone()),
        prepare,
    )
    .map_err(|error| format!("cannot get DKMS {DKMS}: {error}"))
}

fn prepare(draft: &Path) -> Result<()> {
    let fail = |error: std::io::Error| format!("cannot fill {}: {error}", draft.display());
    let [whole, debs] = ["whole", "debs"].map(|name| draft.join(name));
    for folder in [&whole, &debs] {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    let apt = super::apt(&Distribution::here()?, "bookworm")?;
    for deb in apt.download(&["dkms".to_owned()], &debs)? {
        let name = deb.file_name().unwrap_or_default().to_string_lossy();
        if !name.contains(DKMS) {
            return Err(format!("the mirror has {name}"));
        }
        super::unpack(&deb, &whole)?;
    }
    fs::rename(whole.join("usr/sbin/dkms"), draft.join("dkms")).map_err(fail)?;
    clear(&whole)?;
    clear(&debs)
}
