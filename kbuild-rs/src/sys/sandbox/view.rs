//! The files and folders that a sandbox shows.

use std::collections::BTreeMap;
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path, PathBuf};

/// The folders of the system that every sandbox shows. Programs and their data, and no folder that
/// belongs to a user.
const SYSTEM: &[&str] = &[
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix", "/gnu", "/sys",
];

/// The part of `/etc` that compilers and scripts read. Root may read all of `/etc`, and its secrets
/// are no part of a build.
const ETC: &[&str] = &[
    "alternatives",
    "clang",
    "crypto-policies",
    "debian_version",
    "gitconfig",
    "group",
    "hosts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "lsb-release",
    "nsswitch.conf",
    "os-release",
    "passwd",
    "perl",
    "python3",
    "redhat-release",
    "ssl/openssl.cnf",
    "timezone",
];

/// What name resolution and TLS read, if the network is allowed.
const NETWORK: &[&str] = &[
    "/etc/ca-certificates",
    "/etc/pki/tls",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl/certs",
];

/// The most links on the way to one file, as in the kernel.
const MOST_LINKS: usize = 40;

/// How a sandbox shows a path. A later one wins where two name the same path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Access {
    /// An empty folder that may be written and that goes away with the build.
    Empty,
    Read,
    /// A fifo or a character device that may be written.
    Device,
    Write,
}

/// The view that a sandbox gives.
#[derive(Debug, Clone)]
pub(crate) struct Sandbox {
    pub(super) shown: BTreeMap<PathBuf, Access>,
    /// Links on the way to the shown paths, with their targets.
    pub(super) links: BTreeMap<PathBuf, PathBuf>,
    /// Paths that may not exist before the build begins.
    later: Vec<(PathBuf, Access)>,
    pub(super) network: bool,
}

impl Sandbox {
    /// A sandbox that shows the system.
    pub(crate) fn new(network: bool) -> Sandbox {
        let mut sandbox = Sandbox {
            shown: BTreeMap::new(),
            links: BTreeMap::new(),
            later: Vec::new(),
            network,
        };
        for folder in ["/tmp", "/var/tmp", "/dev/shm"] {
            sandbox.empty(Path::new(folder));
        }
        for folder in SYSTEM {
            sandbox.show(Path::new(folder), Access::Read);
        }
        for name in ETC {
            sandbox.show(&Path::new("/etc").join(name), Access::Read);
        }
        for device in ["null", "zero", "full", "random", "urandom"] {
            sandbox.show(&Path::new("/dev").join(device), Access::Device);
        }
        let fds = [
            ("fd", "/proc/self/fd"),
            ("stdin", "/proc/self/fd/0"),
            ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"),
        ];
        for (name, target) in fds {
            let link = Path::new("/dev").join(name);
            sandbox.links.insert(link, target.into());
        }
        if network {
            for path in NETWORK {
                sandbox.show(Path::new(path), Access::Read);
            }
        }
        sandbox
    }

    /// Shows an empty folder at an absolute path, whether or not one exists there.
    pub(crate) fn empty(&mut self, folder: &Path) {
        let plain = |part| matches!(part, Component::Normal(_) | Component::RootDir);
        if folder.is_absolute() && folder.parent().is_some() && folder.components().all(plain) {
            let folder = self.resolve(folder).unwrap_or_else(|| folder.to_owned());
            self.add(folder, Access::Empty);
        }
    }

    /// Shows an existing file or folder. Links on the way are shown too. A missing path is not
    /// shown.
    pub(crate) fn show(&mut self, path: &Path, access: Access) {
        let Some(real) = self.resolve(path).filter(|real| real.parent().is_some()) else {
            return;
        };
        let access = match std::fs::metadata(&real).map(|meta| meta.file_type()) {
            Ok(kind) if kind.is_fifo() || kind.is_char_device() => Access::Device,
            _ => access,
        };
        self.add(real, access);
    }

    /// Shows a path that exists when the sandbox is entered.
    pub(crate) fn show_later(&mut self, path: &Path, access: Access) {
        self.later.push((path.to_owned(), access));
    }

    /// This sandbox with the paths of [`show_later`](Self::show_later) that exist now.
    pub(super) fn ready(&self) -> Sandbox {
        let mut ready = self.clone();
        for (path, access) in &self.later {
            ready.show(path, *access);
        }
        ready
    }

    /// Whether it has the network.
    pub(crate) fn has_network(&self) -> bool {
        self.network
    }

    /// All that the sandbox will show, also the paths of [`show_later`](Self::show_later) that do not
    /// exist yet.
    pub(crate) fn planned(&self) -> Vec<(PathBuf, Access)> {
        let mut planned = self.ready();
        for (path, access) in self.later.iter().filter(|(path, _)| !path.exists()) {
            planned.add(path.clone(), *access);
        }
        let needed = planned.needed();
        needed
            .map(|(path, access)| (path.clone(), access))
            .collect()
    }

    /// Whether the sandbox shows this path, by one of the folders above it at least.
    pub(crate) fn shows(&self, path: &Path, access: Access) -> bool {
        let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let nearest = real.ancestors().find_map(|above| self.shown.get(above));
        nearest.is_some_and(|&shown| shown != Access::Empty && shown >= access)
    }

    fn add(&mut self, path: PathBuf, access: Access) {
        let known = self.shown.entry(path).or_insert(access);
        *known = access.max(*known);
    }

    /// The canonical path of an existing path. Remembers the links on the way.
    fn resolve(&mut self, path: &Path) -> Option<PathBuf> {
        let real = std::fs::canonicalize(path).ok()?;
        let mut rest = std::path::absolute(path).ok()?;
        for _ in 0..MOST_LINKS {
            let is_link = |path: &&Path| path.is_symlink();
            let above: Vec<_> = rest.ancestors().collect();
            let Some(link) = above.into_iter().rev().find(is_link) else {
                break;
            };
            let target = std::fs::read_link(link).ok()?;
            let after = rest.strip_prefix(link).ok()?;
            let next = crate::sys::normal(&link.parent()?.join(&target).join(after));
            self.links.insert(link.to_owned(), target);
            rest = next;
        }
        Some(real)
    }

    /// The paths to show, folders before their contents, without those that a folder above shows in
    /// the same way.
    pub(super) fn needed(&self) -> impl Iterator<Item = (&PathBuf, Access)> {
        self.shown.iter().filter_map(|(path, &access)| {
            let mut above = path.ancestors().skip(1);
            let nearest = above.find_map(|above| self.shown.get(above));
            let covered =
                nearest == Some(&access) && [Access::Read, Access::Write].contains(&access);
            (!covered).then_some((path, access))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    #[test]
    fn a_folder_is_shown_once_and_its_writable_part_once_more() {
        let root = Root::new();
        let file = root.write("tree/stage/a", "");
        let stage = file.parent().unwrap();
        let tree = stage.parent().unwrap();
        let mut sandbox = Sandbox::new(false);
        sandbox.show(&file, Access::Read);
        sandbox.show(tree, Access::Read);
        sandbox.show(stage, Access::Write);
        let real = std::fs::canonicalize(tree).unwrap();
        let of_tree: Vec<_> = sandbox
            .needed()
            .filter(|(path, _)| path.starts_with(&real))
            .map(|(path, access)| (path.strip_prefix(&real).unwrap(), access))
            .collect();
        let wanted = [
            ("", Access::Read),
            ("stage", Access::Write),
            ("stage/a", Access::Read),
        ];
        assert_eq!(of_tree, wanted.map(|(path, how)| (Path::new(path), how)));
        assert!(sandbox.shows(&tree.join("none"), Access::Read));
        assert!(!sandbox.shows(&tree.join("none"), Access::Write));
        assert!(!sandbox.shows(Path::new("/tmp"), Access::Read));
    }

    #[test]
    fn links_on_the_way_are_shown_with_their_targets() {
        let root = Root::new();
        let file = root.write("real/bin/cc", "");
        let base = file.ancestors().nth(3).unwrap();
        std::os::unix::fs::symlink("real", base.join("link")).unwrap();
        std::os::unix::fs::symlink(base.join("link/bin"), base.join("other")).unwrap();
        let mut sandbox = Sandbox::new(false);
        sandbox.show(&base.join("other/cc"), Access::Read);
        assert_eq!(sandbox.links[&base.join("other")], base.join("link/bin"));
        assert_eq!(sandbox.links[&base.join("link")], Path::new("real"));
        assert!(
            sandbox
                .shown
                .contains_key(&std::fs::canonicalize(&file).unwrap())
        );
    }
}
