//! The output of the program: text on standard error, results and JSON on standard output.

pub(crate) mod failure;
pub(crate) mod installed;
pub(crate) mod json;
mod moving_line;
pub(crate) mod options;
pub(crate) mod overview;
pub(crate) mod progress;
mod quiet;
pub(crate) mod streams;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod view;
