//! Target: values that are written and read back.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{argument_file, escape, escape_value, response_file, shell_quote, unescape, words};

pub(crate) fn syntax(bytes: &[u8]) {
    let value = OsStr::from_bytes(bytes);
    let mut escaped = Vec::new();
    escape(Path::new(value), &mut escaped);
    assert!(!escaped.iter().any(|byte| b"\n\t ".contains(byte)));
    assert_eq!(unescape(&escaped).as_deref(), Some(Path::new(value)));
    if let Some(path) = unescape(bytes) {
        assert!(path.as_os_str().len() <= bytes.len());
    }
    let text = String::from_utf8_lossy(bytes);
    let quoted = shell_quote(OsStr::new(&*text));
    assert_eq!(words(&quoted), Some(vec![text.clone().into_owned()]));
    words(&text);
    if let Ok(line) = escape_value("X", value) {
        let of_make = line.as_bytes().strip_prefix(b"$()");
        assert_eq!(halved(of_make.unwrap_or(line.as_bytes())), bytes);
    }
    let args = [value.to_owned(), "-x".into()];
    assert_eq!(unquoted(&response_file(&args)), [bytes, b"-x"]);
    if let Ok(file) = argument_file(&args) {
        assert_eq!(file, [bytes, b"\n-x\n"].concat());
    }
}

/// Without the second of each two dollars.
fn halved(line: &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    let mut bytes = line.iter();
    while let Some(byte) = bytes.next() {
        value.push(*byte);
        if *byte == b'$' {
            assert_eq!(bytes.next(), Some(&b'$'));
        }
    }
    value
}

/// The arguments of a flag file, as compilers read it.
fn unquoted(file: &[u8]) -> Vec<Vec<u8>> {
    let mut arguments: Vec<Vec<u8>> = Vec::new();
    let mut in_quotes = false;
    let mut bytes = file.iter();
    while let Some(&byte) = bytes.next() {
        let last = arguments.last_mut().filter(|_| in_quotes);
        match (byte, last) {
            (b'"', _) => {
                in_quotes = !in_quotes;
                arguments.extend(in_quotes.then(Vec::new));
            }
            (b'\\', Some(last)) => last.extend(bytes.next()),
            (byte, Some(last)) => last.push(byte),
            (byte, None) => assert_eq!(byte, b'\n'),
        }
    }
    arguments
}
