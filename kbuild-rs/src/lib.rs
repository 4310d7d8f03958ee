//! Build Linux kernel modules from `build.rs`: out of tree, out of source, on every kernel from
//! 5.10 on.
//!
//! ```no_run
//! // build.rs
//! kbuild::Build::new()
//!     .files(["src/hello.c", "src/ring.c"])
//!     .include("include")
//!     .define("HELLO_DEBUG", None)
//!     .compile("hello"); // OUT_DIR/hello.ko, and env!("HELLO_KO") in the crate
//! ```
//!
//! The kernel's own build system (kbuild) compiles; this library decides where, when and with
//! which jobs, and tells Cargo what came out and what it depended on. The sources are copied
//! into a private *stage* below the output directory and built there in place, which is the one
//! thing that kbuild knows well on every version. Neither the source tree nor the kernel tree is
//! ever written to.
//!
//! [`Build`] says what to build and gives a [`Report`]; [`Kernel`] finds and describes kernel
//! trees; [`Symvers`] reads the symbols that a build exports. A [`Matrix`] runs several builds side
//! by side within one budget of jobs.
//!
//! Each crate with a module may offer its symbols to others (`links` in its manifest), one script
//! may build for several kernels ([`Build::compile_each`]), and with the feature `bindgen` the
//! program gets its declarations out of the header that the module is compiled with (`Bindings`).
//! `docs/build-rs.md` in the repository is the guide.
//!
//! # Features
//! - `bindgen`: `Bindings`. Takes libclang to run, and some twenty crates to compile.
//! - `ide`: builds with Rust in them leave `rust-project.json` beside their products.
//! - `compressed`: `modinfo`, for compressed modules too.
//! - `modinfo`: `ModuleInfo` and `Artifact::info`, what a module says about itself.
//! - `rust`: modules in Rust; `docs/rust-modules.md` in the repository is their page.
//! - `serde`: `serde::Serialize` for the public data types.

mod artifact;
mod build;
mod cargo;
mod clean;
mod compile_commands;
#[cfg(feature = "rust")]
mod crate_files;
mod error;
mod files;
#[cfg(feature = "rust")]
mod frame_sizes;
mod freshness;
mod identity;
mod kbuild_file;
mod kernel;
mod limits;
mod lock;
mod make;
mod makefile;
mod message;
#[cfg(feature = "modinfo")]
mod modinfo;
mod prerequisites;
mod regular;
mod report;
#[cfg(feature = "ide")]
mod rust_project;
mod salted;
mod settled;
mod signals;
mod stage;
mod symvers;
mod sys;
#[cfg(feature = "bindgen")]
mod uapi;

pub use build::{Build, Config, Matrix, MissingSymvers};
pub use clean::clean;
pub use compile_commands::merge_compile_commands;
pub use error::{Error, ErrorKind, Result};
pub use kernel::{
    Compiler, CompilerKind, Installed, Kernel, ToolRequest, Toolchain, arch_name, arch_of_target,
};
pub use limits::limit_behind;
pub use make::{is_outside_pretending, is_outside_verbose};
pub use message::{Level, Message};
#[cfg(feature = "modinfo")]
pub use modinfo::{Export, Import, ModuleInfo, Parameter};
pub use report::{Artifact, Plan, Report};
#[cfg(feature = "ide")]
pub use rust_project::merge_rust_projects;
pub use signals::Signals;
pub use symvers::{Symbol, Symbols, Symvers};
#[cfg(feature = "bindgen")]
pub use uapi::Bindings;
