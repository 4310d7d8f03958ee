//! Kernel trees with something wrong with them, made of links to a good one.

use std::fs;
use std::path::Path;

use kbuild_tests::lab::LabKernel;

/// Makes `at` a tree like the kernel's, of links into it. The folders in `own` are folders there,
/// so that what is in them can be replaced.
pub(crate) fn link_kernel(kernel: &LabKernel, at: &Path, own: &[&str]) -> LabKernel {
    link_folder(&kernel.kdir, at, Path::new(""), own);
    LabKernel {
        kdir: at.to_owned(),
        ..kernel.clone()
    }
}

fn link_folder(from: &Path, to: &Path, rel: &Path, own: &[&str]) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let rel = rel.join(entry.file_name());
        let to = to.join(entry.file_name());
        if own.iter().any(|folder| rel == Path::new(folder)) {
            link_folder(&entry.path(), &to, &rel, own);
        } else {
            let real = fs::canonicalize(entry.path()).unwrap();
            std::os::unix::fs::symlink(real, to).unwrap();
        }
    }
}
