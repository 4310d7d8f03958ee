//! Signals that stop or suspend the program, passed on to its makes.

use std::sync::{Arc, mpsc};

use kbuild::Signals;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGXFSZ};
use signal_hook::flag;
use signal_hook::low_level::emulate_default_handler;

use super::memory;

/// Runs `work`. Meanwhile, signals that would end or suspend this process are passed on to its
/// makes. A signal to end then ends the process after `work`.
pub(crate) fn relayed<T>(work: impl FnOnce() -> T) -> T {
    catch();
    let done = work();
    end();
    done
}

/// Call this first: a file that reaches the limit of file sizes is an error of that file, and does not
/// end this process. The children's signal is as usual, because a new program catches no signal.
pub(crate) fn survive_large_files() {
    if ignored() >> (SIGXFSZ - 1) & 1 == 0 {
        // Without it, the signal ends the process, as in every other program.
        let _ = flag::register(SIGXFSZ, Arc::default());
    }
}

fn catch() {
    // A signal that this process was started to ignore (nohup, a job in the background) stays ignored.
    let ignored = ignored();
    let wanted = [SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT];
    let wanted = wanted.into_iter().filter(|s| ignored >> (s - 1) & 1 == 0);
    // The thread comes first, because a caught signal that nobody reads would be lost. If there is
    // no thread or no pipe, makes stay in our process group, and the terminal signals them itself.
    let (hand, handed) = mpsc::channel::<signal_hook::iterator::Signals>();
    let thread = memory::thread(move || {
        let Ok(mut caught) = handed.recv() else {
            return;
        };
        let makes = Signals::relay();
        for signal in caught.forever() {
            match signal {
                SIGTSTP => {
                    makes.pass_on(signal);
                    let _ = emulate_default_handler(signal);
                }
                SIGCONT => makes.pass_on(signal),
                _ => makes.stop(signal),
            }
        }
    });
    if thread.is_none() {
        return;
    }
    if let Ok(caught) = signal_hook::iterator::Signals::new(wanted) {
        Signals::relay();
        let _ = hand.send(caught);
    }
}

/// Ends the process by the signal that asked for it, if there was one. A shell expects that.
fn end() {
    if let Some(signal) = Signals::stopped_by() {
        let _ = emulate_default_handler(signal);
    }
}

/// The signals that this process was started to ignore, one bit for each.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|l| l.strip_prefix("SigIgn:"));
    u64::from_str_radix(mask.unwrap_or_default().trim(), 16).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_do_not_ignore_the_limit_of_file_sizes() {
        survive_large_files();
        let mut child = std::process::Command::new("cat");
        let status = child.arg("/proc/self/status").output().unwrap().stdout;
        let status = String::from_utf8(status).unwrap();
        let mask = |name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            u64::from_str_radix(line.unwrap().trim(), 16).unwrap()
        };
        for name in ["SigIgn:", "SigCgt:"] {
            assert_eq!(mask(name) >> (SIGXFSZ - 1) & 1, 0, "{name}");
        }
    }
}
