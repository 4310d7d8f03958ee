//! Errors about arguments that are not UTF-8.

use std::ffi::OsString;

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::Cli;

/// clap does not say which argument is not UTF-8. Paths need not be, so more than one may be meant.
pub(crate) fn with_value(error: clap::Error, arguments: &[OsString]) -> clap::Error {
    if error.kind() != ErrorKind::InvalidUtf8 {
        return error;
    }
    let suspects = arguments.iter().filter(|word| word.to_str().is_none());
    let suspects: Vec<_> = suspects.map(|word| format!("{word:?}")).collect();
    let message = match suspects.as_slice() {
        [one] => format!("{one} is not UTF-8. This argument must be UTF-8"),
        several => format!(
            "one of these arguments must be UTF-8 and is not: {}",
            several.join(", ")
        ),
    };
    let mut program = Cli::command();
    program.build();
    let verb = arguments.get(1).and_then(|verb| verb.to_str());
    // Its usage follows the message.
    match verb.and_then(|verb| program.find_subcommand_mut(verb)) {
        Some(verb) => verb.error(ErrorKind::InvalidUtf8, message),
        None => program.error(ErrorKind::InvalidUtf8, message),
    }
}
