//! kbuild's files, and what module trees have beside them: makefiles as text, saved commands, flags.

pub(crate) mod cmd_file;
mod dkms_conf;
mod flag_files;
mod folders;
mod makefiles;
#[cfg(feature = "rust")]
mod rust_flag_files;

pub(crate) use dkms_conf::Dkms;
pub(crate) use folders::{has_objects, leads_below, switch};
pub(crate) use makefiles::running_kernel::{Decision, Follower};
pub(crate) use makefiles::{Assignment, Makefiles, makefile_in, uses};
