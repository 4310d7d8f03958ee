//! End to end: the program and the library over real kernels.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy.toml allows them in tests, and takes their helpers for something else"
)]

mod support;

mod builders;
mod cargo;
mod changes;
mod crash;
mod declared;
mod disk;
mod errors;
mod examples;
mod failures;
mod forms;
mod git;
mod hostile;
mod loading;
mod no_kernel;
mod outer;
mod parity;
mod prepare;
mod program;
mod providers;
mod scene;
mod settings;
mod surprises;
mod traces;
mod untouched;
mod values;
