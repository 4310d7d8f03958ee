//! Jobs: never one compiler too many and never an idle core, under any outer build.
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

mod cell;
mod descriptors;
mod many;
mod meeting;
mod ninja;
mod outside;
mod pool;
mod rust;
mod table;
mod tokens;
