//! Is there anything to do at all: the record of the last build, compared with the world.
//!
//! make is not trusted to notice: a package upgrade installs headers with *old* mtimes, and make
//! compiles nothing; it knows nothing of the compiler, of the environment, or of a provider's
//! symvers. So every prerequisite's identity is recorded, and what depends on a changed one is
//! deleted before make starts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::files::{escape, is_below, unescape};
use crate::identity::{Identity, boot_id, content_hash};
use crate::salted::Salted;
use crate::stage::leads_outside;
use crate::sys::Writer;
use crate::{Error, Result};

const HEADER: &[u8] = b"kbuild-rs record 2";

/// What a prerequisite's change means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Everything is made anew: the kernel tree, the compiler.
    Whole,
    /// The targets whose `.cmd` names it: a header, a source.
    Targets,
    /// modpost runs again: a provider's symvers.
    Symvers,
    /// make is asked again: what git answers.
    Make,
}

impl Class {
    const ALL: [(Class, u8); 4] = [
        (Class::Whole, b'W'),
        (Class::Targets, b'T'),
        (Class::Symvers, b'S'),
        (Class::Make, b'M'),
    ];
}

/// A file the products depend on.
#[derive(Debug, Clone)]
pub(crate) struct Prerequisite {
    pub(crate) class: Class,
    pub(crate) path: PathBuf,
    /// `None`: it changed while make ran, what was compiled is not known.
    pub(crate) id: Option<Identity>,
}

/// A file that was published into the output directory.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    /// The module's name; empty for every other file.
    pub(crate) module: String,
    pub(crate) path: PathBuf,
    pub(crate) id: Identity,
    /// The hash of its content.
    pub(crate) content: u64,
}

impl Product {
    /// What lies at `path` now.
    pub(crate) fn at(path: &Path, module: &str) -> Result<Product> {
        let failed = |e| Error::io("read", path, e);
        Ok(Product {
            module: module.to_owned(),
            id: Identity::of_entry(path).map_err(failed)?,
            content: content_hash(path).map_err(failed)?,
            path: path.to_owned(),
        })
    }

    /// Whether it is still there, and nobody has put something in its place.
    pub(crate) fn is_there(&self) -> bool {
        Identity::of_entry(&self.path).is_ok_and(|now| now.same_metadata(&self.id))
    }

    fn is_whole(&self) -> bool {
        content_hash(&self.path).is_ok_and(|now| now == self.content)
    }
}

/// What one module folder's last build was, and what it depended on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    /// Every flag, variable and environment entry: any difference means a build from nothing.
    pub(crate) config: Salted,
    /// When the machine was started that wrote this.
    pub(crate) boot: String,
    /// Whether make succeeded.
    pub(crate) succeeded: bool,
    pub(crate) prerequisites: Vec<Prerequisite>,
    pub(crate) products: Vec<Product>,
    /// Files beside the modules that the caller asks for.
    pub(crate) others: Vec<Product>,
    /// What [`Build::target`](crate::Build::target) has put there so far.
    pub(crate) targets: Vec<Product>,
    /// What this folder's build made elsewhere in the stage (`../common/x.o`), relative to it.
    pub(crate) elsewhere: Vec<PathBuf>,
}

/// What has to happen before make may be trusted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Stale {
    /// Why nothing that was built may be kept.
    pub(crate) from_nothing: Option<String>,
    /// Prerequisites that changed: their targets go.
    pub(crate) changed: Vec<PathBuf>,
    /// Whether modpost must run again.
    pub(crate) modpost: bool,
}

impl Stale {
    /// Nothing may be kept.
    pub(crate) fn from_nothing(why: &str) -> Self {
        Stale {
            from_nothing: Some(why.to_owned()),
            ..Stale::default()
        }
    }
}

impl Record {
    /// Compares with the world; `None` means that nothing has to be done.
    pub(crate) fn check(&self, config: &[Vec<u8>]) -> Option<Stale> {
        let mut stale = Stale::default();
        let mut anything = !self.succeeded;
        if let Some(difference) = self.config.difference(config) {
            stale.from_nothing = Some(difference);
            return Some(stale);
        }
        for p in &self.prerequisites {
            // modpost writes a symvers anew whatever it says.
            let same = |id: &Identity| match p.class {
                Class::Symvers => id.holds_at(&p.path),
                _ => id.matches(&p.path),
            };
            if p.id.as_ref().is_some_and(same) {
                continue;
            }
            anything = true;
            match p.class {
                Class::Whole => {
                    stale.from_nothing = Some(format!("{} changed", p.path.display()));
                    return Some(stale);
                }
                Class::Targets => {
                    stale.changed.push(p.path.clone());
                }
                Class::Symvers => stale.modpost = true,
                Class::Make => {}
            }
        }
        // A file system that lost power may have kept a file's name and size, and not its bytes.
        let is_whole = |p: &Product| p.is_there() && (!self.is_of_another_boot() || p.is_whole());
        anything |= !self.products.iter().chain(&self.others).all(is_whole);
        anything.then_some(stale)
    }

    /// Whether the machine was started again since the record was written.
    pub(crate) fn is_of_another_boot(&self) -> bool {
        self.boot != boot_id()
    }

    /// Reads a record about products in `out`; `None` when there is none, or not one of this
    /// version's.
    ///
    /// # Errors
    /// [`ErrorKind::NotOurs`](crate::ErrorKind::NotOurs) when it names what lies outside of `out`
    /// or of the stage.
    pub(crate) fn load(writer: &Writer, path: &Path, out: &Path) -> Result<Option<Record>> {
        let bytes = writer.read(path)?;
        let Some(mut record) = bytes.and_then(|bytes| parse(&bytes)) else {
            return Ok(None);
        };
        let products = record.products.iter_mut().chain(&mut record.others);
        let products = products.chain(&mut record.targets);
        for named in products.map(|product| &mut product.path) {
            if !is_below(named) {
                return Err(leads_outside(path, named));
            }
            *named = out.join(&*named);
        }
        match record.elsewhere.iter().find(|named| !is_below(named)) {
            Some(named) => Err(leads_outside(path, named)),
            None => Ok(Some(record)),
        }
    }

    /// Writes the record whole or not at all, for its owner to read.
    pub(crate) fn save(&self, writer: &Writer, path: &Path, out: &Path) -> Result<()> {
        let mut text = HEADER.to_vec();
        let mut line = |tag: u8, words: &[&[u8]]| {
            text.push(b'\n');
            text.push(tag);
            for word in words {
                text.push(b' ');
                text.extend_from_slice(word);
            }
        };
        if self.succeeded {
            line(b'+', &[]);
        }
        line(b'b', &[&escaped(self.boot.as_bytes())]);
        for [hash, name] in self.config.lines() {
            line(b'c', &[hash, &escaped(name)]);
        }
        for p in &self.prerequisites {
            let (_, class) = Class::ALL[p.class as usize];
            let id = p.id.as_ref().map_or_else(|| "?".to_owned(), written);
            line(class, &[id.as_bytes(), &escaped_path(&p.path)]);
        }
        let products = self.products.iter().map(|p| (b'p', p));
        let others = self.others.iter().map(|p| (b'o', p));
        let targets = self.targets.iter().map(|p| (b't', p));
        for (tag, p) in products.chain(others).chain(targets) {
            let module = escaped(p.module.as_bytes());
            let rel = p.path.strip_prefix(out).unwrap_or(&p.path);
            let content = format!("{:x}", p.content);
            let (id, rel) = (written(&p.id), escaped_path(rel));
            line(tag, &[id.as_bytes(), content.as_bytes(), &rel, &module]);
        }
        for path in &self.elsewhere {
            line(b'e', &[&escaped_path(path)]);
        }
        // A record that was cut off must not read as a shorter one.
        line(b'.', &[]);
        writer.write_private(path, &text)
    }
}

fn written(id: &Identity) -> String {
    let mut text = String::new();
    id.write(&mut text);
    text
}

fn escaped(bytes: &[u8]) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    escaped_path(Path::new(std::ffi::OsStr::from_bytes(bytes)))
}

fn escaped_path(path: &Path) -> Vec<u8> {
    let mut text = Vec::new();
    escape(path, &mut text);
    text
}

fn parse(bytes: &[u8]) -> Option<Record> {
    use std::os::unix::ffi::OsStringExt;
    let mut lines = bytes.split(|&b| b == b'\n');
    if lines.next() != Some(HEADER) {
        return None;
    }
    let mut record = Record::default();
    let mut whole = false;
    for line in lines {
        let mut words = line.split(|&b| b == b' ');
        let tag = *words.next()?.first()?;
        if let Some((class, _)) = Class::ALL.iter().find(|(_, c)| *c == tag) {
            let id = identity(&mut words)?;
            record.prerequisites.push(Prerequisite {
                class: *class,
                id,
                path: unescape(words.next()?)?,
            });
            continue;
        }
        match tag {
            b'+' => record.succeeded = true,
            b'b' => record.boot = text_of(words.next()?)?,
            b'c' => {
                let (hash, name) = (words.next()?, unescape(words.next()?)?);
                record.config.add(hash, name.into_os_string().into_vec())?;
            }
            b'p' | b'o' | b't' => {
                let product = Product {
                    id: identity(&mut words)??,
                    content: u64::from_str_radix(&text_of(words.next()?)?, 16).ok()?,
                    path: unescape(words.next()?)?,
                    module: text_of(words.next()?)?,
                };
                match tag {
                    b'p' => record.products.push(product),
                    b'o' => record.others.push(product),
                    _ => record.targets.push(product),
                }
            }
            b'e' => record.elsewhere.push(unescape(words.next()?)?),
            b'.' => whole = true,
            _ => return None,
        }
    }
    whole.then_some(record)
}

fn text_of(word: &[u8]) -> Option<String> {
    unescape(word)?.into_os_string().into_string().ok()
}

/// `?`, or the five words of an identity.
fn identity<'a>(words: &mut impl Iterator<Item = &'a [u8]>) -> Option<Option<Identity>> {
    let first = std::str::from_utf8(words.next()?).ok()?;
    if first == "?" {
        return Some(None);
    }
    let rest = words.take(4).map(|w| std::str::from_utf8(w).unwrap_or(""));
    let mut all = std::iter::once(first).chain(rest);
    Some(Some(Identity::parse(&mut all)?))
}

/// The prerequisite as it is now, for a build that began at `start`. One that is gone by now is
/// one that changed.
pub(crate) fn seen(class: Class, path: PathBuf, start: Duration) -> Prerequisite {
    let id = Identity::of_settled(&path, start).ok().flatten();
    Prerequisite { class, path, id }
}

/// A symvers, by the content that modpost read: of itself, or of the copy that it was told of.
pub(crate) fn seen_symvers(path: PathBuf, read: &Path) -> Option<Prerequisite> {
    let id = Some(Identity::of_content(&path, read).ok()?);
    let class = Class::Symvers;
    Some(Prerequisite { class, path, id })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("kbuild-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        dir
    }

    const CONFIG: [&[u8]; 2] = [b"CC=gcc\n12 %", b"A=1"];

    fn config() -> Vec<Vec<u8>> {
        CONFIG.map(<[u8]>::to_vec).into()
    }

    fn record(file: &Path) -> Record {
        let id = Identity::of(file).unwrap();
        Record {
            config: Salted::of(&config()),
            boot: boot_id(),
            succeeded: true,
            prerequisites: [Class::Whole, Class::Targets, Class::Symvers, Class::Make]
                .map(|class| match class {
                    Class::Symvers => seen_symvers(file.to_owned(), file).unwrap(),
                    _ => Prerequisite {
                        class,
                        path: file.to_owned(),
                        id: Some(id.clone()),
                    },
                })
                .into(),
            products: vec![Product::at(file, "hello").unwrap()],
            others: vec![Product::at(file, "").unwrap()],
            targets: vec![Product {
                path: file.with_extension("o"),
                ..Product::at(file, "").unwrap()
            }],
            elsewhere: vec!["common/x.o".into()],
        }
    }

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let dir = scratch("record");
        let file = dir.join("a file");
        std::fs::write(&file, "x").unwrap();
        let mut written = record(&file);
        written.prerequisites[1].id = None;
        let path = dir.join("record");
        let writer = Writer::new([crate::sys::Root::open(&dir).unwrap()]);
        written.save(&writer, &path, &dir).unwrap();
        let read = Record::load(&writer, &path, &dir).unwrap().unwrap();
        assert_eq!(format!("{read:?}"), format!("{written:?}"));
        let text = std::fs::read(&path).unwrap();
        for cut in 0..text.len() - 1 {
            assert!(parse(&text[..cut]).is_none(), "cut off at {cut}");
        }
        let text = String::from_utf8(text).unwrap();
        for (known, forged) in [
            ("a%sfile", "../a%sfile"),
            ("a%sfile", "/etc/passwd"),
            ("common/x.o", "common/../../x.o"),
        ] {
            std::fs::write(&path, text.replace(known, forged)).unwrap();
            let error = Record::load(&writer, &path, &dir).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::NotOurs, "{error}");
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn after_a_new_start_of_the_machine_products_have_to_be_whole() {
        let dir = scratch("boot");
        let file = dir.join("f");
        std::fs::write(&file, "x").unwrap();
        let mut kept = record(&file);
        kept.products[0].content = 1;
        assert_eq!(kept.check(&config()), None);
        kept.boot = "another".into();
        assert_eq!(kept.check(&config()), Some(Stale::default()));
        kept.products[0].content = content_hash(&file).unwrap();
        assert_eq!(kept.check(&config()), None);
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn each_class_of_change_has_its_own_consequence() {
        let dir = scratch("classes");
        let file = dir.join("f");
        std::fs::write(&file, "x").unwrap();
        let kept = record(&file);
        assert_eq!(kept.check(&config()), None);
        let stale = kept.check(&[b"A=1".to_vec()]).unwrap();
        assert!(stale.from_nothing.unwrap().contains("CC changed"));
        std::fs::write(&file, "longer").unwrap();
        let of = |class: Class| {
            let mut record = record(&file);
            record.products.clear();
            record.prerequisites.retain(|p| p.class == class);
            record.prerequisites[0].id = None;
            record.check(&config()).unwrap()
        };
        assert!(of(Class::Whole).from_nothing.is_some());
        assert!(of(Class::Targets).changed.contains(&file));
        assert!(of(Class::Symvers).modpost);
        assert_eq!(of(Class::Make), Stale::default());
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
