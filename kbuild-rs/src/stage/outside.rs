//! Links that leave the module tree: decides whether their targets are copied or stay links.
//!
//! # Decisions
//!
//! - A link that leads out of the tree is copied wherever it leads, also to `/usr`: kbuild compiles
//!   through a link, so objects would land there, and those of two kernels in the same place. No
//!   list of the system's folders tells where sources are.
//! - Above a limit, a link to a folder with sources is an error: it may lead to `/usr`. One without
//!   sources stays a link: kbuild writes nothing into `/lib/firmware`.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The amount that is always copied. Larger folders are only copied if they contain sources.
const SMALL: (usize, u64) = (1_000, 16 << 20);

/// The largest amount that is copied; see [`FolderContents::LIMIT`]. (Tests use a smaller one to
/// save time.)
const LARGE: (usize, u64) = (if cfg!(test) { 2_000 } else { 100_000 }, 1 << 30);

/// The files seen below a folder.
#[derive(Debug, Default)]
pub(super) struct FolderContents {
    entries: usize,
    /// The size on disk, so that holes do not count.
    bytes: u64,
    /// Whether kbuild would build something from a file there.
    sources: bool,
    /// Whether kbuild would build an object from a file there.
    compiled: bool,
}

impl FolderContents {
    /// [`LARGE`] in words.
    pub(super) const LIMIT: &str = "100,000 files and 1 GiB";

    pub(super) fn add(&mut self, name: &OsStr, meta: &Metadata) {
        self.entries += 1;
        if meta.is_file() {
            self.bytes += meta.blocks() * 512;
        }
        if !meta.is_dir() {
            self.compiled |= is_compiled(name);
            self.sources |= self.compiled || is_source(name);
        }
    }

    pub(super) fn add_all(&mut self, other: &FolderContents) {
        self.entries += other.entries;
        self.bytes += other.bytes;
    }

    pub(super) fn is_too_much(&self, before: &FolderContents) -> bool {
        self.entries + before.entries > LARGE.0 || self.bytes + before.bytes > LARGE.1
    }

    /// Whether kbuild could write into this folder.
    pub(super) fn is_to_be_copied(&self, place: Location) -> bool {
        let small = self.entries <= SMALL.0 && self.bytes <= SMALL.1;
        match place {
            // The folder has a kernel's headers, many thousands.
            Location::InKernelTree => self.compiled,
            _ => self.sources || small,
        }
    }
}

/// Whether kbuild compiles or links a file of this name.
fn is_compiled(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let ends = |end: &[u8]| name.ends_with(end);
    const ENDS: &[&[u8]] = &[b".c", b".S", b".s", b".rs", b".o", b".a", b"_shipped"];
    ENDS.iter().any(|end| ends(end))
}

/// Whether a file of this name takes part in a build in another way.
fn is_source(name: &OsStr) -> bool {
    const STARTS: &[&[u8]] = &[b"Kbuild", b"Makefile", b"Kconfig"];
    const ENDS: &[&[u8]] = &[
        b".h", b".mk", b".in", b".inc", b".lds", b".dts", b".dtsi", b".dtso", b".asn1", b".l",
        b".y", b".cc", b".cpp",
    ];
    let name = name.as_bytes();
    STARTS.iter().any(|start| name.starts_with(start)) || ENDS.iter().any(|end| name.ends_with(end))
}

/// The place of a folder outside of the module tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Location {
    KernelTree,
    InKernelTree,
    Elsewhere,
}

impl Location {
    /// Locates a folder. `kernel_dirs` has both halves of the kernel tree.
    pub(super) fn of(real: &Path, kernel_dirs: &[&Path]) -> Location {
        let is_tree = |dir: &Path| kernel_dirs.contains(&dir) || is_kernel_tree(dir);
        let mut dirs = real.ancestors();
        if dirs.next().is_some_and(is_tree) {
            return Location::KernelTree;
        }
        match dirs.any(is_tree) {
            true => Location::InKernelTree,
            false => Location::Elsewhere,
        }
    }
}

/// Whether a folder is a kernel's source, built or not; its `O=` folder; or a half of a headers
/// package.
fn is_kernel_tree(dir: &Path) -> bool {
    let has = |name: &str| dir.join(name).exists();
    if !has("Makefile") {
        return false;
    }
    if has("include/config/auto.conf") && has("include/generated/autoconf.h") {
        return true;
    }
    // Debian's shared half has neither Kbuild nor Kconfig. Other projects have an arch folder too.
    has("arch") && has("include/linux") && has("scripts") && {
        let mut head = Vec::new();
        let file = fs::File::open(dir.join("Makefile"));
        let read = file.and_then(|file| file.take(4096).read_to_end(&mut head));
        let head = String::from_utf8_lossy(&head);
        let says = |name: &str| head.lines().any(|line| line.starts_with(name));
        read.is_ok() && says("VERSION =") && says("PATCHLEVEL =")
    }
}

/// Whether the file system with this device number shows the kernel's state and does not hold
/// files.
pub(super) fn is_virtual(device: u64) -> bool {
    const TYPES: &[&str] = &[
        "autofs",
        "binder",
        "binfmt_misc",
        "bpf",
        "cgroup",
        "cgroup2",
        "configfs",
        "debugfs",
        "devpts",
        "devtmpfs",
        "efivarfs",
        "fusectl",
        "mqueue",
        "proc",
        "pstore",
        "resctrl",
        "securityfs",
        "selinuxfs",
        "sysfs",
        "tracefs",
    ];
    // Disks have a major number of their own.
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    if major != 0 {
        return false;
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let number = format!("{major}:{minor}");
    mounts
        .lines()
        .filter(|line| line.split(' ').nth(2) == Some(&*number))
        .filter_map(|line| line.split(" - ").nth(1)?.split(' ').next())
        .any(|kind| TYPES.contains(&kind))
}
