//! The names of settings in each front end: the program, the library, CMake, Meson.
//!
//! They are those of docs/vocabulary.md. A message that says which setting to change names all four:
//! the library cannot know which of them a reader uses.

pub(crate) const ASFLAG: &str = "--asflag, Build::asflag; in CMake, ASM_FLAGS; in Meson, asm_args";
pub(crate) const BTF_BASE: &str = "--btf-base auto, Build::btf_base; in CMake, BTF_BASE; in Meson, \
     btf_base";
pub(crate) const BTF_BASE_FILE: &str = "--btf-base FILE, Build::btf_base(BtfBase::File); in CMake, \
     BTF_BASE; in Meson, btf_base";
// A shell prints this one from within single quotes.
pub(crate) const BTF_BASE_NONE: &str = "--btf-base none, Build::btf_base(BtfBase::None); in CMake, \
     BTF_BASE none; in Meson, btf_base none";
#[cfg(feature = "cache")]
pub(crate) const CACHE: &str = "KBUILD_RS_CACHE=DIR in the environment, --cache DIR, Build::cache; in \
     CMake, -DKbuild_CACHE=DIR; in Meson, cache: 'DIR'";
pub(crate) const CC: &str = "KBUILD_RS_CC in the environment, --cc CC, Build::cc; in CMake, \
     -DKbuild_CC=CC; in Meson, kernel(cc: 'CC')";
pub(crate) const CFLAG: &str = "--cflag, Build::cflag; in CMake, COMPILE_OPTIONS; in Meson, c_args";
pub(crate) const CROSS_COMPILE: &str = "CROSS_COMPILE in the environment, --cross-compile, \
     Build::cross_compile; in CMake, CMAKE_C_COMPILER of the toolchain file; in Meson, c of the cross \
     file";
pub(crate) const EXCLUDE: &str = "--exclude, Build::exclude; in CMake, EXCLUDE; in Meson, exclude";
pub(crate) const INCLUDE: &str =
    "-I, Build::include; in CMake, INCLUDE_DIRECTORIES; in Meson, include_directories";
pub(crate) const KERNEL: &str =
    "KDIR=DIR, --kernel DIR, Build::kernel; in CMake, -DKDIR=DIR; in Meson, kernel(dir: 'DIR')";
pub(crate) const MAKE_VAR: &str =
    "--make-var, Build::make_var; in CMake, MAKE_VARIABLES; in Meson, make_variables";
pub(crate) const MISSING_SYMVERS: &str = "--missing-symvers warn, \
     Build::missing_symvers(MissingSymvers::Warn); in CMake, -DKbuild_MISSING_SYMVERS=warn; in \
     Meson, kernel(missing_symvers: 'warn')";
pub(crate) const MODULE: &str = "--module, Build::module; in CMake, MODULES; in Meson, modules";
#[cfg(feature = "cache")]
pub(crate) const NO_CACHE: &str = "KBUILD_RS_CACHE=0, --no-cache, Build::no_cache; in CMake, \
     -DKbuild_CACHE=OFF; in Meson, cache: false";
pub(crate) const RUSTC: &str = "--rustc FILE, Build::rustc, KBUILD_RS_RUSTC; in CMake, \
     -DKbuild_RUSTC=FILE; in Meson, kernel(rustc: 'FILE')";
pub(crate) const SANDBOX_ALLOW: &str = "--sandbox-allow, Build::sandbox_allow; in CMake, \
     -DKbuild_SANDBOX_ALLOW; in Meson, sandbox_allow";
pub(crate) const SYMVERS: &str = "--symvers FILE, Build::symvers; in CMake, MAKE_VARIABLES \
     KBUILD_EXTRA_SYMBOLS=FILE; in Meson, make_variables";
pub(crate) const TREE_ROOT: &str =
    "--tree-root, Build::tree_root; in CMake, TREE_ROOT; in Meson, tree_root";
