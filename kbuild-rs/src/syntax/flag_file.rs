//! Files of flags that compilers read as `@file`, so that no value in them meets make or a shell.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

#[cfg(feature = "rust")]
use crate::{Error, Result};

/// The text of a flag file: one argument a line, quoted as GNU tools and clang unquote it.
pub(crate) fn response_file(args: &[OsString]) -> Vec<u8> {
    let mut text = Vec::new();
    for arg in args {
        text.push(b'"');
        for &byte in arg.as_bytes() {
            if byte == b'"' || byte == b'\\' {
                text.push(b'\\');
            }
            text.push(byte);
        }
        text.extend_from_slice(b"\"\n");
    }
    text
}

#[cfg(feature = "rust")]
/// The text of a file that rustc reads as `@file`: an argument a line, nothing quoted.
pub(crate) fn argument_file(args: &[OsString]) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    for arg in args {
        if arg.to_str().is_none_or(|arg| arg.contains(['\n', '\r'])) {
            return Err(Error::input(format!(
                "cannot pass {arg:?} to rustc: it contains a line break, or is not UTF-8"
            )));
        }
        text.extend_from_slice(arg.as_bytes());
        text.push(b'\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_file_quotes_what_compilers_unquote() {
        let text = response_file(&["-DX=\"a b\"".into(), "-DY=\\".into()]);
        assert_eq!(text, b"\"-DX=\\\"a b\\\"\"\n\"-DY=\\\\\"\n");
    }

    #[cfg(feature = "rust")]
    #[test]
    fn an_argument_of_rustcs_is_a_line() {
        let args = ["--cfg=a=\"b c\"".into(), "-Cx".into()];
        assert_eq!(argument_file(&args).unwrap(), b"--cfg=a=\"b c\"\n-Cx\n");
        assert!(argument_file(&["--cfg=a\nb".into()]).is_err());
    }
}
