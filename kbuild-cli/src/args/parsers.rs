//! The values of flags: the parsers that clap does not have.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
#[cfg(feature = "test")]
use std::path::PathBuf;

pub(super) fn pair(text: OsString) -> Result<(OsString, OsString), String> {
    let bytes = text.as_bytes();
    match bytes.iter().position(|b| *b == b'=') {
        Some(at) if at > 0 => Ok((
            OsString::from_vec(bytes[..at].to_vec()),
            OsString::from_vec(bytes[at + 1..].to_vec()),
        )),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// A file called `auto` or `none` needs a folder in front: `./auto`.
pub(super) fn btf_base(text: OsString) -> kbuild::BtfBase {
    match text.to_str() {
        Some("auto") => kbuild::BtfBase::Auto,
        Some("none") => kbuild::BtfBase::None,
        _ => kbuild::BtfBase::File(text.into()),
    }
}

pub(super) fn make_var(text: OsString) -> Result<(String, OsString), String> {
    let (name, value) = pair(text)?;
    match name.into_string() {
        Ok(name) => Ok((name, value)),
        Err(_) => Err("the name of a make variable must be UTF-8".to_owned()),
    }
}

pub(super) fn define(text: String) -> Result<(String, Option<String>), String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text.as_str(), None),
    };
    if name.is_empty() {
        return Err("expected NAME or NAME=VALUE".to_owned());
    }
    Ok((name.to_owned(), value.map(str::to_owned)))
}

pub(super) fn config(text: String) -> Result<(String, kbuild::Config), String> {
    use kbuild::Config::{Builtin, Module, Off};
    let value = match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => match value {
            "m" => Some((name, Module)),
            "y" => Some((name, Builtin)),
            "n" => Some((name, Off)),
            _ => None,
        },
        _ => None,
    };
    let Some((name, value)) = value else {
        return Err(not_a_switch(&text));
    };
    Ok((name.to_owned(), value))
}

/// The message for a value other than m, y or n: a number, or a text.
fn not_a_switch(text: &str) -> String {
    const EXPECTED: &str = "expected FOO=m, FOO=y or FOO=n";
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            let name = name.strip_prefix("CONFIG_").unwrap_or(name);
            format!(
                "{EXPECTED}; set another value for makefiles with --make-var CONFIG_{name}={value}, \
                 for C with -D CONFIG_{name}={value}"
            )
        }
        _ => EXPECTED.to_owned(),
    }
}

/// The words of an element of CMake's COMPILE_OPTIONS: the element itself, or the text after
/// `SHELL:`, split as a shell does.
pub(super) fn cmake_words(option: &str) -> Vec<String> {
    let Some(text) = option.strip_prefix("SHELL:") else {
        return vec![option.to_owned()];
    };
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(characters.next()),
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// `HOST[:GUEST]`; in the guest, the file is in the root folder by default.
#[cfg(feature = "test")]
pub(super) fn guest_file(text: OsString) -> Result<(PathBuf, String), String> {
    let bytes = text.as_bytes();
    let (host, guest) = match bytes.iter().rposition(|byte| *byte == b':') {
        Some(at) => (&bytes[..at], Some(&bytes[at + 1..])),
        None => (bytes, None),
    };
    let host = PathBuf::from(OsString::from_vec(host.to_vec()));
    let guest = match guest {
        Some(guest) => OsString::from_vec(guest.to_vec()),
        None => host.file_name().unwrap_or_default().to_owned(),
    };
    match guest.into_string() {
        Ok(guest) if !guest.is_empty() && !guest.ends_with('/') => {
            Ok((host, format!("/{}", guest.trim_start_matches('/'))))
        }
        _ => Err("expected HOST or HOST:GUEST, and GUEST is the path of a file".to_owned()),
    }
}

/// `MODULE.NAME=VALUE`.
#[cfg(feature = "test")]
pub(super) fn module_parameter(text: String) -> Result<(String, String), String> {
    match text.split_once('.') {
        Some((module, rest)) if !module.is_empty() && !rest.is_empty() => {
            Ok((module.to_owned(), rest.to_owned()))
        }
        _ => Err("expected MODULE.NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_split_at_the_first_equals_sign_and_may_be_any_bytes() {
        let bytes = OsString::from_vec(b"A=b=\xff".to_vec());
        let (name, value) = pair(bytes).unwrap();
        assert_eq!(name, "A");
        assert_eq!(value.as_bytes(), b"b=\xff");
        assert_eq!(pair("A=".into()).unwrap().1, "");
        assert!(pair("A".into()).is_err());
        assert!(pair("=b".into()).is_err());
        assert!(make_var(OsString::from_vec(b"\xff=b".to_vec())).is_err());
    }

    #[test]
    fn a_define_may_have_no_value_or_an_empty_one() {
        assert_eq!(define("A".into()).unwrap(), ("A".to_owned(), None));
        let empty = Some(String::new());
        assert_eq!(define("A=".into()).unwrap(), ("A".to_owned(), empty));
        let text = Some("\"a=b\"".to_owned());
        assert_eq!(define("A=\"a=b\"".into()).unwrap(), ("A".to_owned(), text));
        assert!(define("=1".into()).is_err());
    }

    #[test]
    fn an_option_of_cmakes_is_one_word_or_those_of_a_shell() {
        assert_eq!(cmake_words("-DA=\"x y\""), ["-DA=\"x y\""]);
        assert_eq!(
            cmake_words("SHELL:-include  'a b.h' -DX=\"c \\\" d\" -D\\ y ''"),
            ["-include", "a b.h", "-DX=c \" d", "-D y", ""]
        );
        assert!(cmake_words("SHELL: ").is_empty());
    }

    #[test]
    fn a_config_is_m_y_or_n() {
        use kbuild::Config::{Builtin, Module, Off};
        for (text, value) in [("FOO=m", Module), ("FOO=y", Builtin), ("FOO=n", Off)] {
            assert_eq!(config(text.into()).unwrap(), ("FOO".to_owned(), value));
        }
        for text in ["FOO", "FOO=", "FOO=M", "=m"] {
            assert!(config(text.into()).is_err(), "{text}");
        }
        for text in ["FOO=4", "CONFIG_FOO=4"] {
            let error = config(text.into()).unwrap_err();
            assert!(error.contains("--make-var CONFIG_FOO=4, "), "{error}");
        }
        for text in ["FOO", "FOO=", "=m"] {
            assert!(!config(text.into()).unwrap_err().contains("--make-var"));
        }
    }

    #[cfg(feature = "test")]
    #[test]
    fn a_file_for_a_guest_has_a_place_there() {
        for (text, guest) in [
            ("a/tool", "/tool"),
            ("a/tool:/bin/x", "/bin/x"),
            ("a:b:opt/x", "/opt/x"),
        ] {
            assert_eq!(guest_file(text.into()).unwrap().1, guest, "{text}");
        }
        for text in ["", "a:", "a:/opt/", "/"] {
            assert!(guest_file(text.into()).is_err(), "{text}");
        }
        let parameter = module_parameter("hello.who=me.you".into()).unwrap();
        assert_eq!(parameter, ("hello".into(), "who=me.you".into()));
        assert!(module_parameter("who=me".into()).is_err());
    }
}
