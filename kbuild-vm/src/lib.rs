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
//! A [`ModuleTest`] loads modules in a guest, runs a command, unloads them, and reports what the
//! kernel complained about. As a test of a package that builds a module, with `kbuild-vm` among its
//! `dev-dependencies`:
//!
//! ```no_run
//! # const HELLO_KO: &str = "hello.ko";
//! // #[test]
//! fn hello_loads_and_unloads() {
//!     // In a package with a build script: env!("HELLO_KO")
//!     let report = kbuild_vm::ModuleTest::new([HELLO_KO]).unwrap().run().unwrap();
//!     assert!(report.passed(), "{report}");
//! }
//! ```
//!
//! Guests are always emulated (`-accel tcg`): a KVM device can exist and hang every guest.
//!
//! [`process`] runs QEMU and every other command within limits, and ends process trees.

mod cpio;
mod cut;
mod error;
mod findings;
mod guest;
mod image;
mod initrd;
mod ko;
mod locate;
mod modules;
pub mod process;
mod trial;
mod verdict;

pub use error::Error;
pub use findings::{Finding, FindingKind, findings};
pub use guest::{Arch, Firmware, Guest, Kernel};
pub use image::decompress;
pub use ko::Ko;
pub use locate::{busybox, check_busybox, check_qemu};
pub use trial::{KunitCase, KunitResult, KunitSuite, ModuleTest, TestReport};
pub use verdict::Verdict;

/// The result of all functions here that can fail.
pub type Result<T> = std::result::Result<T, Error>;
