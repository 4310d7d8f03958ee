//! The door through which fuzzers reach the readers of files that other people write. It is only
//! there with the feature `fuzzing`, which no front end has.
//!
//! Each folder with such readers has a file `fuzzing.rs`, with a function for each target. It gives
//! any bytes to the readers, and checks what always holds: a text that was written is read back as
//! it was, a result is not larger than its limit. `fuzz/` at the top of the repository has the
//! programs, and `tests/fuzz/` gives a corpus to all of them.

use crate::{cargo, editor, jobs, kbuild, kernel, make, module, resolve, run, stage, syntax, sys};

/// A target: its name, and the function that takes any bytes. It panics if it finds a fault.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("cargo-modules", cargo::fuzzing::modules),
    ("certificate", module::fuzzing::certificate),
    ("cmd-file", kbuild::fuzzing::cmd_file),
    ("compile-commands", editor::fuzzing::compile_commands),
    ("compressed", module::fuzzing::compressed),
    ("config", kernel::fuzzing::config),
    ("der", module::fuzzing::der),
    ("dkms-conf", kbuild::fuzzing::dkms_conf),
    ("efi", module::fuzzing::efi),
    ("elf", sys::fuzzing::elf),
    ("frame-sizes", module::fuzzing::frame_sizes),
    ("git", make::fuzzing::git),
    ("incbin", run::fuzzing::incbin),
    ("initramfs", module::fuzzing::initramfs),
    ("inventory", stage::fuzzing::inventory),
    ("journal", module::fuzzing::journal),
    ("kernel-makefile", kernel::fuzzing::makefile),
    ("makefile", kbuild::fuzzing::makefile),
    ("makeflags", jobs::fuzzing::makeflags),
    ("manifest", stage::fuzzing::manifest),
    ("modinfo", module::fuzzing::modinfo),
    ("modules-dep", module::fuzzing::modules_dep),
    ("modules-order", run::fuzzing::modules_order),
    ("pending", module::fuzzing::pending),
    ("record", run::fuzzing::record),
    ("rust-metadata", kernel::fuzzing::rust_metadata),
    ("rust-project", editor::fuzzing::rust_project),
    ("rust-source", resolve::fuzzing::rust_source),
    ("signature", module::fuzzing::signature),
    ("symvers", kernel::fuzzing::symvers),
    ("syntax", syntax::fuzzing::syntax),
    ("trace", make::fuzzing::trace),
];

/// Gives bytes to the target called `name`.
///
/// # Panics
/// If there is no such target, or if it finds a fault.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    assert!(target.is_some(), "there is no target `{name}`");
    if let Some((_, run)) = target {
        run(bytes);
    }
}
