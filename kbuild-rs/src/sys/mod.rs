//! The operating system: the one folder with system calls, and the one writer.
//!
//! # The rule about writing
//!
//! A build may run as root in other users' trees, and another user may have put a link at the path
//! of a file that kbuild-rs is about to write. So only the [`Writer`] writes, and a writer knows a
//! few [`Root`]s: folders that the caller named, or that were checked to belong to this user. It
//! opens paths below them by descriptors, follows no links on the way, only creates new files, and
//! renames them into place. A path outside its roots is an error.
//!
//! Installing needs more than that; a `Tree` (feature `install`) has the same rule for folders of a root.
//!
//! make itself writes by path. Before it starts, [`crate::stage`] makes sure that the stage holds
//! exactly the files that the last build left there.

mod clock;
mod copy;
mod descriptor;
mod elf;
pub(crate) mod files;
mod flock;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod identity;
#[cfg(feature = "install")]
mod image;
mod io_error;
pub(crate) mod limits;
mod lock;
mod private;
mod process;
pub(crate) mod regular;
mod root;
pub(crate) mod sandbox;
pub(crate) mod signals;
#[cfg(feature = "install")]
mod temporary;
#[cfg(feature = "install")]
pub(crate) mod tree;
mod user;
mod walk;
mod write;

pub(crate) use clock::{file_clock, wait_for_tick};
pub(crate) use copy::CopyOptions;
#[cfg(test)]
pub(crate) use descriptor::make_fifo;
pub(crate) use descriptor::{
    are_ends_of_one_pipe, are_inherited_ends, is_pipe, is_remote, open_nonblocking, pipe,
    wait_for_input, wait_readable, waiting_bytes,
};
pub(crate) use elf::is_whole_elf;
pub(crate) use files::{is_among, is_below, normal, same_content, sort_paths};
pub(crate) use flock::{lock, try_lock, try_share, unlock};
pub(crate) use identity::{Hash, Identity, boot_id, content_hash, ctime};
#[cfg(feature = "install")]
pub(crate) use image::Image;
pub(crate) use limits::has_room_for_a_thread;
pub use limits::limit_behind;
pub(crate) use lock::Lock;
#[cfg(feature = "cache")]
pub(crate) use private::is_private;
pub(crate) use private::{Private, cache_folder, check_folder, private_folder, runtime_folder};
pub(crate) use process::{
    ChildSetup, Limit, has_ended, process_exists, signal, signal_group, soft_limit, tie_child,
    wait_for_end,
};
pub(crate) use root::{Root, not_ours};
pub use signals::Signals;
#[cfg(feature = "install")]
pub(crate) use temporary::temporary_folder;
#[cfg(feature = "install")]
pub(crate) use tree::{Looks, Tree};
pub(crate) use user::effective_uid;
pub(crate) use user::is_trusted;
pub(crate) use walk::walk;
pub(crate) use write::{Writer, is_part, parent_writer};
