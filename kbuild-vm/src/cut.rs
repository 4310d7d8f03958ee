//! A guest whose power is cut.

use std::io::Read;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::Result;
use crate::process::{Limits, Running};

/// The time between two looks at the console: shorter than a step of an install.
const LOOK: Duration = Duration::from_millis(2);

/// Runs QEMU and kills it `after` its console has shown the line `mark`. The console, if the guest
/// ended before.
pub(crate) fn run(
    qemu: &mut Command,
    limits: Limits,
    mark: &str,
    after: Duration,
) -> Result<Option<Vec<u8>>> {
    qemu.stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut running = Running::start(qemu, limits)?;
    let pieces = running.take_pipes().0.map(read);
    let mut console = Vec::new();
    let mut cut_at = None;
    loop {
        let ended = running.poll()?.is_some();
        if ended {
            // The reader ends with the pipe.
            console.extend(pieces.iter().flatten().flatten());
            return Ok(Some(console));
        }
        for piece in pieces.iter().flat_map(Receiver::try_iter) {
            running.heard();
            console.extend(piece);
        }
        if cut_at.is_none() && has_line(&console, mark) {
            cut_at = Some(Instant::now() + after);
        }
        if cut_at.is_some_and(|at| Instant::now() >= at) {
            // Dropping it kills QEMU, which flushes nothing.
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
}

fn read(mut pipe: ChildStdout) -> Receiver<Vec<u8>> {
    let (sender, pieces) = channel();
    std::thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = pipe.read(&mut chunk) {
            if sender.send(chunk[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    pieces
}

fn has_line(console: &[u8], mark: &str) -> bool {
    let mut lines = console.split(|byte| *byte == b'\n');
    lines.any(|line| line.strip_suffix(b"\r").unwrap_or(line) == mark.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, after: u64) -> Option<Vec<u8>> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let limits = Duration::from_secs(60).into();
        run(&mut command, limits, "go", Duration::from_millis(after)).unwrap()
    }

    #[test]
    fn the_power_goes_off_after_the_mark_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let script = format!(
            "touch {0}/begun; printf 'go\\r\\n'; sleep 60; touch {0}/ended",
            folder.path().display()
        );
        assert!(shell(&script, 20).is_none());
        assert!(file("begun").exists() && !file("ended").exists());
    }

    #[test]
    fn a_guest_that_ends_before_leaves_its_whole_console() {
        assert_eq!(shell("echo gone; echo go", 60_000).unwrap(), b"gone\ngo\n");
        assert_eq!(shell("echo no go", 0).unwrap(), b"no go\n");
    }
}
