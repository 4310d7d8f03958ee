//! The kernel trees of a machine.

use crate::error::names::KERNEL;
use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};

use super::arch::arch_name;
use super::distro::Distro;
use super::{Kernel, arch, open};
use crate::sys::{regular, sort_paths};
use crate::{Error, ErrorKind, Result};

/// A place of an existing or expected kernel tree.
#[derive(Debug)]
pub struct Installed {
    /// The tree's directory; the path as found if it leads to nothing.
    pub dir: PathBuf,
    /// The tree's release; the name of its folder if it cannot be opened.
    pub release: String,
    /// The tree, or the reason why it cannot be used.
    pub kernel: Result<Kernel>,
}

/// The machine to search. Tests use an invented one.
pub(super) struct Host {
    pub(super) root: PathBuf,
    /// The machine's architecture, by the kernel's name.
    pub(super) machine: &'static str,
}

impl Host {
    pub(super) fn this() -> Host {
        Host::below("/", arch::machine())
    }

    pub(super) fn below(root: impl Into<PathBuf>, machine: &'static str) -> Host {
        Host {
            root: root.into(),
            machine,
        }
    }

    pub(super) fn distro(&self) -> Distro {
        Distro::of(&self.root)
    }

    /// The output of `uname -r`.
    pub(super) fn running(&self) -> Result<String> {
        let file = self.root.join("proc/sys/kernel/osrelease");
        match regular::read_to_string(&file) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(error) => Err(Error::reading(
                "read the running kernel's release from",
                &file,
                error,
            )),
        }
    }

    pub(super) fn find(&self, request: &str) -> Result<Kernel> {
        if request.is_empty() {
            return Err(Error::input(
                "the kernel's name is empty. Give a release or the path of a kernel tree",
            ));
        }
        if request.contains('/') || Path::new(request).is_dir() {
            open::open(Path::new(request), self)
        } else {
            self.find_release(request)
        }
    }

    pub(super) fn find_release(&self, release: &str) -> Result<Kernel> {
        let places = self.places_of(release);
        let mut broken = None;
        for place in &places {
            if fs::symlink_metadata(place).is_ok() {
                match open::open(place, self) {
                    Ok(kernel) if kernel.release() == release => return Ok(kernel),
                    Ok(_) => {}
                    Err(error) => broken = broken.or(Some(error)),
                }
            }
        }
        let installed = self.installed();
        let mut here = Vec::new();
        for Installed { kernel, .. } in installed {
            match kernel {
                Ok(kernel) if kernel.release() == release => return Ok(kernel),
                Ok(kernel) => here.push(kernel.release),
                Err(_) => {}
            }
        }
        if let Some(error) = broken {
            return Err(error);
        }
        let looked: Vec<String> = places.iter().map(|p| p.display().to_string()).collect();
        here.dedup();
        let here = match here.as_slice() {
            [] => "No kernel tree is installed".to_owned(),
            some => format!("Installed: {}", some.join(", ")),
        };
        let install = self.distro().headers(release);
        let message = format!(
            "no kernel tree for release {release} in {}. {here}. Install it:\n    {install}",
            looked.join(", "),
        );
        let advice = install.advice("missing-kernel-headers");
        Err(Error::new(ErrorKind::KernelNotFound, message).advise(advice))
    }

    pub(super) fn default_for(&self, asked: Option<&str>) -> Result<(Kernel, Option<String>)> {
        let arch = asked.map_or(self.machine, arch_name);
        let running = self.running()?;
        let fits = |kernel: &Kernel| {
            kernel.arch() == arch
                && asked.is_none_or(|word| kernel.check_arch(Some(word), None).is_ok())
        };
        let why = match self.find_release(&running) {
            Ok(kernel) if fits(&kernel) => return Ok((kernel, None)),
            Ok(kernel) => format!(
                "the running kernel {running} is {}, not {arch}",
                kernel.arch()
            ),
            Err(error) if error.kind() == ErrorKind::KernelNotFound => format!(
                "the running kernel {running} has no kernel tree here (in a container, this is the \
                 host's kernel)"
            ),
            Err(error) => format!("the running kernel's tree is unusable ({error})"),
        };
        let newest = self
            .installed()
            .into_iter()
            .filter_map(|found| found.kernel.ok())
            .find(fits);
        match newest {
            Some(kernel) => {
                let note = format!(
                    "{why}. Building for {}, the newest {arch} kernel tree that is installed",
                    kernel.release()
                );
                Ok((kernel, Some(note)))
            }
            None => {
                let install = self.distro().any_headers();
                let message = format!(
                    "{why}. No other {arch} kernel tree is installed. Install one:\n    \
                     {install}\nor name one ({KERNEL})"
                );
                let advice = install.advice("missing-kernel-headers");
                Err(Error::new(ErrorKind::KernelNotFound, message).advise(advice))
            }
        }
    }

    /// The kernel trees of the machine, with the newest release first.
    pub(super) fn installed(&self) -> Vec<Installed> {
        let mut seen = Vec::new();
        let mut found: Vec<Installed> = self
            .places()
            .into_iter()
            .filter(|place| {
                let real = fs::canonicalize(place).unwrap_or_else(|_| place.clone());
                let new = !seen.contains(&real);
                seen.push(real);
                new
            })
            .map(|place| self.look_at(place))
            .collect();
        found.sort_by_cached_key(|found| Reverse(age(&found.release)));
        found
    }

    fn look_at(&self, place: PathBuf) -> Installed {
        match open::open(&place, self) {
            Ok(kernel) => Installed {
                dir: kernel.dir().to_owned(),
                release: kernel.release().to_owned(),
                kernel: Ok(kernel),
            },
            Err(error) => {
                let folder = match place.file_name() {
                    Some(name) if name == "build" => place.parent().and_then(Path::file_name),
                    name => name,
                };
                let name = folder.unwrap_or_default().to_string_lossy();
                let release = name.strip_prefix("linux-headers-").unwrap_or(&name);
                Installed {
                    release: release.to_owned(),
                    dir: place,
                    kernel: Err(error),
                }
            }
        }
    }

    /// The possible places of a tree with this release.
    fn places_of(&self, release: &str) -> [PathBuf; 3] {
        [
            self.root.join("lib/modules").join(release).join("build"),
            self.root.join(format!("usr/src/linux-headers-{release}")),
            self.root.join("usr/src/kernels").join(release),
        ]
    }

    /// The places of trees.
    fn places(&self) -> Vec<PathBuf> {
        let mut places: Vec<PathBuf> = entries(&self.root.join("lib/modules"))
            .into_iter()
            .map(|dir| dir.join("build"))
            // Dangling links count, because they tell which package is missing.
            .filter(|build| fs::symlink_metadata(build).is_ok())
            .collect();
        places.extend(
            entries(&self.root.join("usr/src"))
                .into_iter()
                .filter(|dir| {
                    dir.file_name()
                        .is_some_and(|name| name.to_string_lossy().starts_with("linux-headers-"))
                })
                .filter(|dir| dir.is_dir() && !is_shared_half(dir)),
        );
        places.extend(
            entries(&self.root.join("usr/src/kernels"))
                .into_iter()
                .filter(|dir| dir.is_dir()),
        );
        places
    }
}

/// Whether the folder is the shared half of a split package, which is not meant to be a tree.
fn is_shared_half(dir: &Path) -> bool {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    !dir.join("include/config/auto.conf").exists()
        && (name.ends_with("-common")
            || name.ends_with("-common-rt")
            || !open::flavours_of(dir).is_empty())
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    sort_paths(&mut paths);
    paths
}

/// The sort key of releases: numbers by value, release candidates before their release, and the
/// plain flavour last (`6.1.0-56-amd64` is "newer" than `6.1.0-56-cloud-amd64`).
fn age(release: &str) -> impl Ord + use<> {
    let end = release
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(release.len());
    let (version, rest) = release.split_at(end);
    let numbers = |text: &str| -> Vec<u64> {
        text.split(|c: char| !c.is_ascii_digit())
            .filter_map(|number| number.parse().ok())
            .collect()
    };
    let is_final = !rest.starts_with("-rc");
    let flavour = (Reverse(release.len()), release.to_owned());
    (numbers(version), is_final, numbers(rest), flavour)
}
