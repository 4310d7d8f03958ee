//! Values on make's command line.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::{Error, Result};

/// Escapes a value for make's command line, where `$` alone begins something and blanks at the
/// start are dropped. Refused is what make cannot hand on to the makes below it.
pub(crate) fn escape_value(name: &str, value: &OsStr) -> Result<OsString> {
    let mut escaped = Vec::with_capacity(value.len());
    if let Some(b' ' | b'\t' | 0x0b | 0x0c) = value.as_bytes().first() {
        // An empty variable, so that the value does not begin with a blank.
        escaped.extend_from_slice(b"$()");
    }
    for &byte in value.as_bytes() {
        match byte {
            b'$' => escaped.extend_from_slice(b"$$"),
            b'\n' | b'\r' | 0 => {
                return Err(Error::input(format!(
                    "make cannot handle the value of {name}, {value:?}: it contains a line break \
                     or a NUL"
                )));
            }
            _ => escaped.push(byte),
        }
    }
    Ok(OsString::from_vec(escaped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dollar_is_doubled_and_a_line_break_refused() {
        let escaped = escape_value("X", OsStr::new("$(shell touch PWNED)#a b")).unwrap();
        assert_eq!(escaped, "$$(shell touch PWNED)#a b");
        let error = escape_value("X", OsStr::new("a\nb")).unwrap_err();
        assert!(error.to_string().contains("line break"), "{error}");
    }

    #[test]
    fn blanks_at_the_start_of_a_value_are_kept() {
        let escaped = escape_value("X", OsStr::new("  a ")).unwrap();
        assert_eq!(escaped, "$()  a ");
        assert_eq!(escape_value("X", OsStr::new("")).unwrap(), "");
    }
}
