//! Flags for compilers, and the files from which compilers read them.

use std::ffi::OsString;

use crate::settings::Flags;
use crate::{Error, Result};

impl Flags {
    /// Whether there are no flags for C and for assembler.
    pub(crate) fn is_empty(&self) -> bool {
        self.defines.is_empty() && self.cflags.is_empty() && self.asflags.is_empty()
    }

    /// The flag files for C and for assembler: name and arguments.
    pub(crate) fn files(&self) -> Result<[(&'static str, Vec<OsString>); 2]> {
        let mut defines = Vec::new();
        for (name, value) in &self.defines {
            check_macro(name, value.as_deref())?;
            let mut flag = OsString::from(format!("-D{name}"));
            if let Some(value) = value {
                flag.push("=");
                flag.push(value);
            }
            defines.push(flag);
        }
        let with = |flags: &[OsString]| [&defines[..], flags].concat();
        Ok([("cc", with(&self.cflags)), ("as", with(&self.asflags))])
    }
}

fn check_macro(name: &str, value: Option<&str>) -> Result<()> {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '$')
            && word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$')
    };
    // Function-like macros (`f(x, ...)`) are allowed, as compilers allow them.
    let (head, parameters) = match name.split_once('(') {
        Some((head, rest)) => (head, rest.strip_suffix(')')),
        None => (name, Some("")),
    };
    let good = parameters.is_some_and(|list| {
        let mut words = list.split(',').map(str::trim);
        list.trim().is_empty()
            || words.all(|w| w == "..." || is_word(w.strip_suffix("...").unwrap_or(w)))
    });
    if !good || !is_word(head) {
        return Err(Error::input(format!("{name:?} is not a valid macro name")));
    }
    if value.is_some_and(|value| value.contains(['\n', '\r', '\0'])) {
        return Err(Error::input(format!(
            "the value of the macro {name}, {value:?}, contains a line break or a NUL, at which \
             compilers cut it off"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_macro_is_a_word_or_has_words_in_parentheses() {
        for good in ["A", "_a1", "f()", "f(x)", "f(x, y...)", "f(...)", "$a"] {
            assert!(check_macro(good, Some("x = \"1\"")).is_ok(), "{good}");
        }
        for bad in [
            "",
            "1",
            "-x",
            "a b",
            "$(shell x)",
            "f(x",
            "f(x)y",
            "a;b",
            "a\nb",
        ] {
            assert!(check_macro(bad, None).is_err(), "{bad:?}");
        }
        assert!(check_macro("A", Some("a\nb")).is_err());
    }
}
