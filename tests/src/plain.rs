//! Plain make beside kbuild-rs: a user's commands, run so that the bytes of both sides can be
//! compared.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::lab::LabKernel;
use crate::{Result, run};

/// A module of one file that loads in every kernel and says `hello from <name>`.
pub const HELLO: &str = r#"
#include <linux/module.h>
static int __init hello_init(void) { pr_info("hello from %s\n", KBUILD_MODNAME); return 0; }
static void __exit hello_exit(void) { pr_info("bye from %s\n", KBUILD_MODNAME); }
module_init(hello_init);
module_exit(hello_exit);
MODULE_LICENSE("GPL");
"#;

/// With `-j`, pahole writes other bytes at every run, so both sides of a comparison omit it.
pub const PAHOLE: &str = "PAHOLE_FLAGS=--btf_gen_floats";

/// Plain make for `folder` in `copy`, as a user types it there. The path of `copy` becomes `shown`
/// in debug information and `__FILE__`. The caller adds the target.
pub fn make(kernel: &LabKernel, folder: &Path, copy: &Path, shown: &Path) -> Command {
    let map = format!("-ffile-prefix-map={}={}", copy.display(), shown.display());
    let mut make = kernel.plain_make(folder);
    make.arg(PAHOLE)
        .current_dir(folder)
        // Some Makefiles read it, and a shell sets it.
        .env("PWD", folder)
        .env("KCFLAGS", &map)
        .env("KAFLAGS", &map);
    if kernel.rustc.is_some() {
        let map = map.replace("-ffile-prefix-map=", "--remap-path-prefix=");
        make.env("KRUSTFLAGS", map);
    }
    make
}

/// The folder `below` in `tree`. join("") would end the path with a slash, which DWARF would show.
pub fn folder(tree: &Path, below: &str) -> std::path::PathBuf {
    match below {
        "" => tree.to_owned(),
        below => tree.join(below),
    }
}

/// The `.ko` files in a folder and below it (private folders left out): name and bytes.
///
/// # Errors
/// If a folder or a module cannot be read.
pub fn modules(dir: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let fail = |error: std::io::Error| format!("cannot read {}: {error}", dir.display());
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() && name != ".kbuild" {
            found.extend(modules(&path)?);
        } else if path.extension() == Some(OsStr::new("ko")) {
            let name = name.to_string_lossy().into_owned();
            found.insert(name, fs::read(&path).map_err(fail)?);
        }
    }
    Ok(found)
}

/// Copies like `cp -a`.
///
/// # Errors
/// If cp fails.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut cp = Command::new("cp");
    cp.arg("-a").arg(from).arg(to);
    run::checked(&mut cp, Duration::from_secs(60)).map(drop)
}
