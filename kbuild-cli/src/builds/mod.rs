//! The builds of a call.

pub(crate) mod configure;
pub(crate) mod deliver;
pub(crate) mod depfile;
pub(crate) mod out_dir;
pub(crate) mod results;
pub(crate) mod run;
pub(crate) mod selection;
pub(crate) mod watched;
pub(crate) mod whole_file;
