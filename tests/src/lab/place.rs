//! Folders of the cache. One process fills a folder, and all others find it complete.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Result, sys};

/// One lock for all preparations, because two at once would only wait for each other's network,
/// package database and disk.
pub(super) fn lock(cache: &Path) -> Result<sys::Lock> {
    fs::create_dir_all(cache)
        .map_err(|error| format!("cannot make {}: {error}", cache.display()))?;
    sys::Lock::take(&cache.join("lock"))
}

/// The result of `load` for `place`. If there is none, one process fills `place` first, and all
/// others wait.
pub(super) fn once<T>(
    cache: &Path,
    place: &Path,
    load: impl Fn() -> Option<T>,
    fill: impl FnOnce(&Path) -> Result<()>,
) -> Result<T> {
    if let Some(there) = load() {
        return Ok(there);
    }
    let _lock = lock(cache)?;
    if let Some(there) = load() {
        return Ok(there);
    }
    whole(place, fill)?;
    load().ok_or_else(|| format!("{} is not usable", place.display()))
}

/// Fills a draft folder beside `place` and moves it there in one step.
pub(super) fn whole(place: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let mut draft = place.as_os_str().to_owned();
    draft.push(".draft");
    let draft = PathBuf::from(draft);
    // A killed process left it.
    clear(&draft)?;
    fs::create_dir_all(&draft)
        .map_err(|error| format!("cannot make {}: {error}", draft.display()))?;
    let done = fill(&draft).and_then(|()| {
        clear(place)?;
        fs::rename(&draft, place).map_err(|error| format!("cannot make {place:?}: {error}"))
    });
    if done.is_err() {
        clear(&draft)?;
    }
    done
}

pub(super) fn clear(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("cannot remove {}: {error}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_draft_that_failed_leaves_nothing_and_the_old_folder() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("kernel");
        whole(&place, |draft| {
            fs::write(draft.join("a"), "").map_err(|e| e.to_string())
        })
        .unwrap();
        whole(&place, |_| Err("no".into())).unwrap_err();
        let left: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        assert_eq!(left, std::slice::from_ref(&place));
        assert!(place.join("a").exists());
    }

    #[test]
    fn many_that_ask_at_once_get_one_that_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("kernel");
        // A killed process left this.
        fs::create_dir_all(dir.path().join("kernel.draft/half")).unwrap();
        let made = std::sync::atomic::AtomicUsize::new(0);
        let fill = |draft: &Path| {
            made.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            fs::write(draft.join("a"), "").unwrap();
            std::thread::sleep(Duration::from_millis(50));
            fs::write(draft.join("b"), "").map_err(|error| error.to_string())
        };
        let load = || {
            place
                .exists()
                .then(|| fs::read_dir(&place).unwrap().count())
        };
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(once(dir.path(), &place, load, fill), Ok(2)));
            }
        });
        assert_eq!(made.into_inner(), 1);
    }
}
