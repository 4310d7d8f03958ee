//! Installed modules in roots of real image packages: booted in their kernels; after kills and full
//! disks; many installs at once and in any order.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy.toml allows them in tests, and takes their helpers for something else"
)]

mod at_once;
mod booting;
mod compared;
mod full_disk;
mod guest;
mod guide;
mod keys;
mod kills;
mod links;
mod modules;
mod picture;
mod said;
mod sequences;
mod world;
