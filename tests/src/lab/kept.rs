//! Lists and removes the contents of the lab.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::kernel::Tools;
use super::place::{clear, lock};
use super::{
    ARM64, COMPILED, CORPUS, KERNEL_SOURCES, LabKernel, MACHINE, PROGRAMS, Prepared, all,
    built_folder, cache_dir, kernel_folder,
};
use super::{file_systems, root};
use crate::Result;

/// An item that the lab keeps or can get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// A kernel of [`all`], or `arm64` (prepared only), `debian13`, `programs`, `kernel-sources`,
    /// `roots`, `file-systems`, `corpus`, `compiled`, `sources`, `apt`.
    pub name: &'static str,
    /// A kernel's release, if the kernel exists.
    pub release: Option<String>,
    /// The size on disk; 0 if it does not exist.
    pub bytes: u64,
}

/// The contents of the lab.
pub fn list() -> Vec<Entry> {
    let kernel = |name: &&'static str| {
        let place = kernel_folder(name);
        let kernel = LabKernel::load(name, &place, Tools::default());
        Entry {
            name,
            release: kernel.map(|kernel| kernel.release),
            bytes: size(&place),
        }
    };
    let folder = |name: &'static str| Entry {
        name,
        release: None,
        bytes: size(&folder(name)),
    };
    let cross = Entry {
        release: Prepared::load(&self::folder(ARM64)).map(|tree| tree.release),
        ..folder(ARM64)
    };
    all()
        .iter()
        .map(kernel)
        .chain([cross])
        .chain(FOLDERS.iter().copied().map(folder))
        .collect()
}

/// The entries that are not kernels.
const FOLDERS: &[&str] = &[
    MACHINE,
    PROGRAMS,
    KERNEL_SOURCES,
    root::FOLDER,
    file_systems::FOLDER,
    CORPUS,
    COMPILED,
    "sources",
    "apt",
];

fn folder(name: &str) -> PathBuf {
    if all().contains(&name) {
        kernel_folder(name)
    } else if name == ARM64 {
        built_folder().join(name)
    } else {
        cache_dir().join(name)
    }
}

/// Removes an entry of [`list`]. The lab gets it again on the next request.
///
/// # Errors
/// If the name is unknown, or a folder cannot be removed.
pub fn remove(name: &str) -> Result<()> {
    if !all().contains(&name) && name != ARM64 && !FOLDERS.contains(&name) {
        return Err(format!("the lab keeps no `{name}`"));
    }
    let place = folder(name);
    if !place.exists() {
        return Ok(());
    }
    let _lock = lock(&cache_dir())?;
    clear(&place)
}

/// The size of a folder on disk, as far as it can be read.
fn size(path: &Path) -> u64 {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return 0;
    };
    let below: u64 = match fs::read_dir(path) {
        Ok(entries) if metadata.is_dir() => {
            entries.flatten().map(|entry| size(&entry.path())).sum()
        }
        _ => 0,
    };
    metadata.blocks() * 512 + below
}
