//! The CMake package: users' projects, configured, built and built again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "clippy.toml allows them in tests, and takes their helpers for something else"
)]

#[allow(
    dead_code,
    unused_imports,
    reason = "shared with the other end-to-end tests, which use all of it"
)]
#[path = "../e2e/support/mod.rs"]
mod support;

#[allow(
    dead_code,
    reason = "shared with the tests of jobs, which use all of it"
)]
#[path = "../jobs/meeting.rs"]
mod meeting;

mod cache;
mod cargo;
mod chain;
mod changeable;
mod compiling;
mod converted;
mod cross;
mod editor;
mod flags;
mod guide;
mod jobs;
mod kernels;
mod late;
mod missing;
mod program;
mod project;
mod requirements;
mod rust;
mod sdk;
mod suite;
mod system;
mod testing;
mod world;
