//! A module of many parts that compile quickly.

use std::path::Path;

use kbuild_tests::lab::{self, LabKernel};
use tempfile::TempDir;

use crate::support;

/// The number of objects in [`tree`].
pub(crate) const PARTS: usize = 30;

/// The oldest kernel, because its builds check the fewest things.
pub(crate) fn kernel() -> LabKernel {
    lab::kernel(lab::names()[0]).unwrap()
}

/// A module tree in a scratch folder: `many.ko` of [`PARTS`] objects.
pub(crate) fn tree() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "many", PARTS);
    dir
}

/// Writes a module tree with this many objects.
pub(crate) fn write(dir: &Path, name: &str, parts: usize) {
    let mut kbuild = format!("obj-m := {name}.o\n{name}-y :=");
    for part in 0..parts {
        kbuild += &format!(" part{part}.o");
        let text = match part {
            0 => "#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\n".to_owned(),
            _ => format!("int {name}{part}(void);\nint {name}{part}(void) {{ return {part}; }}\n"),
        };
        support::write(dir, &[(&format!("part{part}.c"), &text)]);
    }
    support::write(dir, &[("Kbuild", &(kbuild + "\n"))]);
}
