//! Kernel trees with a fault, made of links to a good tree.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use kbuild_tests::lab::LabKernel;

/// Makes `at` a tree like the kernel's, made of links into it. The folders in `own` are real
/// folders, so that tests can replace files in them.
pub(crate) fn link_kernel(kernel: &LabKernel, at: &Path, own: &[&str]) -> LabKernel {
    let canonical = |path: &Path| fs::canonicalize(path).unwrap();
    link_folder(&kernel.kdir, at, Path::new(""), own, &canonical);
    let private = LabKernel {
        kdir: at.to_owned(),
        ..kernel.clone()
    };
    // The Makefile may name the folder in which kbuild works.
    if at.to_str().is_some() {
        move_makefile(kernel, &private, &kernel.kdir, at);
    }
    private
}

/// Makes packages like the kernel's below `at`, made of links into them. Tests can replace files of
/// `include/linux`, the configuration and the kernel tree's own files. A copy would take seconds.
pub(crate) fn link_headers(kernel: &LabKernel, at: &Path) -> LabKernel {
    let prefix = kernel.kdir.ancestors().nth(3).unwrap();
    let [kdir, common] =
        [&kernel.kdir, &kernel.common].map(|dir| dir.strip_prefix(prefix).unwrap());
    let own = [
        Path::new("usr"),
        Path::new("usr/src"),
        kdir,
        &kdir.join("include"),
        &kdir.join("include/config"),
        common,
        &common.join("include"),
        &common.join("include/linux"),
    ];
    // A link from one package into another, such as from the kernel tree to the shared half.
    let relative = |path: &Path| match fs::read_link(path) {
        Ok(to) if to.is_relative() => to,
        _ => path.to_owned(),
    };
    let own = own.map(|path| path.to_str().unwrap());
    link_folder(prefix, at, Path::new(""), &own, &relative);
    let private = LabKernel {
        kdir: at.join(kdir),
        common: at.join(common),
        ..kernel.clone()
    };
    move_makefile(kernel, &private, prefix, at);
    private
}

/// The copy of the kernel tree names the copy of the shared half.
pub(crate) fn move_makefile(kernel: &LabKernel, private: &LabKernel, from: &Path, to: &Path) {
    let makefile = kernel.kdir.join("Makefile");
    if !makefile.is_symlink() {
        let text = fs::read_to_string(&makefile).unwrap();
        let [from, to] = [from, to].map(|path| path.to_str().unwrap());
        let private = private.kdir.join("Makefile");
        fs::remove_file(&private).unwrap();
        fs::write(private, text.replace(from, to)).unwrap();
    }
}

fn link_folder(
    from: &Path,
    to: &Path,
    rel: &Path,
    own: &[&str],
    target: &dyn Fn(&Path) -> PathBuf,
) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let rel = rel.join(entry.file_name());
        let to = to.join(entry.file_name());
        if own.iter().any(|folder| rel == Path::new(folder)) {
            link_folder(&entry.path(), &to, &rel, own, target);
        } else {
            symlink(target(&entry.path()), to).unwrap();
        }
    }
}
