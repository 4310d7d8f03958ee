//! Stores the build that has just ended.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::entry::{Entry, Kind, Needed};
use super::room::make_room;
use super::{Place, hex};
use crate::editor::compile_commands;
use crate::error::Level;
use crate::make::Words;
use crate::run::Run;
use crate::run::record::{Class, Product, Record};
use crate::stage::Item;
use crate::sys::{content_hash, regular};

/// The most entries of a key. There are several if a header has had several contents.
const MOST: usize = 8;

impl Run<'_> {
    /// Stores a build in its place in the cache. A failure only costs the next build its time.
    pub(crate) fn keep_in_cache(
        &self,
        place: Option<Place>,
        record: &Record,
        said: Option<Vec<(Level, String)>>,
        items: &[Item],
    ) {
        let Some(mut place) = place else { return };
        match self.entry(&mut place, record, said, items) {
            Ok(file) => self.store(&place, &file),
            Err(why) => self.tell_why_not(&why),
        }
        place.hashes.save(&place.folder);
    }

    fn store(&self, place: &Place, (id, file): &(String, Vec<u8>)) {
        if place.limit == 0 {
            return self.tell_why_not("it only looks into the cache");
        }
        if file.len() as u64 > place.limit / 4 {
            return self.tell_why_not("it would take more than a quarter of the cache");
        }
        let path = match place.folder.store(&place.key, id, file) {
            Ok(path) => path,
            Err(e) => {
                return self.warn_once(&place.folder.path, "stores nothing new", &e);
            }
        };
        let others = place.folder.under(&place.key);
        let too_many: Vec<_> = others
            .into_iter()
            .filter(|s| s.path != path)
            .skip(MOST - 1)
            .collect();
        // Another builder may remove the same files.
        let _ = place.folder.remove(&too_many);
        let _ = make_room(&place.folder, place.limit);
    }

    /// The file of the entry, and the beginning of its hash.
    fn entry(
        &self,
        place: &mut Place,
        record: &Record,
        said: Option<Vec<(Level, String)>>,
        items: &[Item],
    ) -> Result<(String, Vec<u8>), String> {
        self.refuse_build(place, record, items)?;
        let mut entry = Entry {
            said: said.ok_or("make and the compilers printed more than 64 KiB")?,
            ..Entry::default()
        };
        let words = self.words(false);
        self.add_needed(&mut entry, place, record, &words)?;
        self.shadows(items)?.give(&mut entry);
        let mut bytes = Vec::new();
        for product in &record.products {
            let kind = match product.module {
                Some(_) => Kind::Module,
                None => Kind::Symvers,
            };
            let name = PathBuf::from(product.module.clone().unwrap_or_default());
            self.add_product(&mut entry, &mut bytes, (kind, &name), product)?;
        }
        for (product, name) in record.others.iter().zip(&self.resolved.products) {
            self.add_product(&mut entry, &mut bytes, (Kind::Other, name), product)?;
        }
        self.add_texts(&mut entry, &mut bytes, &words)?;
        // Checked last: `-vv` shows the reason, and the others also hold without `-v`.
        if self.variable("V").is_some_and(|level| level != "0") {
            return Err("with -v, make shows its commands".into());
        }
        let (mut file, sha) = entry.text(&place.key.text());
        file.extend_from_slice(&bytes);
        Ok((hex(&sha)[..16].to_owned(), file))
    }

    fn add_needed(
        &self,
        entry: &mut Entry,
        place: &mut Place,
        record: &Record,
        words: &Words,
    ) -> Result<(), String> {
        // The key has git's answers.
        let needed = record.prerequisites.iter();
        for prerequisite in needed.filter(|p| p.class != Class::Make) {
            let path = &prerequisite.path;
            let changed = || format!("{} changed while make ran", path.display());
            if prerequisite.id.is_none() {
                return Err(changed());
            }
            let seen = place.hashes.of(path);
            let seen = seen.map_err(|e| format!("{}: {e}", path.display()))?;
            if !place.hashes.is_settled(&seen) {
                return Err(changed());
            }
            entry.needed.push(Needed {
                class: prerequisite.class,
                path: match prerequisite.class {
                    Class::Symvers => self.cache_words().hide(path.as_os_str()),
                    _ => words.hide(path.as_os_str()),
                },
                sha: seen.sha,
            });
        }
        Ok(())
    }

    /// Adds a product as it was published.
    fn add_product(
        &self,
        entry: &mut Entry,
        bytes: &mut Vec<u8>,
        (kind, name): (Kind, &Path),
        product: &Product,
    ) -> Result<(), String> {
        let path = &product.path;
        let failed = |e: std::io::Error| format!("{}: {e}", path.display());
        let content = regular::read(path).map_err(failed)?;
        // Somebody may have replaced it meanwhile.
        if content_hash(path).ok() != Some(product.content) || !product.is_there() {
            return Err(format!("{} changes", path.display()));
        }
        self.refuse_product(path, &content)?;
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
        entry.add(kind, name, mode & 0o777, &content);
        bytes.extend_from_slice(&content);
        Ok(())
    }

    /// Adds the texts for editors, and the symvers for other module folders.
    fn add_texts(
        &self,
        entry: &mut Entry,
        bytes: &mut Vec<u8>,
        words: &Words,
    ) -> Result<(), String> {
        let r = self.resolved;
        let staged = r.module_dir().join("Module.symvers");
        let mut files = vec![
            (Kind::StagedSymvers, staged),
            (
                Kind::CompileCommands,
                r.folder.join(compile_commands::ENTRIES),
            ),
        ];
        #[cfg(feature = "ide")]
        files.push((Kind::Rust, r.folder.join(crate::stage::RUST_ENTRIES)));
        files.retain(|(_, path)| path.exists());
        for (kind, path) in files {
            let text = regular::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            let hidden = words.hide(std::ffi::OsStr::from_bytes(&text));
            if text.contains(&0) {
                return Err(format!("{} has a NUL", path.display()));
            }
            entry.add(kind, Path::new(""), 0o644, &hidden);
            bytes.extend_from_slice(&hidden);
        }
        Ok(())
    }
}
