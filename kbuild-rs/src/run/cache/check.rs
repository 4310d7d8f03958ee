//! Whether an entry fits: all files that such a build read still have the same contents, and no new
//! file would be read in the place of one of them.

use std::path::PathBuf;

use super::entry::Entry;
use super::hashes::Hashes;
use super::shadow::{Names, shadowed};
use crate::run::Run;
use crate::run::record::{Class, Prerequisite};

impl Run<'_> {
    /// The prerequisites of an entry as they are now; `None` if the entry does not fit.
    pub(super) fn fitting(&self, entry: &Entry, hashes: &mut Hashes) -> Option<Vec<Prerequisite>> {
        let words = self.cache_words();
        let mut prerequisites = Vec::with_capacity(entry.needed.len());
        for needed in &entry.needed {
            let path = PathBuf::from(words.show(&needed.path)?);
            let seen = hashes.of(&path).ok()?;
            // The key has the symvers of other module folders, which show paths of the stage.
            let is_in_key =
                needed.class == Class::Symvers && path.starts_with(&self.resolved.stage.dir);
            let is_same = is_in_key || seen.sha == needed.sha;
            // A file that changes now may change again without a trace.
            if !is_same || !hashes.is_settled(&seen) {
                return None;
            }
            let mut id = seen.id;
            if needed.class == Class::Symvers || id.may_know_content() {
                id.set_content(seen.content);
            }
            prerequisites.push(Prerequisite {
                class: needed.class,
                path,
                id: Some(id),
            });
        }
        shadowed(entry, &mut Names::default())
            .is_none()
            .then_some(prerequisites)
    }
}
