//! Looks for a build in the cache.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::Place;
use super::entry::Entry;
use super::folder::{Folder, Stored, what_to_do, without_advice};
use super::hashes::Hashes;
use crate::Result;
use crate::resolve::{Fingerprint, Sources};
use crate::run::{BeforeMake, Run};
use crate::settings::{ChosenCache, Report};
use crate::stage::Item;

/// The caches that this process has warned of.
static TOLD: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

impl Run<'_> {
    /// The report of a build whose products came from the cache. If there is none, `before` gets the
    /// place where the build will be stored. `is_whole` tells that the stage holds only sources.
    ///
    /// # Errors
    /// If others can write to the cache folder, or if the products cannot be published.
    pub(crate) fn taken_from_cache(
        &self,
        before: &mut BeforeMake<'_>,
        items: &[Item],
        fingerprint: &Fingerprint,
        is_whole: bool,
    ) -> Result<Option<Report>> {
        let Some(chosen) = &self.resolved.cache else {
            return Ok(None);
        };
        let Some(folder) = self.cache_folder(chosen)? else {
            return Ok(None);
        };
        if let Err(why) = self.may_use_cache() {
            self.tell_why_not(&why);
            return Ok(None);
        }
        let mut hashes = Hashes::load(&folder, self.resolved.kernel().dir(), before.start);
        let key = match self.cache_key(items, fingerprint, &mut hashes) {
            Ok(key) => key,
            Err(why) => {
                self.tell_why_not(&why);
                return Ok(None);
            }
        };
        let mut place = Place {
            folder,
            key,
            hashes,
            limit: chosen.limit,
            is_whole,
        };
        for stored in place.folder.under(&place.key) {
            let Some((entry, file, start)) = self.read_entry(&place.folder, &stored) else {
                continue;
            };
            let Some(prerequisites) = self.fitting(&entry, &mut place.hashes) else {
                continue;
            };
            let Some(bytes) = entry.bytes(&file, start) else {
                self.refuse_entry(&place.folder, &stored);
                continue;
            };
            let taken = {
                let found = (&entry, &bytes[..]);
                self.take(found, prerequisites, before, (items, fingerprint))?
            };
            if let Some(report) = taken {
                place.folder.touch(&stored.path);
                place.hashes.save(&place.folder);
                return Ok(Some(report));
            }
        }
        before.cache = Some(place);
        Ok(None)
    }

    fn cache_folder(&self, chosen: &ChosenCache) -> Result<Option<Folder>> {
        match Folder::chosen(chosen) {
            Err(e) if e.kind() == crate::ErrorKind::NotOurs => Err(e),
            Err(e) => {
                self.warn_once(&chosen.folder, "is not used", &e);
                Ok(None)
            }
            opened => opened,
        }
    }

    /// Warns that a cache cannot be written, if this process has not warned of it yet. CMake and Meson
    /// show no notes.
    pub(super) fn warn_once(&self, cache: &Path, state: &str, error: &crate::Error) {
        let mut told = TOLD.lock().unwrap_or_else(|p| p.into_inner());
        if told.iter().any(|known| known == cache) {
            return;
        }
        told.push(cache.to_owned());
        let why = without_advice(error);
        let text = format!(
            "the cache of finished modules {state}: {why}. {}",
            what_to_do()
        );
        self.resolved.sink.warning("unusable-cache", &text);
    }

    /// Whether the products of this build can come from a cache at all.
    fn may_use_cache(&self) -> std::result::Result<(), String> {
        let r = self.resolved;
        if r.make.command.targets != [crate::make::MODULES] {
            return Err("it builds other targets than modules".into());
        }
        if let Sources::Tree { tree, .. } = &r.sources {
            if !tree.prepare.is_empty() {
                return Err("its `prepare` commands may read any file".into());
            }
        }
        let mut env = r.make.command.env.iter();
        if env.any(|(name, _)| name == "KBUILD_SIGN_PIN") {
            return Err("KBUILD_SIGN_PIN is set, so the build may sign".into());
        }
        Ok(())
    }

    fn read_entry(&self, folder: &Folder, stored: &Stored) -> Option<(Entry, Vec<u8>, usize)> {
        let file = folder.writer.read(&stored.path).ok().flatten()?;
        match Entry::parse(&Folder::key_of(&stored.path), &file) {
            Some((entry, start)) => Some((entry, file, start)),
            None => {
                self.refuse_entry(folder, stored);
                None
            }
        }
    }

    /// Removes an entry that is damaged, or of another version.
    fn refuse_entry(&self, folder: &Folder, stored: &Stored) {
        let _ = folder.writer.remove_file(&stored.path);
        if self.variable("V").is_some() {
            self.resolved.sink.note(&format!(
                "the cache had a damaged entry for {}. kbuild-rs has removed it",
                self.resolved.label
            ));
        }
    }

    /// Tells with `-vv` why the cache is not used.
    pub(super) fn tell_why_not(&self, why: &str) {
        if self.variable("V").is_some_and(|level| level == "2") {
            let label = &self.resolved.label;
            let note = format!("{label} is not stored in the cache: {why}");
            self.resolved.sink.note(&note);
        }
    }
}
