//! The file of a recording: its name, and the room for all of them.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hmac_sha256::HMAC;

use super::is_of_key;
use crate::jobs::Slot;
use crate::run::Run;
use crate::syntax::escape_value;
use crate::sys::{self, Writer};
use crate::{Error, Result};

/// The folder of the recordings in our folder in the user's cache.
const FOLDER: &str = "shortcut";

/// The number of recordings that are kept.
const MOST: usize = 64;

/// The place of a recording.
#[derive(Debug)]
pub(crate) struct Place {
    folder: PathBuf,
    /// The name of the file.
    key: String,
}

impl Run<'_> {
    /// The place of the recording of this build.
    pub(super) fn place(&self, slot: &Slot) -> std::result::Result<Place, String> {
        let (cache, _) = sys::cache_folder(|_| true);
        let cache = cache.ok_or("this user has no cache folder")?;
        Ok(Place {
            folder: cache.join("kbuild-rs").join(FOLDER),
            key: self.key(slot)?,
        })
    }

    /// The name of the recording: a hash of all values that decide the first phase.
    fn key(&self, slot: &Slot) -> std::result::Result<String, String> {
        let r = self.resolved;
        let words = self.words(false);
        let command = &r.make.command;
        let mut hash = HMAC::new("kbuild-rs first phase");
        let mut add = |name: &OsStr, value: &[u8]| {
            for part in [name.as_bytes(), value] {
                hash.update(part.len().to_le_bytes());
                hash.update(part);
            }
        };
        let path = |path: &Path| path.as_os_str().as_bytes().to_vec();
        add(OsStr::new("version"), env!("CARGO_PKG_VERSION").as_bytes());
        add(OsStr::new("kernel"), &path(r.kernel().dir()));
        add(OsStr::new("source"), &path(r.kernel().source_dir()));
        let make = self.program()?;
        add(OsStr::new("make"), &path(&make));
        // Since 7.2, kernels tell pahole the number of jobs that MAKEFLAGS shows. make 4.4 shows an
        // argument to the makefiles; with a jobserver it shows no number.
        let jobs = slot.hand(&make).map_err(|e| e.to_string())?.argument;
        add(
            OsStr::new("jobs"),
            jobs.as_deref().unwrap_or_default().as_bytes(),
        );
        add(
            OsStr::new("sandbox"),
            &[u8::from(command.sandbox.is_some())],
        );
        // It has the questions to compilers, and lines for the products of a module.
        let watch = words.hide(OsStr::from_bytes(&r.make.watch.text));
        add(OsStr::new("watch"), &watch);
        for (name, value) in self.variables() {
            let value = escape_value(name, value).map_err(|e| e.to_string())?;
            add(OsStr::new(name), &words.hide(&value));
        }
        add(OsStr::new("environment"), b"");
        for (name, value) in &command.env {
            match is_of_key(name) {
                true => add(name, &words.hide(value)),
                // A recording gives it to the makes only if they had it.
                false => add(name, b""),
            }
        }
        let bytes = hash.finalize();
        Ok(bytes[..16].iter().map(|b| format!("{b:02x}")).collect())
    }
}

impl Place {
    /// The recording, if there is one. Anything else at its path counts as none: it has no text, and
    /// [`keep`](Self::keep) replaces it.
    ///
    /// # Errors
    /// If others can change the folder.
    pub(super) fn read(&self) -> Result<Option<Vec<u8>>> {
        let Some(root) = sys::private_folder(&self.folder, false)? else {
            return Ok(None);
        };
        let path = self.folder.join(&self.key);
        let Some(mut file) = Writer::new([root]).open_file(&path).unwrap_or_default() else {
            return Ok(path.symlink_metadata().is_ok().then(Vec::new));
        };
        let mut text = Vec::new();
        let is_ours = |meta: fs::Metadata| sys::is_trusted(meta.uid()) && meta.mode() & 0o022 == 0;
        if file.metadata().is_ok_and(is_ours) {
            let read = file.read_to_end(&mut text);
            read.map_err(|e| Error::reading("read", &path, e))?;
        }
        Ok(Some(text))
    }

    pub(super) fn keep(&self, text: &[u8]) -> Result<()> {
        let Some(root) = sys::private_folder(&self.folder, true)? else {
            return Ok(());
        };
        let writer = Writer::new([root]);
        let path = self.folder.join(&self.key);
        // A folder cannot be replaced by a file.
        if path.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
            writer.remove_tree(&path)?;
        }
        writer.write_shared(&path, text)?;
        self.make_room(&writer);
        Ok(())
    }

    /// Removes the oldest recordings if there are too many.
    fn make_room(&self, writer: &Writer) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let with_time = |entry: fs::DirEntry| {
            let time = entry.metadata().ok()?.modified().ok()?;
            Some((time, entry.path()))
        };
        let mut all: Vec<(SystemTime, PathBuf)> = entries.filter_map(with_time).collect();
        all.sort();
        let many = all.len().saturating_sub(MOST);
        for (_, path) in all.iter().take(many) {
            let _ = writer.remove_file(path);
        }
    }
}
