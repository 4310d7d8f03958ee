//! The two output streams, and what is written to them.

pub(crate) mod failure;
pub(crate) mod json;
pub(crate) mod overview;
pub(crate) mod progress;
pub(crate) mod streams;
pub(crate) mod style;
pub(crate) mod view;
