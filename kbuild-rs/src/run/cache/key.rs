//! The key of a build: a hash of everything that decides its products and is known before make
//! starts.
//!
//! # Decisions
//!
//! - Times of sources do not count, as long as no file looks as if another one is generated from it
//!   (`times.rs`): make compares the times of such files.
//! - The umask counts, because files in the stage get their modes from it.
//! - The number of jobs does not count: kbuild's products do not depend on it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::hashes::Hashes;
use super::times::times_count;
use super::{Sha, hex, sha256};
use crate::make::Words;
use crate::resolve::{Fingerprint, Sources};
use crate::run::Run;
use crate::stage::{Item, Kind};
use crate::sys::{regular, walk};

/// The version of the key. Another one does not fit entries of this one.
const VERSION: &[u8] = b"1";

/// The hash under which entries are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key(Sha);

impl Key {
    pub(super) fn text(&self) -> String {
        hex(&self.0)
    }

    /// The folder and the name of its entries.
    pub(super) fn place(&self) -> (String, String) {
        let mut text = self.text();
        let name = text.split_off(2);
        (text, name)
    }
}

/// Hashes names and values, each with its length.
struct Parts<'a> {
    hash: Sha256,
    words: &'a Words,
}

impl Parts<'_> {
    fn add(&mut self, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), value] {
            self.hash.update((part.len() as u64).to_le_bytes());
            self.hash.update(part);
        }
    }

    /// Adds a text with placeholders for the paths of the stage.
    fn add_hidden(&mut self, name: &str, value: &[u8]) {
        let hidden = self.words.hide(OsStr::from_bytes(value));
        self.add(name, &hidden);
    }

    fn add_path(&mut self, name: &str, path: &Path) {
        self.add_hidden(name, path.as_os_str().as_bytes());
    }
}

impl Run<'_> {
    /// The key of this build, or the reason why it has none.
    pub(super) fn cache_key(
        &self,
        items: &[Item],
        fingerprint: &Fingerprint,
        hashes: &mut Hashes,
    ) -> Result<Key, String> {
        let words = self.words(false);
        let mut parts = Parts {
            hash: Sha256::new(),
            words: &words,
        };
        parts.add("version", VERSION);
        let features = [
            cfg!(feature = "rust"),
            cfg!(feature = "ide"),
            cfg!(feature = "btf"),
        ]
        .map(u8::from);
        parts.add("features", &features);
        let with_out = self.cache_words();
        for entry in &fingerprint.0 {
            // make gets copies of providers' symvers, so it does not matter where the originals are.
            match Fingerprint::names_symvers(entry) {
                true => parts.add("config", &with_out.hide(OsStr::from_bytes(entry))),
                false => parts.add_hidden("config", entry),
            }
        }
        self.add_places(&mut parts)?;
        for path in &self.resolved.inputs.whole {
            let sha = match hashes.of(path) {
                Ok(seen) if hashes.is_settled(&seen) => seen.sha,
                Ok(_) => return Err(format!("{} changes", path.display())),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => [0; 32],
                Err(e) => return Err(format!("{}: {e}", path.display())),
            };
            parts.add_path("whole", path);
            parts.add("content", &sha);
        }
        self.add_items(items, &mut parts)?;
        self.add_symvers_of_others(items, &mut parts)?;
        self.add_repositories(items, &mut parts)?;
        Ok(Key(parts.hash.finalize().into()))
    }

    /// The placeholders, with one for the output directory, and one for each symvers of a provider. Two
    /// build trees have the providers of a module at two places, and the places do not matter.
    pub(super) fn cache_words(&self) -> Words {
        let mut words = self.words(false);
        words.add("O", self.resolved.out.as_os_str());
        for (number, (original, _)) in self.resolved.inputs.symvers.iter().enumerate() {
            words.add(&format!("S{number}"), original.as_os_str());
        }
        words
    }

    /// Adds the folders that products show, and what the caller wants.
    fn add_places(&self, parts: &mut Parts<'_>) -> Result<(), String> {
        let r = self.resolved;
        parts.add("label", r.label.as_bytes());
        parts.add_path("kernel", r.kernel().dir());
        parts.add_path("source", r.kernel().source_dir());
        parts.add("release", r.kernel().release().as_bytes());
        parts.add_path("make", &self.program()?);
        parts.add_path("module", r.module_dir());
        for (stage, source) in r.make.map.pairs() {
            parts.add_path("stage", stage);
            parts.add_path("source", source);
        }
        if let Sources::Tree { root, dir, .. } = &r.sources {
            parts.add_path("root", root);
            parts.add_path("folder", dir);
        }
        for product in &r.products {
            parts.add_path("product", product);
        }
        parts.add_hidden("watch", &r.make.watch.text);
        if let Some(sandbox) = &r.make.command.sandbox {
            parts.add("network", &[u8::from(sandbox.has_network())]);
            for (path, access) in sandbox.planned() {
                parts.add_path(&format!("sandbox {access:?}"), &path);
            }
        }
        let umask = umask().ok_or("the umask is unknown")?;
        parts.add("umask", umask.as_bytes());
        Ok(())
    }

    /// Adds the staged copies, which make reads, and the modes of their sources.
    fn add_items(&self, items: &[Item], parts: &mut Parts<'_>) -> Result<(), String> {
        let stage = &self.resolved.stage;
        let times_count = times_count(items.iter().map(|item| item.rel.as_path()));
        for item in items {
            parts.add_path("item", &item.rel);
            let source = stage.source_of(item);
            match &item.kind {
                Kind::Dir => parts.add("folder", b""),
                Kind::Link(target) => parts.add_path("link", target),
                Kind::File { .. } => {
                    parts.add_path("from", &source);
                    let failed = |e: std::io::Error| format!("{}: {e}", source.display());
                    let meta = fs::metadata(&source).map_err(failed)?;
                    parts.add("mode", &(meta.mode() & 0o7777).to_le_bytes());
                    if times_count {
                        let time = (meta.mtime(), meta.mtime_nsec());
                        parts.add("time", format!("{time:?}").as_bytes());
                    }
                    let copy = stage.file(&item.rel);
                    let bytes =
                        regular::read(&copy).map_err(|e| format!("{}: {e}", copy.display()))?;
                    if shows_time(&bytes) {
                        return Err(format!("{} shows the time", source.display()));
                    }
                    parts.add("content", &sha256(&bytes));
                }
            }
        }
        self.add_machine(items, parts)
    }

    /// Adds the symvers that other module folders of this root have left in the stage.
    fn add_symvers_of_others(&self, items: &[Item], parts: &mut Parts<'_>) -> Result<(), String> {
        let r = self.resolved;
        if r.module_dir() == r.stage.dir {
            return Ok(());
        }
        let made = r.stage.products(&r.stage.dir, items);
        let mut made = made.map_err(|e| e.to_string())?;
        made.sort_by(|a, b| a.0.cmp(&b.0));
        for (path, _) in made {
            let is_own = path.parent() == Some(r.module_dir());
            if path.ends_with("Module.symvers") && !is_own {
                parts.add_path("symvers", &path);
                let bytes = regular::read(&path).map_err(|e| e.to_string())?;
                parts.add_hidden("content", &bytes);
            }
        }
        Ok(())
    }

    /// Adds the state of the repositories, if the build may ask git.
    ///
    /// # Errors
    /// If a repository has more than the module tree. git's answers then also depend on edits of files
    /// that are not in the key.
    fn add_repositories(&self, items: &[Item], parts: &mut Parts<'_>) -> Result<(), String> {
        let r = self.resolved;
        let staged = r.repositories.staged(r, items);
        if staged.is_empty() || !self.asks_git(items) {
            return Ok(());
        }
        if staged.iter().any(|one| one.is_part || one.only.is_some()) {
            return Err("it may ask git, and the repository has more than the module tree".into());
        }
        for one in staged {
            parts.add_path("work tree", &one.work_tree);
            parts.add("part", &[u8::from(one.is_part)]);
            let mut files = Vec::new();
            for path in one.repository.state() {
                match path.is_dir() {
                    true => drop(walk(&path, &mut |file, _| {
                        files.push(file.to_owned());
                        Ok(())
                    })),
                    false => files.push(path),
                }
            }
            files.sort();
            for file in files {
                parts.add_path("git", &file);
                parts.add(
                    "content",
                    &regular::read(&file).map_or([0; 32], |b| sha256(&b)),
                );
            }
        }
        Ok(())
    }

    /// Adds what a script of the tree asks of the machine.
    fn add_machine(&self, items: &[Item], parts: &mut Parts<'_>) -> Result<(), String> {
        let asked = self.asked_by_scripts(items)?;
        if asked.uname {
            for name in ["osrelease", "version", "hostname", "domainname"] {
                let file = PathBuf::from("/proc/sys/kernel").join(name);
                let value = fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
                parts.add(name, &value);
            }
        }
        Ok(())
    }
}

/// Whether a source has a macro that stands for the time of the build, or of the file.
fn shows_time(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|&b| b == b'_') {
        rest = &rest[at..];
        let macros: [&[u8]; 3] = [b"__DATE__", b"__TIME__", b"__TIMESTAMP__"];
        if macros.iter().any(|name| rest.starts_with(name)) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

/// The umask of this process, as the system shows it. (The system call would change it.)
fn umask() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Umask:"))?;
    Some(line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_shows_the_time_is_told_from_others() {
        for text in ["x __DATE__", "__TIME__", "___TIMESTAMP__;"] {
            assert!(shows_time(text.as_bytes()), "{text}");
        }
        for text in ["", "_", "__DATE_", "_DATE__ __TIMES__", "TIME"] {
            assert!(!shows_time(text.as_bytes()), "{text}");
        }
    }
}
