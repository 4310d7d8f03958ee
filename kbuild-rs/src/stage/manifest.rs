//! The manifest: the staged files, their sources, and the state of these sources at that time.

use std::path::Path;

use super::item::{Item, Kind};
use crate::error::Advice;
use crate::syntax::{escape, unescape};
use crate::sys::{Identity, Writer, is_below};
use crate::{Error, ErrorKind, Result};

const HEADER: &str = "kbuild-rs manifest 2";
/// The last line. Without it, a truncated file would read as a shorter manifest.
const END: &[u8] = b".";

/// Reads the manifest; `None` if it is missing, truncated or of another version, so that the stage
/// must be filled anew.
///
/// # Errors
/// [`ErrorKind::NotOurs`](crate::ErrorKind::NotOurs) if it names a path outside of the stage.
pub(super) fn load(writer: &Writer, path: &Path) -> Result<Option<Vec<Item>>> {
    let Some(bytes) = writer.read(path)? else {
        return Ok(None);
    };
    let Some(items) = read(&bytes) else {
        return Ok(None);
    };
    match items.iter().find(|item| !is_below(&item.rel)) {
        Some(item) => Err(leads_outside(path, &item.rel)),
        None => Ok(Some(items)),
    }
}

pub(super) fn read(bytes: &[u8]) -> Option<Vec<Item>> {
    let mut lines = bytes.split(|&b| b == b'\n');
    // An item is far longer than the shortest line.
    let mut items = Vec::with_capacity(bytes.iter().filter(|&&b| b == b'\n').count());
    if lines.next()? != HEADER.as_bytes() {
        return None;
    }
    loop {
        match lines.next()? {
            END => return Some(items),
            line => items.push(parse(line)?),
        }
    }
}

/// An error about a file of ours that names a path outside of its folder.
pub(crate) fn leads_outside(file: &Path, named: &Path) -> Error {
    let advice = "move the file away, or choose another output directory";
    Error::new(
        ErrorKind::NotOurs,
        format!(
            "{} lists the path {named:?}, which is outside of the folder that the file is about. \
             kbuild-rs did not write this entry and changed nothing. Move the file away, or \
             choose another output directory",
            file.display()
        ),
    )
    .advise(Advice::new("foreign-file", advice))
}

/// Writes the manifest whole or not at all.
pub(super) fn save(writer: &Writer, path: &Path, items: &[Item]) -> Result<()> {
    writer.write_private(path, &text(items))
}

pub(super) fn text(items: &[Item]) -> Vec<u8> {
    let mut text = Vec::with_capacity(items.len() * 96);
    text.extend_from_slice(HEADER.as_bytes());
    text.push(b'\n');
    for item in items {
        match &item.kind {
            Kind::Dir => text.extend_from_slice(b"D"),
            Kind::Link(target) => {
                text.extend_from_slice(b"L ");
                escape(target, &mut text);
            }
            Kind::File { from, id } => {
                let mut words = String::from("F ");
                id.write(&mut words);
                text.extend_from_slice(words.as_bytes());
                if let Some(from) = from {
                    text.push(b' ');
                    escape(from, &mut text);
                }
            }
        }
        text.push(b'\t');
        escape(&item.rel, &mut text);
        text.push(b'\n');
    }
    text.extend_from_slice(END);
    text.push(b'\n');
    text
}

fn parse(line: &[u8]) -> Option<Item> {
    let tab = line.iter().position(|&b| b == b'\t')?;
    let (head, rel) = (&line[..tab], unescape(&line[tab + 1..])?);
    let kind = match head {
        b"D" => Kind::Dir,
        [b'L', b' ', target @ ..] => Kind::Link(unescape(target)?),
        [b'F', b' ', rest @ ..] => {
            // The source path may have any bytes. The identity before it is ASCII.
            let end = rest
                .iter()
                .enumerate()
                .filter(|(_, b)| **b == b' ')
                .nth(4)
                .map_or(rest.len(), |(at, _)| at);
            let words = std::str::from_utf8(&rest[..end]).ok()?;
            Kind::File {
                id: Identity::parse(&mut words.split(' '))?,
                from: match rest.get(end + 1..) {
                    Some(from) => Some(unescape(from)?),
                    None => None,
                },
            }
        }
        _ => return None,
    };
    Some(Item::new(rel, kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::PathBuf;

    #[test]
    fn a_manifest_with_hostile_names_reads_back_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let file = dir.join("manifest");
        let odd = PathBuf::from(OsStr::from_bytes(b"a b\t\n%\xff/-c"));
        let id = Identity::of(dir).unwrap();
        let items = [
            Item::new("dir".into(), Kind::Dir),
            Item::new(odd.clone(), Kind::Link("../x y".into())),
            Item::new(
                odd.join("1"),
                Kind::File {
                    from: None,
                    id: id.clone(),
                },
            ),
            Item::new(
                odd.join("2"),
                Kind::File {
                    from: Some(odd),
                    id,
                },
            ),
        ];
        let writer = Writer::new([crate::sys::Root::open(dir).unwrap()]);
        save(&writer, &file, &items).unwrap();
        assert_eq!(load(&writer, &file).unwrap().unwrap(), items);
        let whole = std::fs::read(&file).unwrap();
        for cut in 0..whole.len() - 1 {
            assert_eq!(read(&whole[..cut]), None, "cut off at {cut}");
        }
        let of = |text: &str| {
            std::fs::write(&file, format!("{text}\n.\n")).unwrap();
            load(&writer, &file)
        };
        assert_eq!(of("kbuild-rs manifest 2\nX\tfoo").unwrap(), None);
        assert_eq!(of("kbuild-rs manifest 0").unwrap(), None);
        for outside in ["../x", "/etc/x", "a/../../x"] {
            let error = of(&format!("kbuild-rs manifest 2\nD\t{outside}")).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::NotOurs, "{error}");
        }
    }
}
