//! Files that other tools wait for: either complete or missing.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::left_parts;
use crate::ui::failure::Failure;

/// The name of a temporary file is this, the process and a counter, and the end.
const FRONT: &str = ".kbuild-rs-";
const END: &str = ".tmp";

/// Writes `path` by renaming a finished file over it. A path that is not a regular file, such as
/// `/dev/stdout`, is written into, because a rename would put a file in its place.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_dated(path, bytes, None)
}

/// Removes `path` if it is a regular file.
#[cfg(feature = "test")]
pub(crate) fn remove(path: &Path) -> Result<(), Failure> {
    if !fs::metadata(path).is_ok_and(|m| m.is_file()) {
        return Ok(());
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::file("remove", path, &error))
        }
        _ => Ok(()),
    }
}

fn write_dated(path: &Path, bytes: &[u8], time: Option<SystemTime>) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::file("write", path, &error);
    if fs::metadata(path).is_ok_and(|m| !m.is_file()) {
        return write_into(path, bytes).map_err(failed);
    }
    let (temporary, mut file) = create_beside(path).map_err(failed)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| time.map_or(Ok(()), |time| file.set_modified(time)))
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|error| {
        // A failed removal of the incomplete file matters less than the first error.
        let _ = fs::remove_file(&temporary);
        failed(error)
    })
}

/// Writes into a device or a pipe. A fifo without a reader is an error, because waiting for one may
/// never end.
fn write_into(path: &Path, mut bytes: &[u8]) -> io::Result<()> {
    const O_NONBLOCK: i32 = 0o4000;
    let mut options = OpenOptions::new();
    let mut file = options.write(true).custom_flags(O_NONBLOCK).open(path)?;
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            // The reader is slower than this program.
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Makes an empty file with the given time.
pub(super) fn touch(path: &Path, time: SystemTime) -> Result<(), Failure> {
    write_dated(path, b"", Some(time))
}

/// Makes `to` a copy of `from` with the given time. An identical copy stays as it is, so that a
/// build system that compares its mtime has nothing to do.
pub(super) fn copy_if_changed(from: &Path, to: &Path, time: SystemTime) -> Result<(), Failure> {
    let wanted = fs::read(from).map_err(|error| Failure::file("read", from, &error))?;
    if fs::metadata(to).is_ok_and(|m| m.is_file()) && holds(to, &wanted) {
        return Ok(());
    }
    write_dated(to, &wanted, Some(time))
}

fn holds(path: &Path, wanted: &[u8]) -> bool {
    let Ok(mut file) = File::open(path) else {
        return false;
    };
    let same_size = file
        .metadata()
        .is_ok_and(|m| m.len() == wanted.len() as u64);
    let mut found = Vec::new();
    same_size && file.read_to_end(&mut found).is_ok() && found == wanted
}

/// Creates a new file in the same folder, because a rename across file systems would not be one
/// step.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    left_parts::remove(folder, OsStr::new(FRONT), END);
    let id = std::process::id();
    for attempt in 0..100 {
        let temporary = folder.join(format!("{FRONT}{id}-{attempt}{END}"));
        match File::create_new(&temporary) {
            Ok(file) => return Ok((temporary, file)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<_> = entries
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_copy_that_would_not_change_keeps_its_mtime() {
        let dir = TempDir::new().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        let at = |seconds| std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        let time = || fs::metadata(&to).unwrap().modified().unwrap();
        fs::write(&from, "one").unwrap();
        copy_if_changed(&from, &to, at(1_000_000_000)).unwrap();
        copy_if_changed(&from, &to, at(1_000_000_001)).unwrap();
        assert_eq!(time(), at(1_000_000_000));
        fs::write(&from, "two").unwrap();
        copy_if_changed(&from, &to, at(1_000_000_002)).unwrap();
        assert_eq!(time(), at(1_000_000_002));
        assert_eq!(fs::read(&to).unwrap(), b"two");
        assert_eq!(names(dir.path()), ["from", "to"]);
    }

    #[test]
    #[cfg(feature = "test")]
    fn a_file_is_removed_and_a_device_stays() {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("old");
        fs::write(&file, "old").unwrap();
        for _ in 0..2 {
            remove(&file).unwrap();
            assert!(names(dir.path()).is_empty());
        }
        remove(Path::new("/dev/null")).unwrap();
        assert!(fs::metadata("/dev/null").is_ok());
    }

    #[test]
    fn a_write_that_cannot_be_names_the_file_and_leaves_nothing() {
        let dir = TempDir::new().unwrap();
        let missing = dir.path().join("no/such/file.d");
        let message = write(&missing, b"x").unwrap_err().to_string();
        assert!(message.contains("no/such/file.d"), "{message}");
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn a_device_is_written_into_and_not_replaced_and_a_fifo_that_nobody_reads_is_an_error() {
        write(Path::new("/dev/null"), b"x").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        let dir = TempDir::new().unwrap();
        let fifo = dir.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.unwrap().success());
        write(&fifo, b"x").unwrap_err();
        // This text is longer than a pipe can hold.
        let text = vec![b'x'; 200_000];
        let reader = std::thread::spawn({
            let fifo = fifo.clone();
            move || fs::read(fifo).unwrap().len()
        });
        while write(&fifo, &text).is_err() {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(reader.join().unwrap(), text.len());
    }
}
