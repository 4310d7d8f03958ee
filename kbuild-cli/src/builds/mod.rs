//! The builds of a call, one or many: [`run()`] has the order of their steps.

mod announce;
mod configure;
mod copies;
mod deliver;
mod depfile;
mod dry_run;
pub(crate) mod kernel_search;
pub(crate) mod left_parts;
pub(crate) mod out_dir;
mod published;
mod results;
mod run;
mod selection;
mod verify_cached;
mod watched;
pub(crate) mod whole_file;

pub(crate) use run::run;
#[cfg(feature = "test")]
pub(crate) use run::run_and_list;
pub(crate) use verify_cached::verify_cached;
