//! The one set of quoting rules: the values that make, a shell, compilers and our own files accept,
//! and how to write them.

mod flag_file;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod make;
mod paths;
mod shell;

#[cfg(feature = "rust")]
pub(crate) use flag_file::argument_file;
pub(crate) use flag_file::response_file;
pub(crate) use make::escape_value;
pub(crate) use paths::{escape, is_carryable, unescape};
pub(crate) use shell::{shell_quote, words};
