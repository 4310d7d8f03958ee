//! The inventory: the files in the stage at the end of its last build.
//!
//! Only kbuild-rs writes to the stage. The inventory shows foreign changes since then: a link in
//! the place of an object would lead the compiler's output elsewhere. It also shows the effect of a
//! power cut: a file system may keep a file's name and size, and lose its bytes. If anything
//! differs, the stage is filled from scratch. Products are therefore recorded with a hash, because
//! neither time nor size shows a loss after a power cut.

use std::collections::{HashMap, HashSet};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Stage;
use super::item::{Item, Kind};
use crate::Result;
use crate::syntax::{escape, unescape};
use crate::sys::{Identity, Writer, boot_id, content_hash, same_content, walk};

const HEADER: &str = "kbuild-rs inventory 1";

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Inventory {
    /// The boot of the machine that wrote the inventory.
    boot: String,
    entries: HashMap<PathBuf, Entry>,
}

#[derive(Debug, PartialEq, Eq)]
enum Entry {
    /// A file. It has the hash of its content, unless it has its source's content.
    File(Identity),
    Link(Identity, PathBuf),
    /// Something else: a fifo, a socket.
    Other(Identity),
}

/// The differences between the stage and its inventory.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// A change that kbuild-rs cannot repair automatically.
    pub(crate) damage: Option<PathBuf>,
    /// Whether a file that a build created is missing.
    pub(crate) missing: bool,
}

impl Inventory {
    fn file(stage: &Stage) -> PathBuf {
        stage.private.join("inventory")
    }

    /// Reads the inventory. It is empty if the file is missing or incomplete.
    pub(crate) fn load(writer: &Writer, stage: &Stage) -> Result<Inventory> {
        let bytes = writer.read(&Self::file(stage))?;
        Ok(bytes.and_then(|bytes| parse(&bytes)).unwrap_or_default())
    }

    /// Checks everything in the stage. A changed copy of a source is removed, so that it is copied
    /// again.
    pub(crate) fn compare(
        &self,
        writer: &Writer,
        stage: &Stage,
        manifest: &[Item],
    ) -> Result<Difference> {
        let same_boot = self.boot == boot_id();
        let mut found = Difference::default();
        let mut seen = HashSet::new();
        walk(&stage.dir, &mut |path, meta| {
            let rel = path.strip_prefix(&stage.dir).unwrap_or(path);
            let item = manifest
                .binary_search_by(|item| item.rel.as_os_str().cmp(rel.as_os_str()))
                .ok()
                .map(|at| &manifest[at]);
            let entry = self.entries.get(rel);
            if let Some((rel, _)) = self.entries.get_key_value(rel) {
                seen.insert(rel);
            }
            let source = item.map(|item| stage.source_of(item));
            if entry.is_some_and(|e| e.is_at(path, meta, source.as_deref(), same_boot)) {
                return Ok(());
            }
            // Copying cannot restore a build's own changes to its copy of a source.
            let changed = matches!(entry, Some(Entry::File(id)) if id.content().is_some());
            match item {
                Some(Item {
                    kind: Kind::Dir, ..
                })
                | None => {
                    found.damage.get_or_insert_with(|| rel.to_owned());
                }
                Some(_) if changed => {
                    found.damage.get_or_insert_with(|| rel.to_owned());
                }
                Some(_) => drop(writer.remove_file(path)?),
            }
            Ok(())
        })?;
        found.missing = self.entries.len() != seen.len();
        Ok(found)
    }

    /// Records a copy that was just made.
    pub(super) fn copied(&mut self, rel: &Path, copy: &Metadata) {
        let entry = Entry::File(Identity::from_metadata(copy));
        self.entries.insert(rel.to_owned(), entry);
    }

    /// Records the current files of the stage.
    pub(crate) fn save(mut self, writer: &Writer, stage: &Stage) -> Result<()> {
        let mut text = format!("{HEADER}\n{}\n", boot_id()).into_bytes();
        walk(&stage.dir, &mut |path, meta| {
            let rel = path.strip_prefix(&stage.dir).unwrap_or(path);
            // A server that the build left behind may remove its own files.
            if let Ok(entry) = Entry::of(path, meta, self.entries.remove(rel)) {
                entry.write(rel, &mut text);
            }
            Ok(())
        })?;
        text.extend_from_slice(b".\n");
        writer.write_private(&Self::file(stage), &text)
    }
}

#[cfg(feature = "fuzzing")]
impl Inventory {
    /// The text that [`save`](Self::save) writes if all files are there.
    pub(super) fn text(&self) -> Vec<u8> {
        let mut text = format!("{HEADER}\n{}\n", self.boot).into_bytes();
        let entries = self.entries.iter();
        entries.for_each(|(rel, entry)| entry.write(rel, &mut text));
        text.extend_from_slice(b".\n");
        text
    }
}

impl Entry {
    /// The entry for the file at `path`. `known` is the previous entry.
    fn of(path: &Path, meta: &Metadata, known: Option<Entry>) -> std::io::Result<Entry> {
        let mut id = Identity::from_metadata(meta);
        if meta.is_symlink() {
            return Ok(Entry::Link(id, std::fs::read_link(path)?));
        }
        if !meta.is_file() {
            return Ok(Entry::Other(id));
        }
        match known {
            Some(Entry::File(known)) if known.same_metadata(&id) => Ok(Entry::File(known)),
            _ => {
                id.set_content(content_hash(path)?);
                Ok(Entry::File(id))
            }
        }
    }

    /// Whether the file at `path` is still this entry, and a copy of `source` if there is one.
    /// After a new boot, only the content counts.
    fn is_at(&self, path: &Path, meta: &Metadata, source: Option<&Path>, same_boot: bool) -> bool {
        let now = Identity::from_metadata(meta);
        match self {
            Entry::Link(id, target) => {
                let leads = std::fs::read_link(path);
                meta.is_symlink() && id.same_metadata(&now) && leads.is_ok_and(|to| to == *target)
            }
            Entry::Other(id) => id.same_metadata(&now),
            Entry::File(id) if meta.is_file() => {
                if same_boot && id.same_metadata(&now) {
                    return true;
                }
                let holds = match (id.content(), source) {
                    (Some(hash), _) => content_hash(path).is_ok_and(|now| now == hash),
                    (None, Some(source)) => same_content(source, path).unwrap_or(false),
                    (None, None) => false,
                };
                // Its other name (a hard link) may be another user's file.
                meta.nlink() == 1 && holds
            }
            Entry::File(_) => false,
        }
    }

    fn write(&self, rel: &Path, text: &mut Vec<u8>) {
        let (tag, id, target) = match self {
            Entry::File(id) => ("F ", id, None),
            Entry::Link(id, target) => ("L ", id, Some(target)),
            Entry::Other(id) => ("O ", id, None),
        };
        let mut words = tag.to_owned();
        id.write(&mut words);
        text.extend_from_slice(words.as_bytes());
        if let Some(target) = target {
            text.push(b' ');
            escape(target, text);
        }
        text.push(b'\t');
        escape(rel, text);
        text.push(b'\n');
    }
}

pub(super) fn parse(bytes: &[u8]) -> Option<Inventory> {
    let mut lines = bytes.split(|&b| b == b'\n');
    if lines.next()? != HEADER.as_bytes() {
        return None;
    }
    let boot = std::str::from_utf8(lines.next()?).ok()?.to_owned();
    let mut entries = HashMap::new();
    loop {
        let line = lines.next()?;
        if line == b"." {
            return Some(Inventory { boot, entries });
        }
        let tab = line.iter().position(|&b| b == b'\t')?;
        let mut words = line[..tab].split(|&b| b == b' ');
        let tag = words.next()?;
        let id: Vec<&str> = words
            .by_ref()
            .take(5)
            .map(|word| std::str::from_utf8(word).unwrap_or(""))
            .collect();
        let id = Identity::parse(&mut id.into_iter())?;
        let entry = match tag {
            b"F" => Entry::File(id),
            b"L" => Entry::Link(id, unescape(words.next()?)?),
            b"O" => Entry::Other(id),
            _ => return None,
        };
        entries.insert(unescape(&line[tab + 1..])?, entry);
    }
}

/// An error about a foreign change of the stage, for a note.
pub(crate) fn told(stage: &Stage, damage: &Path) -> String {
    format!(
        "{} in the stage changed after the last build",
        stage.file(damage).display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Sink;
    use crate::fixture::Root;
    use crate::sys;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn stage() -> (Root, Stage, Writer) {
        let out = Root::new();
        let names = (&*out.join("src"), Path::new("/k"), None);
        let stage = Stage::new(out.path(), names, "x", &Sink::silent()).unwrap();
        fs::create_dir_all(&stage.dir).unwrap();
        let writer = Writer::new([sys::Root::open(out.path()).unwrap()]);
        (out, stage, writer)
    }

    fn left(writer: &Writer, stage: &Stage) -> Inventory {
        let known = Inventory::load(writer, stage).unwrap();
        known.save(writer, stage).unwrap();
        Inventory::load(writer, stage).unwrap()
    }

    #[test]
    fn a_change_of_a_product_is_noticed_and_a_copy_of_it_is_not() {
        let (out, stage, writer) = stage();
        let object = stage.dir.join("a.o");
        let victim = out.write("victim", "code");
        fs::write(&object, "code").unwrap();
        symlink("a.o", stage.dir.join("link")).unwrap();
        let inventory = left(&writer, &stage);
        let damage = || inventory.compare(&writer, &stage, &[]).unwrap().damage;
        assert_eq!(damage(), None);
        // The same bytes in another file.
        fs::copy(&object, out.join("copy")).unwrap();
        fs::rename(out.join("copy"), &object).unwrap();
        assert_eq!(damage(), None);
        let changes: [&dyn Fn(); 4] = [
            &|| symlink(&victim, &object).unwrap(),
            &|| fs::hard_link(&victim, &object).unwrap(),
            &|| fs::write(&object, "cod\0").unwrap(),
            &|| fs::write(&object, "").unwrap(),
        ];
        for change in changes {
            fs::remove_file(&object).unwrap();
            change();
            assert_eq!(damage(), Some("a.o".into()));
        }
        fs::remove_file(&object).unwrap();
        let found = inventory.compare(&writer, &stage, &[]).unwrap();
        assert!(found.missing && found.damage.is_none(), "{found:?}");
        fs::write(stage.dir.join("new"), "").unwrap();
        assert_eq!(damage(), Some("new".into()));
    }

    #[test]
    fn after_a_new_start_of_the_machine_only_the_content_tells() {
        let (_out, stage, writer) = stage();
        let object = stage.dir.join("a.o");
        fs::write(&object, "code").unwrap();
        let mut inventory = left(&writer, &stage);
        let forge = |inventory: &mut Inventory, content: u64| {
            let Some(Entry::File(id)) = inventory.entries.get_mut(Path::new("a.o")) else {
                panic!("no entry");
            };
            id.set_content(content);
        };
        forge(&mut inventory, 1);
        assert_eq!(
            inventory.compare(&writer, &stage, &[]).unwrap().damage,
            None
        );
        inventory.boot = "another".into();
        let damage = inventory.compare(&writer, &stage, &[]).unwrap().damage;
        assert_eq!(damage, Some("a.o".into()));
        forge(&mut inventory, content_hash(&object).unwrap());
        assert_eq!(
            inventory.compare(&writer, &stage, &[]).unwrap().damage,
            None
        );
    }

    #[test]
    fn a_copy_of_a_source_that_is_not_as_it_was_left_is_copied_again() {
        let (out, stage, writer) = stage();
        let source = out.write("src/a.c", "int a;");
        let copy = stage.dir.join("a.c");
        fs::copy(&source, &copy).unwrap();
        let id = Identity::of(&source).unwrap();
        let items = [Item::new("a.c".into(), Kind::File { from: None, id })];
        let mut inventory = Inventory::default();
        inventory.copied(Path::new("a.c"), &fs::metadata(&copy).unwrap());
        inventory.save(&writer, &stage).unwrap();
        let inventory = Inventory::load(&writer, &stage).unwrap();
        let compare = || inventory.compare(&writer, &stage, &items).unwrap().damage;
        assert_eq!(compare(), None);
        fs::write(&copy, "int b;").unwrap();
        assert_eq!(compare(), None);
        assert!(!copy.exists());
        // A build changed its copy.
        fs::write(&copy, "int c;").unwrap();
        let inventory = left(&writer, &stage);
        fs::write(&copy, "int d;").unwrap();
        let found = inventory.compare(&writer, &stage, &items).unwrap();
        assert_eq!(found.damage, Some("a.c".into()));
    }

    #[test]
    fn an_inventory_that_was_cut_off_is_none() {
        let (_out, stage, writer) = stage();
        fs::write(stage.dir.join("a b\n.o"), "code").unwrap();
        symlink("x y", stage.dir.join("l")).unwrap();
        let inventory = left(&writer, &stage);
        assert_eq!(inventory.entries.len(), 2);
        let text = writer.read(&Inventory::file(&stage)).unwrap().unwrap();
        for cut in 0..text.len() - 1 {
            assert!(parse(&text[..cut]).is_none(), "cut off at {cut}");
        }
        assert!(parse(&text).is_some());
    }
}
