//! The inputs of a module that a build system must watch.
//!
//! A build system checks each file of a depfile at each build, so a null build of fifty modules
//! mostly checks the kernel's headers. An installed tree only changes as a whole, when its package
//! is replaced. Its files then have old times, which no build system treats as a change, but its
//! folders have the time of the replacement. So for such a tree, folders replace headers.
//!
//! The next build finds out which file changed.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use kbuild::{Kernel, Report};

/// The prerequisites for the depfile.
pub(super) fn watched(report: &Report) -> Vec<PathBuf> {
    let all = report.prerequisites();
    match report.kernel().filter(|kernel| is_installed(kernel)) {
        Some(kernel) => folded(all, kernel.dir(), kernel.source_dir()),
        None => all.to_vec(),
    }
}

/// Whether a kernel tree is an installed one: without the kernel's sources, and owned by a package
/// manager, or not writable for this user.
fn is_installed(kernel: &Kernel) -> bool {
    let file = kernel.dir().join("include/config/auto.conf");
    let of_package = file.starts_with("/usr") && !file.starts_with("/usr/local");
    !kernel.source_dir().join("init/main.c").exists()
        && (of_package || OpenOptions::new().append(true).open(file).is_err())
}

/// Keeps the configuration and the symbols of the kernel tree, and replaces its headers and crates
/// by their folders. A folder whose parent is in the list is left out.
fn folded(all: &[PathBuf], object: &Path, source: &Path) -> Vec<PathBuf> {
    let mut watched: Vec<PathBuf> = Vec::new();
    let mut folders: Vec<&Path> = Vec::new();
    for path in all {
        let is_kernels = path.starts_with(object) || path.starts_with(source);
        let name = path.file_name().and_then(OsStr::to_str);
        match path.parent() {
            Some(folder) if is_kernels && is_read(path) => folders.push(folder),
            _ if is_kernels && !matches!(name, Some("auto.conf" | "Module.symvers")) => {}
            _ => watched.push(path.clone()),
        }
    }
    folders.sort_unstable();
    folders.dedup();
    let below = |folder: &Path| {
        folder
            .parent()
            .is_some_and(|parent| folders.binary_search(&parent).is_ok())
    };
    watched.extend(
        folders
            .iter()
            .filter(|folder| !below(folder))
            .map(PathBuf::from),
    );
    watched
}

/// Whether a compiler reads the file: a header, or a crate of the kernel.
fn is_read(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    matches!(extension, Some("h" | "rmeta" | "so"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_stand_for_the_headers_and_crates_of_a_kernel_tree_and_for_no_others() {
        let all = [
            "/m/hello.c",
            "/m/hello.h",
            "/k/amd64/.config",
            "/k/amd64/Module.symvers",
            "/k/amd64/include/config/auto.conf",
            "/k/amd64/include/generated/autoconf.h",
            "/k/common/include/linux/module.h",
            "/k/common/include/linux/sched/task.h",
            "/k/common/include/net/sock.h",
            "/k/amd64/rust/libkernel.rmeta",
            "/k/amd64/rust/libmacros.so",
            "/usr/bin/gcc-12",
        ]
        .map(PathBuf::from);
        let watched = folded(&all, Path::new("/k/amd64"), Path::new("/k/common"));
        let wanted = [
            "/m/hello.c",
            "/m/hello.h",
            "/k/amd64/Module.symvers",
            "/k/amd64/include/config/auto.conf",
            "/usr/bin/gcc-12",
            "/k/amd64/include/generated",
            "/k/amd64/rust",
            "/k/common/include/linux",
            "/k/common/include/net",
        ];
        assert_eq!(watched, wanted.map(PathBuf::from));
    }
}
