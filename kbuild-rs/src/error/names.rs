//! The names of settings in each front end: the program, the library, CMake, Meson.
//!
//! They are those of docs/vocabulary.md. A message that says which setting to change names all four:
//! the library cannot know which of them a reader uses.

pub(crate) const EXCLUDE: &str = "--exclude, Build::exclude; in CMake, EXCLUDE; in Meson, exclude";
pub(crate) const INCLUDE: &str =
    "-I, Build::include; in CMake, INCLUDE_DIRECTORIES; in Meson, include_directories";
pub(crate) const KERNEL: &str =
    "KDIR, --kernel, Build::kernel; in CMake, -DKDIR=DIR; in Meson, kernel(dir: 'DIR')";
pub(crate) const MAKE_VAR: &str =
    "--make-var, Build::make_var; in CMake, MAKE_VARIABLES; in Meson, make_variables";
pub(crate) const MISSING_SYMVERS: &str = "--missing-symvers warn, \
     Build::missing_symvers(MissingSymvers::Warn); in CMake, -DKbuild_MISSING_SYMVERS=warn; in \
     Meson, kernel(missing_symvers: 'warn')";
pub(crate) const MODULE: &str = "--module, Build::module; in CMake, MODULES; in Meson, modules";
pub(crate) const RUSTC: &str = "--rustc FILE, Build::rustc, KBUILD_RS_RUSTC; in CMake, \
     -DKbuild_RUSTC=FILE; in Meson, kernel(rustc: 'FILE')";
pub(crate) const TREE_ROOT: &str =
    "--tree-root, Build::tree_root; in CMake, TREE_ROOT; in Meson, tree_root";
