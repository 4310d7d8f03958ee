//! Locks that record their holders.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use super::signals;
use super::write::Writer;
use crate::error::Sink;
use crate::{Error, ErrorKind, Result, sys};

/// An exclusive lock, held while this lives (and by every child that inherits it).
#[derive(Debug)]
pub(crate) struct Lock {
    pub(crate) file: File,
    doing: String,
    /// The reason why nothing can be written in the lock's folder.
    read_only: Option<Error>,
}

impl Lock {
    /// Takes the lock at `path`. A waiter names the holder.
    ///
    /// If nothing can be written (a read-only file system, another user's folder), the lock is
    /// taken all the same, because a build with nothing to do does not write.
    pub(crate) fn take(writer: &Writer, path: &Path, doing: &str, sink: &Sink) -> Result<Self> {
        let error = |e| Error::writing("lock", path, e);
        loop {
            let (mut file, read_only) = match writer.open_lock(path) {
                Ok(file) => (file, None),
                Err(refused) => match writer.open_file(path) {
                    Ok(Some(file)) if refused.kind() == ErrorKind::Io => (file, Some(refused)),
                    _ => return Err(refused),
                },
            };
            if !Self::takes_soon(&file).map_err(error)? {
                let mut holder = String::new();
                let _ = (&mut file).take(4096).read_to_string(&mut holder);
                if !is_own(&holder) {
                    sink.note(&format!("waiting for {}", describe(&holder)));
                }
                Self::wait(&file, error)?;
            }
            // The last holder may have removed the file (`clean`), and the next process would lock
            // another one.
            let same =
                |there: fs::Metadata| file.metadata().is_ok_and(|own| own.ino() == there.ino());
            if !fs::symlink_metadata(path).is_ok_and(same) {
                if let Some(folder) = path.parent() {
                    writer.create_dirs(folder)?;
                }
                continue;
            }
            return Ok(Lock {
                file,
                doing: doing.to_owned(),
                read_only,
            });
        }
    }

    /// Whether the lock becomes free within the time that a check for changes takes.
    fn takes_soon(file: &File) -> io::Result<bool> {
        for _ in 0..10 {
            if sys::try_lock(file)? {
                return Ok(true);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(false)
    }

    /// Waits for a lock, unless a signal wants this process to stop.
    pub(crate) fn wait(file: &File, error: impl Fn(io::Error) -> Error) -> Result<()> {
        // Signals do not wake a process that catches them.
        while signals::are_relayed() {
            signals::check()?;
            if sys::try_lock(file).map_err(&error)? {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        sys::lock(file).map_err(error)
    }

    /// Records the holder of the lock for waiting processes. Fails if nothing can be written.
    pub(crate) fn sign(&mut self) -> Result<()> {
        if let Some(refused) = self.read_only.take() {
            return Err(refused);
        }
        let text = format!("{}\n{}\n", std::process::id(), self.doing);
        self.file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .and_then(|()| self.file.write_all(text.as_bytes()))
            .map_err(|e| Error::new(ErrorKind::Io, format!("cannot write a lock file: {e}")))
    }

    /// Releases the lock even if children have inherited it: a server that the build started
    /// (ccache's, sccache's) lives on.
    pub(crate) fn release(self) {
        sys::unlock(&self.file);
    }
}

/// Whether another build of this process holds the lock.
fn is_own(holder: &str) -> bool {
    let pid = holder.lines().next().and_then(|l| l.parse().ok());
    pid == Some(std::process::id())
}

/// Describes the holder that a lock file records.
fn describe(holder: &str) -> String {
    let mut lines = holder.lines();
    let pid = lines.next().and_then(|l| l.parse::<u32>().ok());
    let doing = lines.next().unwrap_or("work");
    match pid {
        Some(pid) if sys::process_exists(pid) => {
            format!("another kbuild-rs (process {pid}) to finish: {doing}")
        }
        Some(pid) => {
            format!("a program that an ended kbuild-rs (process {pid}) left running: {doing}")
        }
        None => "another kbuild-rs to finish".to_owned(),
    }
}
