//! Processes that a test started through others: finds them, sends signals, notices their end.

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use kbuild_vm::process::tree;
pub use rustix::process::Signal;

use crate::sys;

/// A running process.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its number.
    pub id: u32,
    /// The process that started it.
    pub parent: u32,
    /// The file that it runs, as far as it can be read.
    pub program: std::path::PathBuf,
    /// Its command line, words separated by blanks.
    pub line: String,
}

impl Process {
    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        sys::signal(self.id, signal);
    }
}

/// The processes that work in `dir` or below it, or have its name in their command lines, without
/// this process.
pub fn around(dir: &Path) -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let own = std::process::id();
    entries
        .flatten()
        .filter_map(|entry| {
            let id: u32 = entry.file_name().to_str()?.parse().ok()?;
            let (process, line) = look(id)?;
            // A process that has ended and was not waited for has no command line.
            let alive = !line.is_empty() && id != own;
            let inside =
                fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(dir));
            let name = dir.as_os_str().as_bytes();
            let named = line.windows(name.len()).any(|part| part == name);
            (alive && (inside || named)).then_some(process)
        })
        .collect()
}

/// The processes that `top` has started, directly or through others.
pub fn below(top: u32) -> Vec<Process> {
    let ids = tree::below(top).into_iter();
    ids.filter_map(|id| Some(look(id)?.0)).collect()
}

/// A process, and its command line as it is.
fn look(id: u32) -> Option<(Process, Vec<u8>)> {
    let line = fs::read(format!("/proc/{id}/cmdline")).ok()?;
    let process = Process {
        id,
        parent: tree::parent(id).unwrap_or_default(),
        program: fs::read_link(format!("/proc/{id}/exe")).unwrap_or_default(),
        line: String::from_utf8_lossy(&line).replace('\0', " "),
    };
    Some((process, line))
}

/// Sends a signal to a process that the caller has started and not waited for.
pub fn signal(process: u32, signal: Signal) {
    sys::signal(process, signal);
}

/// Sends a signal to a process group that the caller has started, and whose first process it has
/// not waited for.
pub fn signal_group(first: u32, signal: Signal) {
    sys::signal_group(first, signal);
}

/// Whether a process holds a lock of any kind on a file.
pub fn is_locked(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| sys::is_locked(&file))
}

/// Whether the process at the other end of a socket has closed it, as it does when it ends.
pub fn has_ended(other: &UnixStream) -> bool {
    sys::has_ended(other)
}
