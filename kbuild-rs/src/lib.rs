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
//! program gets its declarations out of the header that the module is compiled with (`UapiBindings`).
//! `docs/build-rs.md` in the repository is the guide.
//!
//! # Features
//! - `bindgen`: `UapiBindings`. Takes libclang to run, and some twenty crates to compile.
//! - `ide`: builds with Rust in them leave `rust-project.json` beside their products.
//! - `cc`: cross compilers that the crate `cc` finds, where the kernel and the usual prefix of its
//!   architecture lead to none.
//! - `compressed`: `modinfo`, for compressed modules too.
//! - `modinfo`: `ModuleInfo` and `Artifact::info`, what a module says about itself.
//! - `rust`: modules in Rust; `docs/rust-modules.md` in the repository is their page.
//! - `serde`: `serde::Serialize` for the public data types.

// A room imports only rooms that come later in this order, which a test of xtask checks:
// api, cargo, run, resolve, editor, module, stage, make, kbuild, settings, kernel, jobs, sys,
// syntax, error.

mod api;
mod cargo;
mod editor;
mod error;
#[cfg(test)]
mod fixture;
mod jobs;
mod kbuild;
mod kernel;
mod make;
mod module;
mod resolve;
mod run;
mod settings;
mod stage;
mod syntax;
mod sys;

#[cfg(feature = "bindgen")]
pub use api::UapiBindings;
pub use api::{Build, Matrix, clean};
pub use editor::merge_compile_commands;
#[cfg(feature = "ide")]
pub use editor::merge_rust_projects;
pub use error::{Advice, Error, ErrorKind, Level, Message, Result};
pub use jobs::{outer_build_is_verbose, outer_make_is_dry_run};
pub use kernel::{
    Compiler, CompilerKind, Installed, Kernel, Symbol, Symbols, Symvers, ToolRequest, Toolchain,
    arch_name, arch_of_target,
};
#[cfg(feature = "modinfo")]
pub use module::{Export, Import, ModuleInfo, Parameter};
pub use settings::{Artifact, Config, MissingSymvers, Plan, Report};
pub use sys::{Signals, limit_behind};
