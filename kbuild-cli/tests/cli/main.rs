//! The program as it is called: its exit codes, its streams, its words. Nothing here needs a
//! kernel; builds for one are tested in tests/e2e.
#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, and takes their helpers for something else"
)]

mod arguments;
mod builds;
mod help;
mod info;
mod kernels;
mod outputs;
mod streams;
mod support;
mod vocabulary;
