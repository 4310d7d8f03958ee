//! Roots with the files of a kernel's image package, and the index of that Debian's depmod.
//!
//! Only the modules that tests use are kept, with their dependencies.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{KMODS, Kmod, LabKernel, cache_dir, clear, firmware, kernels, kmod, once};
use crate::{Result, plain, run};

/// The folder of the roots in the cache.
pub(super) const FOLDER: &str = "roots";

/// Changes when folders made by an older lab are no longer what this one expects.
const LAYOUT: &str = "1";

/// The modules that are kept: those that a guest needs for a disk, those whose names tests take for
/// modules of their own, and one that a test's module depends on. One that is built into a kernel
/// is not in its package.
const MODULES: &[&str] = &[
    "crc32c_generic",
    "ext4",
    "virtio_blk",
    "virtio_pci",
    "dummy",
    "ifb",
    "nlmon",
    "crc8",
    "loop",
    "veth",
];

const LIMIT: Duration = Duration::from_secs(180);

/// The root of a kernel's image package.
#[derive(Clone, Debug)]
pub struct ImageRoot {
    folder: PathBuf,
    /// What `uname -r` says in it.
    pub release: String,
    /// The kmod of the Debian that has this kernel.
    pub kmod: Kmod,
}

impl ImageRoot {
    /// Puts a copy of it into `folder`, which must not exist: nothing in it is linked with the
    /// lab's files.
    ///
    /// # Errors
    /// When cp fails.
    pub fn copy_to(&self, folder: &Path) -> Result<()> {
        plain::copy(&self.folder, folder)
    }
}

/// The kernels that have an [`image_root`], oldest first.
pub const ROOTS: &[&str] = &["5.10", "6.1", "6.12", kernels::DEBIAN13];

/// The root of the default run.
pub const ROOT: &str = "6.12";

/// Gets everything for the tests that install: the roots, and the programs of their guests. Gives the
/// kernels' names: none where the distribution is not Debian.
///
/// # Errors
/// As [`image_root`]; no package index that has `virt-firmware`.
pub fn roots(full: bool) -> Result<Vec<&'static str>> {
    let mut names = Vec::new();
    for name in ROOTS {
        if super::why_not(name).is_none() && (full || *name == ROOT) {
            image_root(&super::kernel(name)?)?;
            names.push(*name);
        }
    }
    if !names.is_empty() {
        for version in KMODS {
            kmod::kmod(version)?;
        }
        firmware::virt_firmware()?;
    }
    Ok(names)
}

/// The root of a kernel of [`ROOTS`].
///
/// # Errors
/// A mirror that no longer has the image of the lab's kernel.
pub fn image_root(kernel: &LabKernel) -> Result<ImageRoot> {
    let is_of_debian13 = kernel.machine.is_some();
    let kmod = kmod::kmod(if is_of_debian13 { "34" } else { "30" })?;
    let place = cache_dir().join(FOLDER).join(kernel.name);
    let state = format!("{LAYOUT}\n{}\n{}\n", kernel.release, MODULES.join(" "));
    let load = || {
        let there = fs::read_to_string(place.join("lab")).ok()?;
        (there == state).then(|| ImageRoot {
            folder: place.join("root"),
            release: kernel.release.clone(),
            kmod: kmod.clone(),
        })
    };
    once(&cache_dir(), &place, load, |draft| {
        prepare(kernel, &kmod, draft)?;
        fs::write(draft.join("lab"), &state).map_err(|error| format!("{draft:?}: {error}"))
    })
    .map_err(|error| {
        format!(
            "cannot get the root of {}: {error}\nIf the mirror has a newer kernel, get that:\n    \
             cargo xtask lab remove {1} && cargo xtask lab make {1}",
            kernel.release, kernel.name
        )
    })
}

fn prepare(kernel: &LabKernel, kmod: &Kmod, draft: &Path) -> Result<()> {
    let fail = |error: std::io::Error| format!("cannot fill {}: {error}", draft.display());
    let [debs, whole, root] = ["debs", "whole", "root"].map(|name| draft.join(name));
    for folder in [&debs, &whole, &root] {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    for deb in kernels::download_image(kernel.name, &kernel.release, &debs)? {
        super::unpack(&deb, &whole)?;
    }
    // Newer packages have their modules below /usr, and /lib is a link on such systems.
    let merged = whole.join("usr/lib/modules").exists();
    let lib = if merged { "usr/lib" } else { "lib" };
    let below = Path::new(lib).join("modules").join(&kernel.release);
    if merged {
        for folder in [&whole, &root] {
            std::os::unix::fs::symlink(lib, folder.join("lib")).map_err(fail)?;
        }
    }
    depmod(kmod, &whole, &kernel.release)?;
    let (from, to) = (whole.join(&below), root.join(&below));
    fs::create_dir_all(&to).map_err(fail)?;
    take(&from, &to, MODULES)?;
    for name in [
        "modules.order",
        "modules.builtin",
        "modules.builtin.modinfo",
        "config",
    ] {
        if from.join(name).exists() {
            fs::rename(from.join(name), to.join(name)).map_err(fail)?;
        }
    }
    let config = format!("boot/config-{}", kernel.release);
    fs::create_dir_all(root.join("boot")).map_err(fail)?;
    if whole.join(&config).exists() {
        fs::rename(whole.join(&config), root.join(&config)).map_err(fail)?;
    }
    for folder in ["etc/depmod.d", "var/lib", "tmp"] {
        fs::create_dir_all(root.join(folder)).map_err(fail)?;
    }
    depmod(kmod, &root, &kernel.release)?;
    clear(&debs)?;
    clear(&whole)
}

/// Moves these modules, and those that they depend on, from one folder of modules to another.
pub(super) fn take(from: &Path, to: &Path, modules: &[&str]) -> Result<()> {
    let fail = |error: std::io::Error| format!("cannot fill {}: {error}", to.display());
    let index = fs::read_to_string(from.join("modules.dep")).map_err(fail)?;
    for path in closure(&index, modules) {
        let target = to.join(&path);
        fs::create_dir_all(target.parent().unwrap_or(to)).map_err(fail)?;
        fs::rename(from.join(&path), target).map_err(fail)?;
    }
    Ok(())
}

pub(super) fn depmod(kmod: &Kmod, root: &Path, release: &str) -> Result<()> {
    let mut depmod = kmod.command("depmod");
    depmod
        .arg("-b")
        .arg(root)
        .arg("-C")
        .arg(root.join("etc/depmod.d"))
        .arg(release);
    run::checked(&mut depmod, LIMIT).map(drop)
}

/// The paths of these modules and of all that they depend on.
fn closure(index: &str, modules: &[&str]) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for (path, dependencies) in index.lines().filter_map(|line| line.split_once(':')) {
        let file = path.rsplit('/').next().unwrap_or(path);
        let name = file.split(".ko").next().unwrap_or(file).replace('-', "_");
        if modules.contains(&name.as_str()) {
            paths.insert(path.to_owned());
            paths.extend(dependencies.split_whitespace().map(str::to_owned));
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_module_depends_on_is_kept_with_it() {
        let index = "k/fs/ext4/ext4.ko.xz: k/lib/crc16.ko.xz\nk/lib/crc16.ko.xz:\nk/x.ko.xz:\n";
        let paths: Vec<_> = closure(index, MODULES).into_iter().collect();
        assert_eq!(paths, ["k/fs/ext4/ext4.ko.xz", "k/lib/crc16.ko.xz"]);
    }
}
