//! The descriptors from which tokens are read and to which they are written.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::RawFd;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::sys;

/// Our own descriptors to a jobserver. They are not copies of the inherited ones, so only we see
/// that reading them does not wait.
#[derive(Debug)]
pub(crate) struct Channel {
    read: File,
    /// Set if writing has its own descriptor.
    write: Option<File>,
}

impl Channel {
    /// The channel of a pipe; `None` without `/proc`, and then this process only has its own token.
    pub(crate) fn of_pipe(read: RawFd, write: RawFd) -> Option<Channel> {
        let open = |options: &mut OpenOptions, fd: RawFd| {
            let path = format!("/proc/self/fd/{fd}");
            sys::open_nonblocking(options, Path::new(&path)).ok()
        };
        Some(Channel {
            read: open(File::options().read(true), read)?,
            write: Some(open(File::options().write(true), write)?),
        })
    }

    pub(crate) fn of_fifo(file: File) -> Channel {
        Channel {
            read: file,
            write: None,
        }
    }

    pub(crate) fn file(&self) -> &File {
        &self.read
    }

    /// Takes a token if one is there.
    pub(crate) fn take(&self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        loop {
            match (&self.read).read(&mut byte) {
                // A pipe or a fifo cannot end while we have it open for writing.
                Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, ENDED)),
                Ok(_) => return Ok(Some(byte[0])),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Gives each token back as it was drawn. A server that has ended needs none.
    pub(crate) fn give(&self, bytes: &[u8]) {
        let _ = self.try_give(bytes);
    }

    pub(crate) fn try_give(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.write.as_ref().unwrap_or(&self.read);
        let mut left = bytes;
        let since = Instant::now();
        while !left.is_empty() {
            match file.write(left) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => left = &left[written..],
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                // A fifo is never that full, but a device's server may be busy.
                Err(e) if e.kind() == io::ErrorKind::WouldBlock && since.elapsed() < BUSY => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

const ENDED: &str = "it does not give tokens: end of file";

/// The longest time that a server may need to take a token back.
const BUSY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn a_channel_that_ends_or_is_full_is_an_error_and_an_empty_one_is_not() {
        let open = |path: &str| File::options().read(true).write(true).open(path).unwrap();
        let zero = Channel::of_fifo(open("/dev/zero"));
        assert_eq!(zero.take().unwrap(), Some(0));
        zero.try_give(b"++").unwrap();
        let null = Channel::of_fifo(open("/dev/null"));
        assert_eq!(
            null.take().unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
        let full = Channel::of_fifo(open("/dev/full"));
        assert_eq!(
            full.try_give(b"+").unwrap_err().kind(),
            io::ErrorKind::StorageFull
        );

        let (read, write) = crate::sys::pipe().unwrap();
        let pipe = Channel::of_pipe(read.as_raw_fd(), write.as_raw_fd()).unwrap();
        assert_eq!(pipe.take().unwrap(), None);
        pipe.try_give(b"a").unwrap();
        assert_eq!(pipe.take().unwrap(), Some(b'a'));
    }
}
