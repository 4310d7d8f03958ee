//! Files that editors read: `compile_commands.json` and `rust-project.json`.

pub(crate) mod compile_commands;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
#[cfg(feature = "ide")]
pub(crate) mod rust_project;

pub use compile_commands::merge_compile_commands;
#[cfg(feature = "ide")]
pub use rust_project::merge_rust_projects;
