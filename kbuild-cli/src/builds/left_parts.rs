//! Temporary files that killed calls of the program left beside the files that they wrote.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Removes the files in `folder` with this front, the number of an ended process, and this end. A
/// file that cannot be removed stays, because the one that is written now does not depend on it.
pub(crate) fn remove(folder: &Path, front: &OsStr, end: &str) {
    // Without /proc, every process looks as if it had ended.
    if !Path::new("/proc/self").exists() {
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = process_of(name.as_bytes(), front.as_bytes(), end.as_bytes());
        if process.is_some_and(|number| !Path::new("/proc").join(number.to_string()).exists()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The process in a name. A counter may follow it: `.kbuild-rs-12-0.tmp`.
fn process_of(name: &[u8], front: &[u8], end: &[u8]) -> Option<u32> {
    let numbers = name.strip_prefix(front)?.strip_suffix(end)?;
    let numbers = std::str::from_utf8(numbers).ok()?;
    let (process, counter) = numbers.split_once('-').unwrap_or((numbers, "0"));
    counter.parse::<u32>().ok()?;
    process.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_ended_processes_are_removed() {
        let scratch = tempfile::tempdir().unwrap();
        let own = std::process::id();
        // Linux gives no process a number this high.
        let left = [".a.4194999.part", ".a.4194999-3.part"];
        let others = [
            format!(".a.{own}.part"),
            ".a.part".into(),
            ".a.x.part".into(),
            ".b.4194999.part".into(),
            ".a.4194999.tmp".into(),
        ];
        for name in left
            .iter()
            .copied()
            .chain(others.iter().map(String::as_str))
        {
            fs::write(scratch.path().join(name), "").unwrap();
        }
        remove(scratch.path(), OsStr::new(".a."), ".part");
        assert!(left.iter().all(|name| !scratch.path().join(name).exists()));
        assert!(others.iter().all(|name| scratch.path().join(name).exists()));
    }
}
