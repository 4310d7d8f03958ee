//! The first file system of a guest: its first process, and all files of the guest.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::cpio::Archive;
use crate::guest::Kernel;
use crate::modules;
use crate::{Error, Result};

/// The first process of the guest. It clears the kernel's messages so far, so `dmesg` in the script
/// (and the log at the end) begins with the script's own. `verdict.rs` reads its marks.
const INIT: &str = r#"#!/bin/busybox sh
export PATH=/bin HOME=/
/bin/busybox mkdir -p /proc /sys /dev /tmp /run
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
dmesg -c >/dev/null
cd /
echo "@guest begin"
if sh /load-deps; then sh /script; rc=$?; else rc=250; fi
# Messages of the kernel must not fall between the characters of the verdict.
dmesg -n 1
echo
echo "@guest log"
dmesg
echo "@guest verdict $rc"
# Sets nothing of use, but waits until all is written.
stty -F /dev/console sane 2>/dev/null
reboot -f
"#;

/// The caller's contents of a guest.
#[derive(Clone, Debug)]
pub(crate) struct Contents {
    pub(crate) busybox: PathBuf,
    /// Paths in the guest, and the files of the host for them.
    pub(crate) files: Vec<(String, PathBuf)>,
    /// Paths in the guest, and the contents of the files there.
    pub(crate) made: Vec<(String, Vec<u8>)>,
    pub(crate) trees: Vec<PathBuf>,
    pub(crate) dependencies: Vec<String>,
    pub(crate) script: String,
}

impl Contents {
    pub(crate) fn new(busybox: PathBuf) -> Contents {
        Contents {
            busybox,
            files: Vec::new(),
            made: Vec::new(),
            trees: Vec::new(),
            dependencies: Vec::new(),
            script: String::new(),
        }
    }
}

/// The archive for a guest of `kernel`.
pub(crate) fn build(contents: &Contents, kernel: &Kernel) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    // init uses it as its input and output.
    archive.device("dev/console", 5, 1);
    archive.file("init", 0o755, INIT.as_bytes());
    archive.file("bin/busybox", 0o755, &read(&contents.busybox)?.1);
    let mut load = String::new();
    for path in load_order(contents, kernel)? {
        let plain = modules::uncompressed(&path).unwrap_or(&path);
        let guest = format!("/lib/modules/{}/{plain}", kernel.release);
        let (mode, content) = read(&kernel.modules.join(&path))?;
        let content = modules::unpacked(&path, content)?;
        archive.file(&guest, mode, &content);
        let parameters = parameters(plain);
        load.push_str(&format!("insmod {guest}{parameters} || exit 1\n"));
    }
    archive.file("load-deps", 0o644, load.as_bytes());
    archive.file("script", 0o644, contents.script.as_bytes());
    for (guest, content) in &contents.made {
        archive.file(guest, 0o644, content);
    }
    let mut files = contents.files.clone();
    let mut links = Vec::new();
    for tree in &contents.trees {
        below(tree, "", &mut files, &mut links)?;
    }
    for (guest, host) in &files {
        let (mode, content) = read(host)?;
        archive.file(guest, mode, &content);
    }
    for (guest, target) in &links {
        archive.link(guest, target.as_os_str().as_bytes());
    }
    Ok(archive.finish())
}

/// busybox's insmod does not read the kernel's command line, as modprobe does. Kernels that do not
/// know one of these parameters ignore it.
fn parameters(path: &str) -> &'static str {
    match path.rsplit('/').next() {
        Some("kunit.ko") => " enable=1 autorun=1",
        _ => "",
    }
}

fn load_order(contents: &Contents, kernel: &Kernel) -> Result<Vec<String>> {
    if contents.dependencies.is_empty() {
        return Ok(Vec::new());
    }
    let list = |name: &str| {
        let path = kernel.modules.join(name);
        fs::read_to_string(&path).map_err(Error::file(&path))
    };
    let (dep, builtin) = (list("modules.dep")?, list("modules.builtin")?);
    modules::load_order(&contents.dependencies, &dep, &builtin).map_err(|name| Error::NoModule {
        name,
        folder: kernel.modules.clone(),
    })
}

/// Paths in the guest, each with a path: of a file of the host, or a link's target.
type Paths = Vec<(String, PathBuf)>;

/// The files and the links below a folder, by their paths in the guest.
fn below(folder: &Path, at: &str, files: &mut Paths, links: &mut Paths) -> Result<()> {
    let fail = Error::file(folder);
    for entry in fs::read_dir(folder).map_err(&fail)? {
        let entry = entry.map_err(&fail)?;
        let guest = format!("{at}/{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().map_err(&fail)?;
        if kind.is_dir() {
            below(&entry.path(), &guest, files, links)?;
        } else if kind.is_symlink() {
            links.push((guest, fs::read_link(entry.path()).map_err(&fail)?));
        } else {
            files.push((guest, entry.path()));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<(u32, Vec<u8>)> {
    let fail = Error::file(path);
    let mode = fs::metadata(path).map_err(&fail)?.permissions().mode() & 0o777;
    Ok((mode, fs::read(path).map_err(&fail)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::Arch;

    #[test]
    fn files_trees_and_modules_lie_where_the_guest_looks_for_them() {
        let host = tempfile::tempdir().unwrap();
        let path = |name: &str| host.path().join(name);
        fs::create_dir_all(path("tree/etc/deep")).unwrap();
        std::os::unix::fs::symlink("etc/deep", path("tree/short")).unwrap();
        for (name, text) in [
            ("busybox", "the shell"),
            ("one", "a file"),
            ("tree/etc/deep/two", "in a tree"),
            ("x.ko", "a module"),
            ("modules.dep", "x.ko:\n"),
            ("modules.builtin", "kernel/y.ko\n"),
        ] {
            fs::write(path(name), text).unwrap();
        }
        let kernel = Kernel {
            release: "1.2".into(),
            arch: Arch::X86_64,
            image: path("vmlinuz"),
            modules: host.path().to_owned(),
        };
        let mut contents = Contents::new(path("busybox"));
        contents.files.push(("/opt/one".into(), path("one")));
        contents.trees.push(path("tree"));
        contents.dependencies = vec!["x".into(), "y".into()];
        let archive = build(&contents, &kernel).unwrap();
        let text = String::from_utf8_lossy(&archive);
        for part in [
            "bin/busybox\0",
            "opt/one\0",
            "etc/deep/two\0",
            "short\0",
            "lib/modules/1.2/x.ko\0",
            "insmod /lib/modules/1.2/x.ko || exit 1\n",
            "in a tree",
        ] {
            assert!(text.contains(part), "no {part:?}");
        }

        assert_eq!(
            parameters("kernel/lib/kunit/kunit.ko"),
            " enable=1 autorun=1"
        );
        contents.dependencies.push("z".into());
        let error = build(&contents, &kernel).unwrap_err();
        assert!(matches!(error, Error::NoModule { name, .. } if name == "z"));
    }
}
