//! The lab: real kernels, real module sources, and guests that load the built modules.
//!
//! [`lab`] gets everything that the tests need on demand and keeps it outside the checkout.
//! [`corpus`] is the table of real modules. [`plain`] has plain make's commands to compare with.
//! [`run`] runs external commands within the [`Limits`], and [`expected`] checks how they end.
//! [`snapshot`] tells whether a tree changed. [`scope`] tells how much a run does. [`root`] has roots to
//! install into, [`other_user`] is a user with limits, [`own_root`] has a copy of the machine's `/`. [`guest`] has what guests contain, [`disk`] and
//! [`damage`] full disks and power cuts. [`fuzz`] has inputs for readers. [`torture`] gives the program what chance makes. [`jobserver`]
//! and [`processes`] are for tests of jobs. [`kbuild_vm`] has the guests and ends process trees.

pub mod corpus;
pub mod damage;
pub mod disk;
pub mod expected;
pub mod fuzz;
pub mod guest;
pub mod jobserver;
pub mod lab;
mod other_user;
pub mod own_root;
pub mod plain;
pub mod processes;
pub mod program;
pub mod random;
pub mod root;
pub mod run;
pub mod scope;
pub mod snapshot;
mod sys;
pub mod torture;

pub use kbuild_vm::process::Limits;
pub use other_user::other_user;

/// The result of all functions here. The error is a message for people.
pub type Result<T> = std::result::Result<T, String>;
