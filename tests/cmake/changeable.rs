//! A kernel tree and a compiler that a test may change, and the changes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use kbuild_tests::lab::LabKernel;

use crate::support::kernel_tree::link_headers;

/// A module that includes the [`header`], and shows whether [`ADDED`] is in it.
pub(crate) const USER_OF_CRC7: &str = "\
#include <linux/module.h>
#include <linux/crc7.h>
#ifdef ADDED
int added(void);
int added(void) { return ADDED; }
#endif
MODULE_LICENSE(\"GPL\");
";

/// The line to append to the [`header`].
pub(crate) const ADDED: &str = "#define ADDED 7\n";

/// The line to append to the kernel's [`symvers`].
pub(crate) const ADDED_SYMBOL: &str = "0x12345678\tadded\tvmlinux\tEXPORT_SYMBOL\t\n";

/// The line to append to the [`configuration`].
pub(crate) const ADDED_SETTING: &str = "CONFIG_ADDED=y\n";

/// A copy of the kernel's tree below `at`. The files that tests change are its own.
pub(crate) fn changeable(kernel: &LabKernel, at: &Path) -> LabKernel {
    let kernel = link_headers(kernel, at);
    for file in [header(&kernel), symvers(&kernel), configuration(&kernel)] {
        // The file is still a link into the lab.
        let text = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        fs::write(&file, text).unwrap();
    }
    kernel
}

pub(crate) fn header(kernel: &LabKernel) -> PathBuf {
    kernel.common.join("include/linux/crc7.h")
}

pub(crate) fn symvers(kernel: &LabKernel) -> PathBuf {
    kernel.kdir.join("Module.symvers")
}

pub(crate) fn configuration(kernel: &LabKernel) -> PathBuf {
    kernel.kdir.join("include/config/auto.conf")
}

/// A script in `folder` that runs the kernel's compiler.
pub(crate) fn compiler_of(kernel: &LabKernel, folder: &Path) -> PathBuf {
    let compiler = folder.join("compiler");
    let real = kernel.cc.as_deref().unwrap_or("gcc-12");
    fs::write(&compiler, format!("#!/bin/sh\nexec {real} \"$@\"\n")).unwrap();
    fs::set_permissions(&compiler, fs::Permissions::from_mode(0o755)).unwrap();
    compiler
}

pub(crate) fn append(file: &Path, line: &str) {
    let text = fs::read_to_string(file).unwrap();
    fs::write(file, text + line).unwrap();
}
