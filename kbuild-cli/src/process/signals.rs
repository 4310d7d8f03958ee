//! Signals that stop or suspend the program, passed on to its makes.

use std::sync::mpsc;

use kbuild::Signals;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP};
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
