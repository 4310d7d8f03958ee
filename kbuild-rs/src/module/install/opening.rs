//! The beginning of each call: the root is opened, and what an earlier call left is undone.

use std::collections::BTreeMap;
use std::path::Path;

use super::journal::{Entry, State};
use super::site::Site;
use super::{conflict, recover};
use crate::Result;

/// Opens a root. To change it, waits for its lock, and ends what an earlier process began.
pub(super) fn open(root: &Path, is_dry_run: bool, makes: bool, say: &dyn Fn(&str)) -> Result<Site> {
    if is_dry_run {
        return match makes && !root.exists() {
            true => Site::missing_at(root),
            false => Site::open(root),
        };
    }
    if makes && !root.exists() {
        crate::sys::Root::make(root)?;
    }
    let site = Site::open(root)?;
    conflict::allowed(site.check_writable(), root, makes)?;
    if !makes && site.state.is_none() {
        // Nothing is installed.
        return Ok(site);
    }
    let mut site = Site::lock(root, say)?;
    for release in recover::all(&mut site)? {
        say(&format!(
            "an earlier change of the modules of {release} was interrupted, and was undone"
        ));
    }
    Ok(site)
}

/// Files that other releases have installed at paths that all releases share.
pub(super) fn shared_files(site: &Site, release: &str) -> Result<BTreeMap<String, Entry>> {
    let (installed, _) = site.releases()?;
    let mut shared = BTreeMap::new();
    for other in installed.iter().filter(|other| *other != release) {
        let state: State = site.journal(other)?.map(|j| j.current).unwrap_or_default();
        let files = state.files.into_iter();
        shared.extend(files.filter(|(path, _)| path.starts_with(super::places::MODULES_LOAD_D)));
    }
    Ok(shared)
}
