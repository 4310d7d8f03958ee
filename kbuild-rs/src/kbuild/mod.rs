//! kbuild's files, and the files beside a module tree: makefiles as text, saved commands, flags.

pub(crate) mod cmd_file;
mod dkms_conf;
mod flag_files;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod kbuild_toml;
mod makefiles;
mod module_folders;
#[cfg(feature = "rust")]
mod rust_flag_files;

pub(crate) use dkms_conf::Dkms;
#[cfg(feature = "fuzzing")]
pub(crate) use kbuild_toml::parse as parse_kbuild_toml;
pub(crate) use kbuild_toml::{KBUILD_TOML, StatedInFile, read_kbuild_toml};
pub(crate) use makefiles::{
    ALWAYS_SET, Assignment, Conditional, Folder, Form, Line, Makefiles, Statement, conditional,
    is_makefile, makefile_in, used, uses,
};
pub(crate) use module_folders::{folders_advice, has_objects, switch_in};
