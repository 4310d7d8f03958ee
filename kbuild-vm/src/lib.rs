//! Boots a Linux kernel in QEMU, runs a script there, and reads the result.
//!
//! A [`Guest`] consists of a [`Kernel`], a busybox, files and a shell script. Its first process
//! loads the requested modules, runs the script, and reports its output, its exit code and the
//! kernel's log through the serial console: the [`Verdict`]. The guest has no network, and no part
//! of the host's file system; its initrd and its [disks](Guest::disk) have all of its files.
//!
//! ```no_run
//! use kbuild_vm::{Arch, Guest, Kernel};
//!
//! # fn main() -> Result<(), kbuild_vm::Error> {
//! let kernel = Kernel {
//!     release: "6.12.1-amd64".into(),
//!     arch: Arch::X86_64,
//!     image: "/boot/vmlinuz-6.12.1-amd64".into(),
//!     modules: "/lib/modules/6.12.1-amd64".into(),
//! };
//! let verdict = Guest::new(kernel, "/bin/busybox")
//!     .file("/hello.ko", "kbuild-out/hello.ko")
//!     .script("insmod /hello.ko && rmmod hello")
//!     .run()?;
//! assert!(verdict.ok, "{}", verdict.log);
//! # Ok(())
//! # }
//! ```
//!
//! Guests are always emulated (`-accel tcg`): a KVM device can exist and hang every guest.
//!
//! [`process`] runs QEMU and every other command within limits, and ends process trees.

mod cpio;
mod cut;
mod error;
mod guest;
mod image;
mod initrd;
mod modules;
pub mod process;
mod verdict;

pub use error::Error;
pub use guest::{Arch, Firmware, Guest, Kernel};
pub use image::decompress;
pub use verdict::Verdict;

/// The result of all functions here that can fail.
pub type Result<T> = std::result::Result<T, Error>;
