//! Kernels to build against and to boot, module sources to build, a virtual machine to load them.
//!
//! Everything is fetched on demand out of the distribution's own packages, extracted without
//! being installed, and kept in [`cache_dir`]. Several threads and processes may ask at once: one
//! prepares, the others wait; a half-made folder is never used.

mod apt;
mod arm64;
mod boot;
mod compiler;
mod cpio;
mod distribution;
mod drivers;
mod image;
mod kernels;
mod mirrors;
pub mod packages;
mod sources;
pub mod vm;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub use crate::Result;
use crate::{run, sys};
pub use arm64::Prepared;
use distribution::{Distribution, Family};
pub use kernels::{KERNELS, LabKernel};

/// The folder and the name of the tree for cross builds.
const ARM64: &str = "arm64";

/// Where the lab keeps everything: `$KBUILD_RS_LAB`, else `kbuild-rs-lab` in the user's cache
/// folder.
pub fn cache_dir() -> PathBuf {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let dir = set("KBUILD_RS_LAB").unwrap_or_else(|| {
        set("XDG_CACHE_HOME")
            .or_else(|| set("HOME").map(|home| home.join(".cache")))
            .unwrap_or_else(std::env::temp_dir)
            .join("kbuild-rs-lab")
    });
    std::path::absolute(&dir).unwrap_or(dir)
}

/// The kernels that this machine's distribution offers: [`KERNELS`] on Debian, `generic` (the
/// release's own) on Ubuntu.
pub fn names() -> &'static [&'static str] {
    match Distribution::here() {
        Ok(Distribution {
            family: Family::Ubuntu,
            ..
        }) => &["generic"],
        _ => KERNELS,
    }
}

/// The kernel `name`, got first where it is not there yet.
///
/// # Errors
/// An unknown name, missing packages, no mirror that has it: each with what to do.
pub fn kernel(name: &str) -> Result<LabKernel> {
    let name = names()
        .iter()
        .find(|known| **known == name)
        .ok_or_else(|| {
            format!(
                "there is no lab kernel `{name}`; there are: {}",
                names().join(", ")
            )
        })?;
    packages::ensure()?;
    let place = cache_dir().join("kernels").join(name);
    once(
        &cache_dir(),
        &place,
        || LabKernel::load(name, &place),
        |draft| kernels::prepare(name, draft, &place),
    )
    .map_err(|error| format!("cannot get the lab kernel {name}: {error}"))
}

/// Every kernel of [`names`].
///
/// # Errors
/// As [`kernel`].
pub fn kernels() -> Result<Vec<LabKernel>> {
    names().iter().map(|name| kernel(name)).collect()
}

/// Whether there is an [`arm64`] here: it is made of Debian's kernel source.
pub fn has_arm64() -> bool {
    Distribution::here().is_ok_and(|here| here.family == Family::Debian)
}

/// A kernel tree for arm64, prepared for modules and not built: for cross builds.
///
/// # Errors
/// On another distribution than Debian; missing packages; no mirror that has the source.
pub fn arm64() -> Result<Prepared> {
    let place = cache_dir().join(ARM64);
    let get = || {
        arm64::check()?;
        once(
            &cache_dir(),
            &place,
            || Prepared::load(&place),
            |draft| arm64::prepare(draft, &place),
        )
    };
    get().map_err(|error| format!("cannot get the lab's tree for arm64: {error}"))
}

/// The module sources of a `*-dkms` package of the machine's own release: its folder below
/// `usr/src`. It is shared: copy it, never build in it.
///
/// # Errors
/// A package that is not there, or one that brings no module sources.
pub fn source(package: &str) -> Result<PathBuf> {
    source_of(package, &Distribution::here()?.codename)
}

/// As [`source`], but of the release whose module sources know `kernel`: on Debian 12, some of
/// its own do not build on the 6.12 that its security suite brings, and Debian 13's do.
///
/// # Errors
/// As [`source`].
pub fn source_for(package: &str, kernel: &LabKernel) -> Result<PathBuf> {
    match kernels::sources_for(kernel.name) {
        Some(release) => source_of(package, release),
        None => source(package),
    }
}

/// A few drivers out of the source of Linux 6.1, at their places in it (`drivers/net/dummy.c`). It
/// is shared: copy it, never build in it.
///
/// # Errors
/// On another distribution than Debian; no mirror that has the source.
pub fn drivers() -> Result<PathBuf> {
    if Distribution::here()?.family != Family::Debian {
        return Err("the drivers are those of Debian's kernel source".into());
    }
    let place = cache_dir()
        .join("sources")
        .join(drivers::RELEASE)
        .join(drivers::PACKAGE);
    once(
        &cache_dir(),
        &place,
        || place.join("drivers").is_dir().then(|| place.clone()),
        drivers::fetch,
    )
    .map_err(|error| format!("cannot get the kernel's own drivers: {error}"))
}

fn source_of(package: &str, release: &str) -> Result<PathBuf> {
    let sane =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    if !package.starts_with(|first: char| first.is_ascii_alphanumeric())
        || !package.bytes().all(sane)
    {
        return Err(format!("`{package}` is not the name of a package"));
    }
    let place = cache_dir().join("sources").join(release).join(package);
    once(
        &cache_dir(),
        &place,
        || sources::folder(&place).ok(),
        |draft| sources::fetch(package, release, draft),
    )
    .map_err(|error| format!("cannot get the sources of {package}: {error}"))
}

/// Something that the lab keeps or could get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// A kernel of [`names`], or `arm64`, or `sources`, or `apt`.
    pub name: &'static str,
    /// A kernel's release, where it is there.
    pub release: Option<String>,
    /// What it takes on disk; 0 where it is not there.
    pub bytes: u64,
}

/// What the lab keeps.
pub fn list() -> Vec<Entry> {
    let kernel = |name: &&'static str| {
        let place = cache_dir().join("kernels").join(name);
        let release = LabKernel::load(name, &place).map(|kernel| kernel.release);
        Entry {
            name,
            release,
            bytes: size(&place),
        }
    };
    let folder = |name: &'static str| Entry {
        name,
        release: None,
        bytes: size(&cache_dir().join(name)),
    };
    let cross = Entry {
        release: Prepared::load(&cache_dir().join(ARM64)).map(|tree| tree.release),
        ..folder(ARM64)
    };
    names()
        .iter()
        .map(kernel)
        .chain([cross].into_iter().chain(["sources", "apt"].map(folder)))
        .collect()
}

/// Removes an entry of [`list`]; it is got again when it is asked for again.
///
/// # Errors
/// An unknown name, or a folder that cannot be removed.
pub fn remove(name: &str) -> Result<()> {
    let place = if names().contains(&name) {
        cache_dir().join("kernels").join(name)
    } else if matches!(name, ARM64 | "sources" | "apt") {
        cache_dir().join(name)
    } else {
        return Err(format!("the lab keeps no `{name}`"));
    };
    if !place.exists() {
        return Ok(());
    }
    let _lock = lock(&cache_dir())?;
    clear(&place)
}

/// The private apt of `release`, made under the lock only.
fn apt(here: &Distribution, release: &str) -> Result<apt::Apt> {
    apt::Apt::open(&cache_dir().join("apt").join(release), here, release)
}

/// One lock for all that is prepared: two at once would only wait for each other's network,
/// package database and disk.
fn lock(cache: &Path) -> Result<sys::Lock> {
    fs::create_dir_all(cache)
        .map_err(|error| format!("cannot make {}: {error}", cache.display()))?;
    sys::Lock::take(&cache.join("lock"))
}

/// What `load` finds in `place`, filled first where it finds nothing: by one, while all others
/// wait.
fn once<T>(
    cache: &Path,
    place: &Path,
    load: impl Fn() -> Option<T>,
    fill: impl FnOnce(&Path) -> Result<()>,
) -> Result<T> {
    if let Some(there) = load() {
        return Ok(there);
    }
    let _lock = lock(cache)?;
    if let Some(there) = load() {
        return Ok(there);
    }
    whole(place, fill)?;
    load().ok_or_else(|| format!("{} is not usable", place.display()))
}

/// Fills a draft folder beside `place` and moves it there whole.
fn whole(place: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let mut draft = place.as_os_str().to_owned();
    draft.push(".draft");
    let draft = PathBuf::from(draft);
    // Left by a process that was killed.
    clear(&draft)?;
    fs::create_dir_all(&draft)
        .map_err(|error| format!("cannot make {}: {error}", draft.display()))?;
    let done = fill(&draft).and_then(|()| {
        clear(place)?;
        fs::rename(&draft, place).map_err(|error| format!("cannot make {place:?}: {error}"))
    });
    if done.is_err() {
        clear(&draft)?;
    }
    done
}

fn clear(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("cannot remove {}: {error}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Unpacks a whole package.
fn unpack(deb: &Path, into: &Path) -> Result<()> {
    let mut command = Command::new("dpkg-deb");
    run::checked(
        command.arg("-x").arg(deb).arg(into),
        Duration::from_secs(120),
    )
    .map(drop)
}

/// What a folder takes on disk, as far as it can be read.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_that_failed_leaves_nothing_and_the_old_folder() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("kernel");
        whole(&place, |draft| {
            fs::write(draft.join("a"), "").map_err(|e| e.to_string())
        })
        .unwrap();
        whole(&place, |_| Err("no".into())).unwrap_err();
        let left: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        assert_eq!(left, std::slice::from_ref(&place));
        assert!(place.join("a").exists());
    }

    #[test]
    fn many_that_ask_at_once_get_one_that_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("kernel");
        // What a killed process left.
        fs::create_dir_all(dir.path().join("kernel.draft/half")).unwrap();
        let made = std::sync::atomic::AtomicUsize::new(0);
        let fill = |draft: &Path| {
            made.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            fs::write(draft.join("a"), "").unwrap();
            std::thread::sleep(Duration::from_millis(50));
            fs::write(draft.join("b"), "").map_err(|error| error.to_string())
        };
        let load = || {
            place
                .exists()
                .then(|| fs::read_dir(&place).unwrap().count())
        };
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(once(dir.path(), &place, load, fill), Ok(2)));
            }
        });
        assert_eq!(made.into_inner(), 1);
    }

    #[test]
    fn a_package_name_is_no_path() {
        for name in ["../../etc", "", "-o", "a b", "a/bookworm"] {
            assert!(
                source(name)
                    .unwrap_err()
                    .contains("not the name of a package"),
                "{name}"
            );
        }
    }

    #[test]
    fn an_unknown_kernel_is_an_error_that_names_the_known_ones() {
        let error = kernel("2.4").unwrap_err();
        assert!(
            error.contains("`2.4`") && error.contains(names()[0]),
            "{error}"
        );
    }
}
