//! Calls of the program: its exit codes, its streams, its words. Nothing here needs a kernel.
//! tests/e2e tests builds for a kernel.
#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, and takes their helpers for something else"
)]

mod arguments;
mod builds;
mod help;
mod info;
mod install;
mod kernels;
mod outputs;
mod streams;
mod support;
mod vocabulary;
