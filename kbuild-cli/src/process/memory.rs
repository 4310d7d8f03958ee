//! The error that the program prints when it runs out of memory.
//!
//! Rust aborts a program whose allocation fails, and a program that cannot set up a thread. If a
//! memory limit is set, it is the likely cause. So the abort is turned into an error that names the
//! limit. Stable Rust has no other hook. A build script cannot install this handler for its whole
//! process.
#![allow(
    unsafe_code,
    reason = "what handles SIGABRT may neither allocate nor lock, for which std has no safe form"
)]

use std::fs::File;
use std::io::{Error, Write};
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::thread::{self, JoinHandle};

use signal_hook::consts::SIGABRT;
use signal_hook::low_level;

/// `ENOMEM`, which has this number on every Linux.
const NO_MEMORY: i32 = 12;

/// Starts a thread if it would have enough memory to start, because std panics in a thread that
/// lacks it.
pub(crate) fn thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<JoinHandle<T>> {
    Vec::<u8>::new().try_reserve_exact(8 << 20).ok()?;
    thread::Builder::new().spawn(work).ok()
}

/// Call this first. It does nothing if no limit is set.
pub(crate) fn explain_aborts() {
    let limit = kbuild::limit_behind(&Error::from_raw_os_error(NO_MEMORY)).unwrap_or_default();
    if !limit.contains("ulimit -v") {
        return;
    }
    let text = format!("error: out of memory{limit}\n");
    let tell = move || {
        // SAFETY: 2 is standard error, and it stays open when this is dropped.
        let mut error = ManuallyDrop::new(unsafe { File::from_raw_fd(2) });
        let _ = error.write_all(text.as_bytes());
        low_level::exit(1);
    };
    // SAFETY: the handler makes two system calls, write and exit.
    let _ = unsafe { low_level::register(SIGABRT, tell) };
}
