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
//! The kernel's own build system (kbuild) compiles the module. This library decides where, when and
//! with how many jobs, and tells Cargo the products and their inputs. It copies the sources into a
//! private *stage* below the output directory, and kbuild builds them there in place, which works
//! on every kernel version. Nothing writes to the source tree or the kernel tree.
//!
//! [`Build`] describes a build and returns a [`Report`]; [`Kernel`] finds and describes kernel
//! trees; [`Symvers`] reads the symbols that a build exports. A [`Matrix`] runs several builds side
//! by side within one budget of jobs.
//!
//! A crate with a module can export its symbols to other crates (`links` in its manifest). One
//! script can build for several kernels ([`Build::compile_each`]). With the feature `bindgen`, the
//! program gets its declarations from the header that the module is compiled with (`UapiBindings`).
//! The guide is `docs/build-rs.md` in the repository.
//!
//! # Features
//! - `bindgen`: `UapiBindings`. Needs libclang at run time, and compiles about twenty crates.
//! - `btf`: [`Build::btf_base`] can take the image of a kernel (`vmlinuz`).
//! - `cache`: [`Build`] can take finished modules from a local cache (`Build::cache`).
//! - `ide`: builds with Rust write `rust-project.json` beside their products.
//! - `check`: `Check`, which says whether a kernel would load a module.
//! - `cc`: also searches for cross compilers with the crate `cc`, if neither the kernel nor the
//!   usual prefix of its architecture leads to one.
//! - `compressed`: `modinfo`, for compressed modules too.
//! - `install`: `Signer` and the installation of modules into a system or an image.
//! - `modinfo`: `ModuleInfo` and `Artifact::info`, the properties of a module.
//! - `rust`: modules in Rust; see `docs/rust-modules.md` in the repository.
//! - `serde`: `serde::Serialize` for the public data types.

// A folder only imports folders that come later in this order, which a test of xtask checks:
// api, cargo, run, resolve, editor, module, stage, make, kbuild, settings, kernel, jobs, sys,
// syntax, error.

mod api;
mod cargo;
mod editor;
mod error;
#[cfg(test)]
mod fixture;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
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
pub use api::{Build, Matrix, Probe, Requirements, UnmetRequirement, clean};
#[cfg(feature = "cache")]
pub use api::{Cache, CacheCheck, CacheSize};
pub use editor::merge_compile_commands;
#[cfg(feature = "ide")]
pub use editor::merge_rust_projects;
pub use error::{Advice, Error, ErrorKind, Level, Message, Result};
pub use jobs::{outer_build_is_verbose, outer_make_is_dry_run};
#[cfg(feature = "install")]
pub use kernel::missing_tool;
pub use kernel::{
    Compiler, CompilerKind, Installed, Kernel, Symbol, Symbols, Symvers, ToolRequest, Toolchain,
    arch_name, arch_of_target,
};
#[cfg(feature = "check")]
pub use module::{Check, CheckFault, CheckFaultKind, CheckOutcome, CheckReport, Verdict};
#[cfg(feature = "install")]
pub use module::{
    Compression, Finished, Finisher, InTree, Install, InstallAction, InstallChange, InstallProblem,
    InstallReport, InstallState, Installation, InstalledModule, Rollback, SignFile, Signed, Signer,
    Strip, Uninstall,
};
#[cfg(feature = "modinfo")]
pub use module::{Export, Import, ModuleInfo, Parameter};
pub use settings::{
    Answers, Artifact, BtfBase, Config, MissingSymvers, Plan, Report, Requirement, RequirementKind,
    SandboxView,
};
pub use sys::{Signals, limit_behind};
