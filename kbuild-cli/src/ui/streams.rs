//! The two output streams. Only this file writes to them.
//!
//! `println!` panics if the reader has closed the pipe (`kbuild-rs kernels | head -1`). Here a
//! closed pipe only ends the output, while a full disk fails the run: a reader must not mistake
//! half of the results for all of them.

use std::io::{self, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

static CLOSED: AtomicBool = AtomicBool::new(false);
static FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// Writes a line of results to standard output. Takes bytes, because a path may not be UTF-8.
pub(crate) fn result(line: impl AsRef<[u8]>) {
    if CLOSED.load(Ordering::Relaxed) {
        return;
    }
    if let Err(error) = write_line(io::stdout().lock(), line.as_ref()) {
        CLOSED.store(true, Ordering::Relaxed);
        if error.kind() != io::ErrorKind::BrokenPipe {
            *FAILED.lock().unwrap_or_else(|p| p.into_inner()) = Some(error);
        }
    }
}

/// Writes a line of text to standard error. Ignores failures, because no other place is left to
/// report them.
pub(crate) fn text(line: impl AsRef<[u8]>) {
    let _ = write_line(io::stderr().lock(), line.as_ref());
}

/// The error that prevented a result from being written. A closed pipe is not an error.
pub(crate) fn failure() -> Option<io::Error> {
    FAILED.lock().unwrap_or_else(|p| p.into_inner()).take()
}

/// One write call a line, so that lines of several programs on one terminal do not mix.
fn write_line(mut stream: impl Write, line: &[u8]) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(line.len() + 1);
    bytes.extend_from_slice(line);
    bytes.push(b'\n');
    stream.write_all(&bytes)?;
    stream.flush()
}
