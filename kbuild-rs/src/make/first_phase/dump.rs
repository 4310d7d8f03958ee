//! Reads the files in which makes wrote how they were started.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::sys::{is_trusted, regular};

/// How one make was started.
#[derive(Debug)]
pub(super) struct Dump {
    pub(super) process: u32,
    pub(super) parent: u32,
    pub(super) cwd: PathBuf,
    /// Its words, the program's name first.
    pub(super) args: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
}

/// The makes that wrote into `folder`, in the order of their starts. Files that others could have
/// written do not count.
pub(super) fn read(folder: &Path) -> Vec<Dump> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut dumps: Vec<(SystemTime, Dump)> = entries
        .filter_map(|entry| {
            let process = entry.file_name().to_str()?.parse().ok()?;
            let mut file = regular::open(&entry.path()).ok()?;
            let meta = file.metadata().ok()?;
            if !is_trusted(meta.uid()) || meta.mode() & 0o077 != 0 {
                return None;
            }
            let mut text = Vec::new();
            file.read_to_end(&mut text).ok()?;
            Some((meta.modified().ok()?, parse(process, &text)?))
        })
        .collect();
    dumps.sort_by_key(|(time, dump)| (*time, dump.process));
    dumps.into_iter().map(|(_, dump)| dump).collect()
}

/// Parses the output of the recorder's command: the working directory in a line, the `stat` of the
/// process in a line, its words, its name in a line, its environment. A NUL ends each word and each
/// variable.
fn parse(process: u32, text: &[u8]) -> Option<Dump> {
    let mut lines = text.splitn(3, |&b| b == b'\n');
    let cwd = PathBuf::from(OsStr::from_bytes(lines.next()?));
    let stat = String::from_utf8_lossy(lines.next()?).into_owned();
    // The name is in parentheses and may hold anything.
    let parent = stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?;
    let rest = lines.next()?;
    let name = stat.split_once('(')?.1.rsplit_once(')')?.0;
    let end = format!("{name}\n");
    let mut words = rest.split(|&b| b == 0);
    let mut args = Vec::new();
    let first = loop {
        let word = words.next()?;
        match word.strip_prefix(end.as_bytes()) {
            Some(first) => break first,
            None => args.push(OsString::from_vec(word.to_vec())),
        }
    };
    let variables = std::iter::once(first).chain(words);
    let variable = |text: &[u8]| {
        let at = text.iter().position(|&b| b == b'=')?;
        let part = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        Some((part(&text[..at]), part(&text[at + 1..])))
    };
    let env = variables.filter(|text| !text.is_empty()).map(variable);
    Some(Dump {
        process,
        parent: parent.parse().ok()?,
        cwd,
        args,
        env: env.collect::<Option<Vec<_>>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_make_is_read_as_the_system_shows_it() {
        let text = b"/k\n12 (make) S 7 12 12\nmake\0-f\0x=a b\0make\nA=1\nmore\0B==\0";
        let dump = parse(12, text).unwrap();
        assert_eq!((dump.process, dump.parent), (12, 7));
        assert_eq!(dump.cwd, Path::new("/k"));
        assert_eq!(dump.args, ["make", "-f", "x=a b"]);
        let pair = |a: &str, b: &str| (OsString::from(a), OsString::from(b));
        assert_eq!(dump.env, [pair("A", "1\nmore"), pair("B", "=")]);
    }

    #[test]
    fn a_file_that_others_could_have_written_is_no_make() {
        let root = crate::fixture::Root::new();
        let file = root.write("12", "/k\n12 (make) S 7 12 12\nmake\0make\nA=1\0");
        for (mode, number) in [(0o600, 1), (0o666, 0), (0o640, 0), (0o400, 1)] {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
            std::fs::set_permissions(&file, mode).unwrap();
            assert_eq!(read(root.path()).len(), number);
        }
    }

    #[test]
    fn an_unfinished_file_is_no_make() {
        for text in [
            &b""[..],
            b"/k\n",
            b"/k\n12 (make) S 7 12 12\nmake\0-f\0",
            b"/k\nx\nmake\0make\nA=1\0",
        ] {
            assert!(parse(12, text).is_none(), "{text:?}");
        }
    }
}
