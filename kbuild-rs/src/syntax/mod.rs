//! The one set of quoting rules: what make, a shell, compilers and our own files can carry, and how.

mod flag_file;
mod make;
mod paths;
mod shell;

#[cfg(feature = "rust")]
pub(crate) use flag_file::argument_file;
pub(crate) use flag_file::response_file;
pub(crate) use make::escape_value;
pub(crate) use paths::{escape, is_carryable, unescape};
pub(crate) use shell::{shell_quote, words};
