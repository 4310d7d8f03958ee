//! The interface through which fuzzers reach the parsers of files that other people write. It only
//! exists with the feature `fuzzing`, which no front end uses.
//!
//! Each folder with such parsers has a file `fuzzing.rs`, with a function for each target. The
//! function gives any bytes to a parser, and checks what always holds: for example, written text is
//! read back unchanged, or a result is within its limit. `fuzz/` at the top of the repository has
//! the programs, and `tests/fuzz/` replays the corpus without a fuzzer.

use crate::{cargo, editor, jobs, kbuild, kernel, make, module, resolve, run, stage, syntax, sys};

/// A target: its name, and the function that takes any bytes. It panics if it finds a fault.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("btf", kernel::fuzzing::btf),
    ("cache-entry", run::fuzzing::cache_entry),
    ("cache-hashes", run::fuzzing::cache_hashes),
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
    ("kbuild-toml", resolve::fuzzing::kbuild_toml),
    ("kernel-makefile", kernel::fuzzing::makefile),
    ("make-output", make::fuzzing::make_output),
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
    ("vermagic", module::fuzzing::vermagic),
];

/// Gives bytes to the target called `name`.
///
/// # Panics
/// If no target has this name, or if the target finds a fault.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    assert!(target.is_some(), "there is no target `{name}`");
    if let Some((_, run)) = target {
        run(bytes);
    }
}
