//! Somebody who replaces private files while a build runs.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::spoil::{SWIFT, swap};
use super::world::Hostile;
use crate::Result;
use crate::random::Random;
use crate::run::Output;
use crate::torture::{self, Attempt};

/// Files that make and compilers read or write. Whoever may replace them builds what he wants, and
/// docs/safety.md says so. A fifo there hangs the compiler, not us.
const MAKES: [&str; 5] = ["stage", "flags", "git", "published.symvers", "trace"];

/// Makes the call while private files change.
pub(super) fn call(
    hostile: &Hostile,
    attempt: &mut Attempt,
    command: &mut Command,
) -> Result<Output> {
    let paths: Vec<PathBuf> = hostile
        .private
        .iter()
        // Products are for everybody who may write to the folder.
        .filter(|path| {
            path.iter()
                .any(|part| part == ".kbuild" || part == "kbuild-rs")
        })
        .filter(|path| {
            !path
                .iter()
                .any(|part| MAKES.iter().any(|makes| part == *makes))
        })
        .map(|path| hostile.at("").join(path))
        // Folders that contain the stage: make would write to their replacements.
        .filter(|path| !path.is_dir())
        .collect();
    let mut random = Random::seeded(attempt.random.below(u64::MAX));
    let pause = 1 + attempt.random.below(20);
    let victims = hostile.at("victims");
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) && !paths.is_empty() {
                let path = random.pick(&paths).clone();
                let shape = *random.pick(SWIFT);
                swap(&path, shape, &victims, &mut random);
                thread::sleep(Duration::from_millis(pause));
            }
        });
        let output = torture::call(command);
        over.store(true, Ordering::Relaxed);
        output
    })
}
