//! The two output streams: the only place that writes to them.
//!
//! `println!` panics when nobody reads any more (`kbuild-rs kernels | head -1`). Here a closed
//! pipe ends the talking and nothing else, while a full disk is remembered and fails the run:
//! whoever reads the results must not take half of them for all.

use std::io::{self, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

static CLOSED: AtomicBool = AtomicBool::new(false);
static FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// Writes a line of results to standard output. Bytes, because a path need not be UTF-8.
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

/// Writes a line of text to standard error. When that fails, there is nowhere to say so.
pub(crate) fn text(line: impl AsRef<[u8]>) {
    let _ = write_line(io::stderr().lock(), line.as_ref());
}

/// The error that kept a result from being written. A reader who has read enough is none.
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
