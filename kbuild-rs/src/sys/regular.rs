//! Reads files that others name, or that are in other users' folders.
//!
//! Reading a fifo waits for a writer, and opening a device can have any effect. So only regular
//! files are opened. Nothing here waits.

use std::fs::{self, File, FileType};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use super::descriptor::open_nonblocking;

/// Opens a regular file for reading.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    // A device is not opened, and a file that is replaced after this check does not make us wait.
    check(fs::metadata(path)?.file_type())?;
    let file = open_nonblocking(File::options().read(true), path)?;
    check(file.metadata()?.file_type())?;
    Ok(file)
}

/// The contents of a regular file.
pub(crate) fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let mut file = open(path.as_ref())?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The contents of a regular file, unless it is longer than this.
pub(crate) fn read_at_most(longest: u64, path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(longest + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > longest {
        true => Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            match longest >> 20 {
                0 => format!("it is longer than {} KiB", longest >> 10),
                mib => format!("it is longer than {mib} MiB"),
            },
        )),
        false => Ok(bytes),
    }
}

/// The contents of a regular file that is UTF-8.
pub(crate) fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    let mut file = open(path.as_ref())?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// Fails unless the path is a regular file.
pub(crate) fn look(path: &Path) -> io::Result<()> {
    check(fs::metadata(path)?.file_type())
}

fn check(kind: FileType) -> io::Result<()> {
    let what = match kind {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a fifo",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_char_device() || kind.is_block_device() => "a device",
        _ => "something else",
    };
    let kind = match what {
        "a directory" => io::ErrorKind::IsADirectory,
        _ => io::ErrorKind::InvalidInput,
    };
    Err(io::Error::new(kind, format!("it is {what}, not a file")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_not_a_file_is_named_and_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let (fifo, socket, file) = (dir.join("fifo"), dir.join("socket"), dir.join("file"));
        crate::sys::descriptor::make_fifo(&fifo).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        fs::write(&file, "text").unwrap();
        let link = dir.join("link");
        std::os::unix::fs::symlink(&fifo, &link).unwrap();
        for (path, what) in [
            (&*fifo, "it is a fifo, not a file"),
            (&*link, "it is a fifo, not a file"),
            (&*socket, "it is a socket, not a file"),
            (dir, "it is a directory, not a file"),
            (Path::new("/dev/zero"), "it is a device, not a file"),
        ] {
            assert_eq!(look(path).unwrap_err().to_string(), what);
            assert_eq!(read(path).unwrap_err().to_string(), what);
            assert_eq!(read_to_string(path).unwrap_err().to_string(), what);
        }
        assert_eq!(read(&file).unwrap(), b"text");
        assert_eq!(read_to_string(&file).unwrap(), "text");
        let missing = read(dir.join("none")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
