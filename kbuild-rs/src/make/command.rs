//! make's command line: variables, and how their values are carried there unharmed.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::goals::assignment;
use super::is_reserved;
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

/// Refuses names that make would not read as a variable, and those that kbuild-rs sets itself.
pub(crate) fn check_variable_name(name: &str) -> Result<()> {
    let mut chars = name.chars();
    let plain = chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    if !plain {
        return Err(Error::input(format!(
            "{name:?} is no name of a make variable (letters, digits, _ - . and no digit first)"
        )));
    }
    if is_reserved(name) {
        return Err(Error::input(format!(
            "{name} decides where and how kbuild-rs itself runs make, and cannot be set; \
             products go where the output directory says"
        )));
    }
    Ok(())
}

/// Refuses a value that a shell would do more with than split it into words, for the variables
/// that the kernel's makefiles put into shell commands as they are: flags and tools.
pub(crate) fn check_shell_words(name: &str, value: &OsStr) -> Result<()> {
    if !reaches_a_shell(name) {
        return Ok(());
    }
    let mut quote = None;
    let mut bytes = value.as_bytes().iter();
    while let Some(&byte) = bytes.next() {
        let bad = match (quote, byte) {
            (Some(open), _) if byte == open => {
                quote = None;
                false
            }
            (Some(b'\''), _) => false,
            (_, b'\\') => bytes.next().is_none(),
            (_, b'`' | b'$') => true,
            (None, b'\'' | b'"') => {
                quote = Some(byte);
                false
            }
            (None, _) => b";&|<>()#".contains(&byte),
            _ => false,
        };
        if bad {
            return Err(Error::input(format!(
                "kbuild puts the value of {name} into a shell command, and {:?} in {value:?} \
                 means something there; quote it as in a shell, or leave it out",
                char::from(byte)
            )));
        }
    }
    match quote {
        None => Ok(()),
        Some(open) => Err(Error::input(format!(
            "kbuild puts the value of {name} into a shell command, and the {} in {value:?} has no \
             end",
            char::from(open)
        ))),
    }
}

fn reaches_a_shell(name: &str) -> bool {
    const TOOLS: &[&str] = &[
        "AR",
        "AS",
        "AWK",
        "BASH",
        "BINDGEN",
        "CHECK",
        "CPP",
        "DEPMOD",
        "HOSTCC",
        "HOSTCXX",
        "HOSTLD",
        "HOSTRUSTC",
        "LD",
        "MAKE",
        "NM",
        "OBJCOPY",
        "OBJDUMP",
        "PAHOLE",
        "PERL",
        "PYTHON3",
        "READELF",
        "RESOLVE_BTFIDS",
        "RUSTC",
        "STRIP",
        "V",
        "W",
        "ZSTD",
        "XZ",
    ];
    // `hello-y`, `obj-m`, `CFLAGS_hello.o`, `KCFLAGS`, `ccflags-y`.
    TOOLS.contains(&name)
        || name.to_ascii_uppercase().contains("FLAGS")
        || ["-y", "-m", "-objs"].iter().any(|end| name.ends_with(end))
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
    fn flags_and_tools_may_hold_words_and_nothing_that_a_shell_runs() {
        let check = |name: &str, value: &str| check_shell_words(name, OsStr::new(value));
        for good in [
            "-DX=1 -O2",
            r#"-DX=\"a\" '-DY="a;b $(c) `d`"' "-DZ=(1)""#,
            "-Wl,--a=b @/x",
            "",
        ] {
            assert!(check("KCFLAGS", good).is_ok(), "{good}");
        }
        for bad in [
            "-DX=`x`", "$(x)", "a;b", "a&b", "a|b", "a>b", "'a", "\"`x`\"", "\"$x\"", "a\\", "#a",
        ] {
            for name in ["KCFLAGS", "LD", "PAHOLE_FLAGS", "ccflags-y", "obj-m"] {
                assert!(check(name, bad).is_err(), "{name}={bad}");
            }
            assert!(check("MY_VALUE", bad).is_ok(), "{bad}");
        }
    }

    #[test]
    fn variables_that_move_the_build_are_refused() {
        for name in [
            "M",
            "MO",
            "O",
            "KBUILD_OUTPUT",
            "MAKEFLAGS",
            "sub_make_done",
        ] {
            assert!(check_variable_name(name).is_err(), "{name}");
        }
        for name in ["", "1A", "A B", "A=B", "$(x)", "-C", "A:B"] {
            assert!(check_variable_name(name).is_err(), "{name:?}");
        }
        for name in ["KDIR", "CONFIG_FOO", "W", "C", "kver.x"] {
            assert!(check_variable_name(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_word_is_quoted_only_where_the_shell_needs_it() {
        assert_eq!(shell_quote(OsStr::new("M=/a/b")), "M=/a/b");
        assert_eq!(shell_quote(OsStr::new("it's")), r"'it'\''s'");
        assert_eq!(shell_quote(OsStr::new("")), "''");
    }
}
