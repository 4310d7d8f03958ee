//! Helpers of the end-to-end tests.

pub(crate) mod kernel_tree;
pub(crate) mod makes;
pub(crate) mod project;
pub(crate) mod recorder;
pub(crate) mod repository;
pub(crate) mod trap;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use kbuild_tests::lab::LabKernel;
pub(crate) use kbuild_tests::plain::{HELLO, PAHOLE};
pub(crate) use kbuild_tests::program::started_make;
use kbuild_tests::run::{self, Output};
use kbuild_tests::snapshot::Snapshot;
use kbuild_tests::{expected, plain};
use tempfile::TempDir;

/// More than the time of a build of the largest module on an idle machine. The limits for a busy
/// machine follow from that: see [`Limits`](kbuild_tests::Limits).
pub(crate) const LIMIT: Duration = Duration::from_secs(300);

/// The program, built once for this test run.
pub(crate) fn program() -> &'static Path {
    kbuild_tests::program::path().unwrap()
}

/// A scratch folder with files: (path, text).
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), files);
    dir
}

/// Writes files below `dir`.
pub(crate) fn write(dir: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Removes the variables that git sets for hooks, because the tests use other repositories.
pub(crate) fn leave_git(command: &mut Command) {
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        command.env_remove(name);
    }
}

/// A copy as `cp -a` makes it.
pub(crate) fn copy(from: &Path, to: &Path) {
    plain::copy(from, to).unwrap();
}

/// A module that exports a symbol.
pub(crate) const RING: &str = r#"
#include <linux/module.h>
int ring_push(int value);
int ring_push(int value) { return value; }
EXPORT_SYMBOL(ring_push);
MODULE_LICENSE("GPL");
"#;

/// A module that uses the symbol of [`RING`].
pub(crate) const USER: &str = r#"
#include <linux/module.h>
int ring_push(int value);
static int __init user_init(void) { return ring_push(0); }
module_init(user_init);
MODULE_LICENSE("GPL");
"#;

/// `kbuild-rs build` for a kernel of the lab. More arguments, a working directory or variables
/// may follow.
pub(crate) fn build(kernel: &LabKernel, out: &Path) -> Command {
    let mut command = kernel.command(program());
    command.arg("build").arg("--kernel").arg(&kernel.kdir);
    command
        .arg("--out-dir")
        .arg(out)
        .args(["--make-var", PAHOLE]);
    if let Some(cc) = &kernel.cc {
        command.args(["--cc", cc]);
    }
    // Nothing reads the variable if a build has no Rust.
    if let Some(rustc) = &kernel.rustc {
        command.env("KBUILD_RS_RUSTC", rustc);
    }
    command
}

/// Adds the lab's bindgen, which is beside its rustc.
pub(crate) fn set_bindgen(command: &mut Command, kernel: &LabKernel) {
    let bindgen = kernel.rustc.as_ref().unwrap().with_file_name("bindgen");
    let libraries = bindgen
        .ancestors()
        .nth(2)
        .unwrap()
        .join("usr/lib/x86_64-linux-gnu");
    command
        .env("KBUILD_RS_BINDGEN", bindgen)
        .env("LIBCLANG_PATH", libraries);
}

/// Runs a build that must succeed.
pub(crate) fn built(command: &mut Command) -> Output {
    expected::success(command, LIMIT)
}

/// Runs a build that must fail with this exit code; returns its messages.
pub(crate) fn refused(command: &mut Command, code: i32) -> String {
    expected::failure(command, code, LIMIT)
}

/// The `.ko` files in a folder and below it (private folders left out): name and bytes.
pub(crate) fn modules(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    plain::modules(dir).unwrap()
}

/// Plain make's modules, built in a copy of `source`. The copy's path is mapped to `mapped` in
/// debug information and `__FILE__`. `below` is the module folder in the copy.
pub(crate) fn plain_modules(
    kernel: &LabKernel,
    source: &Path,
    below: &str,
    mapped: &Path,
    args: &[&str],
) -> BTreeMap<String, Vec<u8>> {
    let scratch = tempfile::tempdir().unwrap();
    let copied = scratch.path().join("copy");
    copy(source, &copied);
    let mut make = plain::make(kernel, &plain::folder(&copied, below), &copied, mapped);
    make.args(args).arg("modules");
    run::checked(&mut make, LIMIT).unwrap();
    modules(&copied)
}

/// Fails unless both sides have the same modules with the same bytes.
pub(crate) fn assert_same_modules(
    ours: &BTreeMap<String, Vec<u8>>,
    plain: &BTreeMap<String, Vec<u8>>,
    what: &str,
) {
    let names = |side: &BTreeMap<String, Vec<u8>>| side.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(ours), names(plain), "{what}");
    assert!(!ours.is_empty(), "{what}: nothing was built");
    for (name, bytes) in ours {
        assert!(
            *bytes == plain[name],
            "{what}: {name} differs from plain make's"
        );
    }
}

/// Fails if anything changed below `dir` since `before` was taken.
pub(crate) fn assert_untouched(before: &Snapshot, dir: &Path) {
    let now = Snapshot::take(dir).unwrap();
    assert_eq!(
        before.differences(&now),
        Vec::<String>::new(),
        "{}",
        dir.display()
    );
}
