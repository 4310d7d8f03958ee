//! Merges the modules' entries into the `compile_commands.json` of the project around them.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::sys::{parent_writer, regular};
use crate::{Error, ErrorKind, Result, sys};

/// Puts the entries of modules into the `compile_commands.json` of a larger project, which another
/// build system writes. `into` then holds its own entries, byte for byte. The entries of the files
/// `from` follow them. Each source has one entry: the first one wins.
///
/// `record` lists the added entries, so that the next call can replace them. It must belong to one
/// `into` only, and its folder must exist. Any of the files may be missing. `into` is only created
/// if there are entries to put into it. Several processes may do this at once.
///
/// # Errors
/// [`ErrorKind::InvalidFile`] for a file that is not a list of compile commands, and
/// [`ErrorKind::Io`].
pub fn merge_compile_commands(into: &Path, from: &[PathBuf], record: &Path) -> Result<()> {
    let folder = record.parent().filter(|p| !p.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let lock = File::open(folder).map_err(|e| Error::writing("open", folder, e))?;
    sys::lock(&lock).map_err(|e| Error::writing("lock", folder, e))?;

    let texts = from.iter().map(|file| read(file));
    let texts: Vec<Vec<u8>> = texts.collect::<Result<_>>()?;
    let (mut ours, mut sources) = (Vec::new(), HashSet::new());
    for (text, file) in texts.iter().zip(from) {
        for entry in entries(text, file)? {
            if sources.insert(source(entry)) {
                ours.push(entry);
            }
        }
    }
    let put = read(record)?;
    let mut put = entries(&put, record)?;
    // Entries of a killed call are not in any record.
    put.extend(&ours);
    put.sort_unstable();
    let there = read(into)?;
    let mut all = entries(&there, into)?;
    all.retain(|entry| put.binary_search(entry).is_err());
    all.extend(&ours);
    if !all.is_empty() || !there.is_empty() {
        parent_writer(into)?.write_if_changed(into, &list(&all))?;
    }
    parent_writer(record)?.write_if_changed(record, &list(&ours))
}

/// The bytes of a file. A missing file is empty.
fn read(file: &Path) -> Result<Vec<u8>> {
    match regular::read(file) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::reading("read", file, e)),
        read => Ok(read.unwrap_or_default()),
    }
}

pub(in crate::editor) fn list(entries: &[&[u8]]) -> Vec<u8> {
    [b"[\n", &entries.join(&b",\n"[..])[..], b"\n]\n"].concat()
}

fn entries<'a>(text: &'a [u8], file: &Path) -> Result<Vec<&'a [u8]>> {
    split(text).ok_or_else(|| {
        let file = file.display();
        Error::new(
            ErrorKind::InvalidFile,
            format!(
                "{file} is not a list of compile commands. Remove it. The next build writes it \
                 again"
            ),
        )
    })
}

/// The objects of a JSON array, as they are written; an empty file is an empty array.
pub(in crate::editor) fn split(text: &[u8]) -> Option<Vec<&[u8]>> {
    let text = text.trim_ascii();
    if text.is_empty() {
        return Some(Vec::new());
    }
    let inner = text.strip_prefix(b"[")?.strip_suffix(b"]")?.trim_ascii();
    let mut objects = Vec::new();
    let (mut depth, mut in_string, mut escaped, mut start) = (0_usize, false, false, 0);
    for (at, byte) in inner.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            b',' if depth == 0 => {
                objects.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !inner.is_empty() {
        objects.push(&inner[start..]);
    }
    let is_object = |object: &&[u8]| object.starts_with(b"{") && object.ends_with(b"}");
    let objects: Vec<_> = objects.iter().map(|object| object.trim_ascii()).collect();
    (depth == 0 && !in_string && objects.iter().all(is_object)).then_some(objects)
}

/// The source of an entry of ours (see `entry` in the parent module). The entry's first key is the
/// directory, and the directory's value has no unescaped quote.
pub(in crate::editor) fn source(entry: &[u8]) -> &[u8] {
    const KEY: &[u8] = b",\"file\":";
    const NEXT: &[u8] = b",\"arguments\":";
    let find = |what: &[u8]| entry.windows(what.len()).position(|part| part == what);
    match (find(KEY), find(NEXT)) {
        (Some(start), Some(end)) if start < end => &entry[start..end],
        _ => entry,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::fixture::Root;

    struct Scratch(Root);

    impl Scratch {
        fn new() -> Self {
            Scratch(Root::new())
        }

        fn write(&self, name: &str, text: &str) {
            self.0.write(name, text);
        }

        fn merge(&self, from: &[&str]) -> Result<()> {
            let from: Vec<_> = from.iter().map(|name| self.0.join(name)).collect();
            merge_compile_commands(&self.0.join("all"), &from, &self.0.join("record"))
        }

        fn all(&self) -> String {
            fs::read_to_string(self.0.join("all")).unwrap()
        }
    }

    fn ours(file: &str, flag: &str) -> String {
        format!(r#"{{"directory":"/k","file":"{file}","arguments":["cc","{flag}"]}}"#)
    }

    const PROJECTS: &str = "{ \"directory\": \"/b\",\n  \"command\": \"cc -DX=\\\"},[\\\" main.c\",\n  \"file\": \"main.c\" }";

    #[test]
    fn the_projects_own_entries_stay_as_they_are_written_and_ours_are_replaced() {
        let dir = Scratch::new();
        dir.write("all", &format!("[\n{PROJECTS}\n]"));
        dir.write("a", &format!("[{},{}]", ours("a.c", "1"), ours("b.c", "1")));
        dir.write("b", &format!("[{}]", ours("a.c", "other kernel")));
        dir.merge(&["a", "b", "missing"]).unwrap();
        let with_a = |flag| {
            let (a, b) = (ours("a.c", flag), ours("b.c", "1"));
            format!("[\n{PROJECTS},\n{a},\n{b}\n]\n")
        };
        assert_eq!(dir.all(), with_a("1"));
        dir.write("a", &format!("[{},{}]", ours("a.c", "2"), ours("b.c", "1")));
        dir.merge(&["a", "b"]).unwrap();
        assert_eq!(dir.all(), with_a("2"));
        // A killed call leaves this state: it ends before it writes the record.
        dir.0.remove("record");
        dir.merge(&["a", "b"]).unwrap();
        assert_eq!(dir.all(), with_a("2"));
        // The project writes the file anew, and one module is gone.
        dir.write("all", &format!("[{PROJECTS}]"));
        dir.merge(&["b"]).unwrap();
        let b = ours("a.c", "other kernel");
        assert_eq!(dir.all(), format!("[\n{PROJECTS},\n{b}\n]\n"));
    }

    #[test]
    fn a_file_is_made_only_when_there_is_something_to_write() {
        let dir = Scratch::new();
        dir.merge(&["a"]).unwrap();
        assert!(!dir.0.join("all").exists());
        dir.write("a", &format!("[{}]", ours("a.c", "1")));
        dir.merge(&["a"]).unwrap();
        assert_eq!(dir.all(), format!("[\n{}\n]\n", ours("a.c", "1")));
        dir.merge(&[]).unwrap();
        assert_eq!(split(dir.all().as_bytes()), Some(Vec::new()));
    }

    #[test]
    fn a_file_that_is_not_a_list_of_commands_is_named_and_not_written_to() {
        let dir = Scratch::new();
        dir.write("a", &format!("[{}]", ours("a.c", "1")));
        for bad in [
            "{}",
            "[",
            "[{]",
            "[{},]",
            "[\"{}\"]",
            "[{\"a\":\"}]",
            "[}{]",
        ] {
            dir.write("all", bad);
            let message = dir.merge(&["a"]).unwrap_err().to_string();
            assert!(message.contains("/all is not a list"), "{bad}: {message}");
            assert_eq!(dir.all(), bad);
        }
    }
}
