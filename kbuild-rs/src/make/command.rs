//! make's command line: variables, and how their values are carried there unharmed.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::goals::assignment;
use crate::{Error, Result};

/// One run of make in a module folder of the stage.
#[derive(Debug, Clone)]
pub(crate) struct Make {
    /// What `-C` is given.
    pub(crate) kernel_dir: PathBuf,
    /// The module folder in the stage: `M=`, the working directory and `PWD`.
    pub(crate) module_dir: PathBuf,
    /// Variables of the command line, values not yet escaped.
    pub(crate) variables: Vec<(String, OsString)>,
    /// The whole environment.
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) targets: Vec<String>,
}

impl Make {
    /// make's arguments, but for the number of jobs.
    pub(crate) fn args(&self) -> Result<Vec<OsString>> {
        let mut args: Vec<OsString> = vec![
            "--no-print-directory".into(),
            "-C".into(),
            self.kernel_dir.clone().into(),
        ];
        let mut module = OsString::from("M=");
        module.push(&self.module_dir);
        args.push(module);
        for (name, value) in &self.variables {
            let mut pair = OsString::from(name);
            pair.push("=");
            pair.push(escape_value(name, value)?);
            args.push(pair);
        }
        args.extend(assignment(&self.targets).map(OsString::from));
        args.extend(self.targets.iter().map(OsString::from));
        Ok(args)
    }
}

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
                    "make cannot carry the value of {name}, {value:?}: it holds a line break \
                     or a NUL"
                )));
            }
            _ => escaped.push(byte),
        }
    }
    Ok(OsString::from_vec(escaped))
}

/// Quotes a word for `sh`, for people to read and paste.
pub(crate) fn shell_quote(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./+@^-:,%=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
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

    #[test]
    fn a_word_is_quoted_only_where_the_shell_needs_it() {
        assert_eq!(shell_quote(OsStr::new("M=/a/b")), "M=/a/b");
        assert_eq!(shell_quote(OsStr::new("it's")), r"'it'\''s'");
        assert_eq!(shell_quote(OsStr::new("")), "''");
    }
}
