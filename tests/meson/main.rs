//! The module for Meson: users' projects, set up, built and built again.
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

#[path = "../cmake/changeable.rs"]
mod changeable;

mod cache;
mod cases;
mod chain;
mod changes;
mod cross;
mod finished;
mod guide;
mod jobs;
mod mixed;
mod packages;
mod plain;
mod project;
mod requirements;
mod rust;
mod system;
mod testing;
mod wheel;
mod world;
