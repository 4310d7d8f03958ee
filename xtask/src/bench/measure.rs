//! One run of a command: wall time, CPU time of it and all its children, its own peak memory.
#![allow(unsafe_code, reason = "wait4 has no safe form in std")]

use std::fs;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use kbuild_vm::process::{self, Patience, tree};

use crate::{Result, exec};

/// No run of a benchmark takes this long on an idle machine.
const LIMIT: Duration = Duration::from_secs(300);

/// The interval between two looks at the memory of a running command, if its memory is measured.
const LOOK: Duration = Duration::from_millis(2);

/// The interval between two checks whether a command hangs. It is long, because a check takes some
/// of the measured time.
const ASK: Duration = Duration::from_secs(10);

/// The measured values of one run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
    /// Peak resident memory of the command itself, without its children; 0 if not measured.
    pub(super) peak: u64,
}

/// Runs `command`, which must succeed.
pub(super) fn measure(command: &mut Command) -> Result<Sample> {
    run(command, false)
}

/// As [`measure`], but also watches the command's memory. That takes CPU, so do not compare its
/// times.
pub(super) fn measure_memory(command: &mut Command) -> Result<Sample> {
    run(command, true)
}

fn run(command: &mut Command, memory: bool) -> Result<Sample> {
    let name = process::describe(command);
    let log = tempfile::NamedTempFile::new().map_err(|e| format!("no temporary file: {e}"))?;
    let stream = || {
        let file = log.as_file().try_clone();
        file.map(Stdio::from).map_err(|error| error.to_string())
    };
    exec::scrub(command);
    command
        // Cargo sets it for the programs that it runs, and each of make's processes would search
        // it.
        .env_remove("LD_LIBRARY_PATH")
        .stdin(Stdio::null())
        .stdout(stream()?)
        .stderr(stream()?);

    let start = Instant::now();
    let child = command
        .spawn()
        .map_err(|error| format!("cannot start `{name}`: {error}"))?;
    let pid = child.id();
    let (done, ended) = channel::<()>();
    let watcher = std::thread::spawn(move || watch(pid, memory, &ended));
    let waited = wait(pid);
    let wall = start.elapsed();
    drop(done);
    let peak = watcher.join().unwrap_or_default();

    let (status, cpu) = waited.map_err(|error| format!("cannot wait for `{name}`: {error}"))?;
    if status != 0 {
        let said = fs::read(log.path()).unwrap_or_default();
        return Err(format!(
            "`{name}` failed (wait status {status}); its last words:\n{}",
            process::tail(&said)
        ));
    }
    Ok(Sample { wall, cpu, peak })
}

/// Reads the high-water mark until the command has ended. Ends a command that hangs.
fn watch(pid: u32, memory: bool, ended: &std::sync::mpsc::Receiver<()>) -> u64 {
    let mut patience = Patience::new(pid, LIMIT.into());
    let mut peak = 0;
    loop {
        if memory {
            peak = high_water(pid).unwrap_or(peak).max(peak);
        }
        let pause = if memory { LOOK } else { ASK };
        if ended.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            return peak;
        }
        if patience.exhausted().is_some() {
            // The child has not been waited for, so the number is still its own.
            tree::kill(pid);
            return peak;
        }
    }
}

/// `VmHWM`, in bytes. `ru_maxrss` also counts the compilers that were waited for.
fn high_water(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// The wait status, and the CPU time of the process and of all children that it waited for.
fn wait(pid: u32) -> std::io::Result<(i32, Duration)> {
    let pid = i32::try_from(pid).map_err(std::io::Error::other)?;
    let mut status = 0;
    // SAFETY: a rusage consists of numbers, so all zeros is a valid value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers lead to our own variables, which outlive the call.
        if unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) } == pid {
            return Ok((status, time(usage.ru_utime) + time(usage.ru_stime)));
        }
        let error = std::io::Error::last_os_error();
        if error.kind() != std::io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

fn time(value: libc::timeval) -> Duration {
    let seconds = u64::try_from(value.tv_sec).unwrap_or_default();
    let micros = u64::try_from(value.tv_usec).unwrap_or_default();
    Duration::from_secs(seconds) + Duration::from_micros(micros)
}

/// The median of some values: of an even number, the mean of the two in the middle.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(median([5.0, 1.0, 3.0]), 3.0);
        assert_eq!(median([4.0, 1.0, 3.0, 2.0]), 2.5);
        assert!(median([]).is_nan());
    }

    #[test]
    fn cpu_time_of_children_counts_and_waiting_does_not() {
        let script = "sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'; sleep 0.3";
        let sample = measure(Command::new("sh").args(["-c", script])).unwrap();
        assert!(sample.cpu > Duration::from_millis(5), "{sample:?}");
        assert!(sample.wall > sample.cpu, "{sample:?}");
        assert!(sample.wall > Duration::from_millis(300), "{sample:?}");
    }

    #[test]
    fn memory_is_the_commands_own() {
        // dd takes a buffer of 40 MB, its parent takes none.
        let script = "dd if=/dev/zero of=/dev/null bs=40M count=1 2>/dev/null; sleep 0.05";
        let sample = measure_memory(Command::new("sh").args(["-c", script])).unwrap();
        assert!((1..20 << 20).contains(&sample.peak), "{sample:?}");
    }

    #[test]
    fn a_failing_command_is_an_error_with_its_words() {
        let error = measure(Command::new("sh").args(["-c", "echo no luck; exit 4"])).unwrap_err();
        assert!(error.contains("no luck"), "{error}");
    }
}
