//! `kbuild-rs @FILE`: arguments from a file, one per line, as in `rustc @FILE`.
//!
//! For build systems: neither a shell nor make nor Ninja changes the arguments in the file, and all
//! of them notice a change of the file.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// The arguments of this process, the program's name first. Only the first one can name a file: `@`
/// may begin the value of a flag (`--cflag @more-flags`).
pub(crate) fn expand(given: impl IntoIterator<Item = OsString>) -> Result<Vec<OsString>, String> {
    let mut arguments: Vec<OsString> = given.into_iter().collect();
    let file = arguments
        .get(1)
        .and_then(|first| first.as_bytes().strip_prefix(b"@"));
    if let Some(file) = file {
        let file = Path::new(OsStr::from_bytes(file)).to_owned();
        let text = read(&file)
            .map_err(|error| format!("cannot read arguments from {}: {error}", file.display()))?;
        arguments.splice(1..2, lines(&text));
    }
    Ok(arguments)
}

/// Reading a fifo would wait for a writer, and a device may never end.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    let kind = fs::metadata(file)?.file_type();
    if kind.is_file() {
        return fs::read(file);
    }
    let what = match kind {
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a fifo",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    };
    Err(io::Error::other(format!("it is {what}, not a file")))
}

fn lines(text: &[u8]) -> Vec<OsString> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let lines = text.split(|b| *b == b'\n');
    let lines = lines.map(|line| OsStr::from_bytes(line).to_owned());
    match text {
        [] => Vec::new(),
        _ => lines.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_any_content_is_an_argument() {
        let text = b"build\n--cflag\n-DA=\"$(x) y\"\n\n\xff.c\n";
        let expected = [&b"build"[..], b"--cflag", b"-DA=\"$(x) y\"", b"", b"\xff.c"];
        assert_eq!(lines(text), expected.map(OsStr::from_bytes));
        assert_eq!(lines(b"build"), ["build"]);
        assert!(lines(b"").is_empty() && lines(b"\n").is_empty());
    }

    #[test]
    fn only_the_first_argument_names_a_file() {
        let given = ["kbuild-rs", "build", "--cflag", "@flags"].map(OsString::from);
        assert_eq!(expand(given.clone()).unwrap(), given);
        let error = expand(["kbuild-rs", "@/no/such"].map(OsString::from)).unwrap_err();
        assert!(error.contains("/no/such"), "{error}");
        for (path, what) in [("/dev/zero", "a device"), ("/tmp", "a directory")] {
            let given = ["kbuild-rs".to_owned(), format!("@{path}")];
            let error = expand(given.map(OsString::from)).unwrap_err();
            assert!(error.contains(path) && error.contains(what), "{error}");
        }
    }
}
