//! One attempt: its random numbers, its folder, and what it says of itself.

use std::fmt::Display;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use tempfile::TempDir;

use super::{Loss, Setup};
use crate::Result;
use crate::random::Random;

/// One attempt of a kind.
#[derive(Debug)]
pub struct Attempt {
    kind: &'static str,
    number: u64,
    /// Depends on the seed, the kind and the number only.
    pub random: Random,
    folder: TempDir,
    said: Vec<String>,
}

impl Attempt {
    pub(super) fn new(kind: &'static str, seed: u64, number: u64) -> Result<Attempt> {
        let mut hasher = DefaultHasher::new();
        (kind, seed, number).hash(&mut hasher);
        let folder = TempDir::with_prefix("torture-").map_err(|error| error.to_string())?;
        Ok(Attempt {
            kind,
            number,
            random: Random::seeded(hasher.finish()),
            folder,
            said: Vec::new(),
        })
    }

    /// The number: 0 for the first attempt of a run.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// An empty folder. It stays if the attempt is lost.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Notes what is tried, for the report of a loss.
    pub fn say(&mut self, what: impl Display) {
        self.said.push(what.to_string());
    }

    /// Keeps the files of a lost attempt.
    pub(super) fn lost(self, setup: &Setup, problem: String) -> Loss {
        let place = setup
            .kept
            .join(format!("{}-{}-{}", self.kind, setup.seed, self.number));
        let path = self.folder.keep();
        let moved = fs::create_dir_all(&setup.kept).and_then(|()| fs::rename(&path, &place));
        Loss {
            kind: self.kind,
            seed: setup.seed,
            number: self.number,
            tried: self.said,
            problem,
            files: if moved.is_ok() { place } else { path },
        }
    }
}
