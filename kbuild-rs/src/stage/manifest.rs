//! The manifest: what was staged, from where, and what it was then.

use std::path::Path;

use super::{Item, Kind};
use crate::files::{escape, unescape, write_whole};
use crate::identity::Identity;
use crate::{Error, Result};

const HEADER: &str = "kbuild-rs manifest 1";

/// Reads the manifest; `None` when there is none or it is another version's, so that the stage
/// must be filled anew.
pub(super) fn load(path: &Path) -> Result<Option<Vec<Item>>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::io("read", path, e)),
    };
    let mut lines = bytes.split(|&b| b == b'\n');
    if lines.next() != Some(HEADER.as_bytes()) {
        return Ok(None);
    }
    // The last piece is what follows the final newline; anything else was cut off.
    Ok(lines
        .take_while(|line| !line.is_empty())
        .map(parse)
        .collect::<Option<Vec<_>>>())
}

/// Writes the manifest whole or not at all.
pub(super) fn save(path: &Path, items: &[Item]) -> Result<()> {
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
    write_whole(path, &text)
}

fn parse(line: &[u8]) -> Option<Item> {
    let tab = line.iter().position(|&b| b == b'\t')?;
    let (head, rel) = (&line[..tab], unescape(&line[tab + 1..])?);
    let kind = match head {
        b"D" => Kind::Dir,
        [b'L', b' ', target @ ..] => Kind::Link(unescape(target)?),
        [b'F', b' ', rest @ ..] => {
            // The source path may be any bytes, the identity before it is ASCII.
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
        let dir = std::env::temp_dir().join(format!("kbuild-manifest-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let file = dir.join("manifest");
        let odd = PathBuf::from(OsStr::from_bytes(b"a b\t\n%\xff/-c"));
        let id = Identity::of(&dir).unwrap();
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
        save(&file, &items).unwrap();
        assert_eq!(load(&file).unwrap().unwrap(), items);
        std::fs::write(&file, "kbuild-rs manifest 1\nX\tfoo\n").unwrap();
        assert_eq!(load(&file).unwrap(), None);
        std::fs::write(&file, "kbuild-rs manifest 0\n").unwrap();
        assert_eq!(load(&file).unwrap(), None);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
