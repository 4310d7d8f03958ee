//! The way into a sandbox, in the child: between fork and exec, so it only makes system calls.
#![allow(
    unsafe_code,
    reason = "std and rustix have no safe form of fork, of signal masks, of close_range"
)]

use std::ffi::{CStr, c_int, c_long};
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::ptr;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, FdFlags, fcntl_setfd, write};
use rustix::process::{
    DumpableBehavior, Pid, Signal, WaitOptions, WaitStatus, chdir, getpid, kill_process,
    kill_process_group, set_dumpable_behavior, set_parent_process_death_signal, setsid, wait,
    waitpid,
};
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, UnshareFlags,
    clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
    set_capabilities_secure_bits, set_no_new_privs, unshare_unsafe,
};

use super::entry::{MESSAGE, Part};
use super::plan::Plan;
use super::root::{finish_root, make_root};

/// The kernel's `sigset_t` and every libc's fit in.
type SignalSet = [u64; 16];

unsafe extern "C" {
    fn fork() -> c_int;
    fn _exit(code: c_int) -> !;
    fn syscall(number: c_long, ...) -> c_long;
    fn sigfillset(set: *mut SignalSet) -> c_int;
    fn sigprocmask(how: c_int, set: *const SignalSet, old: *mut SignalSet) -> c_int;
    fn sigwait(set: *const SignalSet, signal: *mut c_int) -> c_int;
    fn signal(number: c_int, handler: usize) -> usize;
}

/// This number is the same on every architecture (alpha adds 110).
const CLOSE_RANGE: c_long = 436;
const CLOSE_RANGE_CLOEXEC: c_long = 4;

/// The descriptors of the processes of a sandbox.
pub(super) struct Descriptors {
    /// Those that the supervisor holds, sorted.
    hold: Vec<RawFd>,
    /// Those that make inherits.
    keep: Vec<RawFd>,
    tell: RawFd,
}

impl Descriptors {
    pub(super) fn new(mut hold: Vec<RawFd>, keep: Vec<RawFd>, tell: RawFd) -> Descriptors {
        hold.sort_unstable();
        Descriptors { hold, keep, tell }
    }

    fn tell(&self, tag: u8, number: i32) {
        let mut message = [tag; MESSAGE];
        message[1..].copy_from_slice(&number.to_ne_bytes());
        // SAFETY: the parent keeps the descriptor open until the child was started.
        let tell = unsafe { BorrowedFd::borrow_raw(self.tell) };
        let _ = write(tell, &message);
    }
}

/// Enters the sandbox: returns in the process that becomes make. The supervisor and the init of the
/// sandbox do not return.
pub(super) fn enter(plan: &Plan, fds: &Descriptors) -> io::Result<()> {
    let tried =
        |part: Part, result: io::Result<()>| result.inspect_err(|_| fds.tell(b'F', part.number()));
    tried(Part::Namespaces, namespaces(plan))?;
    tried(Part::Users, write_maps(plan))?;
    tried(Part::Root, make_root(plan))?;
    let old = block_signals();
    let init = fork_process()?;
    if init == 0 {
        run_init();
    }
    let make = fork_process().inspect_err(|_| end(init))?;
    if make == 0 {
        tried(Part::Processes, finish_root())?;
        // A recipe's `kill 0` then only reaches the sandbox.
        setsid()?;
        chdir(plan.dir.as_c_str())?;
        tried(Part::Privileges, drop_privileges())?;
        close_on_exec(fds)?;
        restore_signals(&old);
        return Ok(());
    }
    supervise(init, make, fds)
}

fn namespaces(plan: &Plan) -> io::Result<()> {
    let mut flags =
        UnshareFlags::NEWNS | UnshareFlags::NEWPID | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS;
    if !plan.network {
        flags |= UnshareFlags::NEWNET;
    }
    if plan.maps.is_some() {
        flags |= UnshareFlags::NEWUSER;
    }
    // SAFETY: descriptors stay shared, and this process has one thread.
    Ok(unsafe { unshare_unsafe(flags) }?)
}

fn write_maps(plan: &Plan) -> io::Result<()> {
    let Some((users, groups)) = &plan.maps else {
        return Ok(());
    };
    let files: [(&CStr, &[u8]); 3] = [
        (c"/proc/self/setgroups", b"deny"),
        (c"/proc/self/uid_map", users),
        (c"/proc/self/gid_map", groups),
    ];
    for (path, text) in files {
        let file = open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        write(file, text)?;
    }
    Ok(())
}

/// Gives up every capability for good, also for programs that would give some back.
fn drop_privileges() -> io::Result<()> {
    clear_ambient_capability_set()?;
    let mut bit: u64 = 1;
    // The kernel refuses numbers that it does not know.
    while bit != 0 {
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(bit)) {
            Ok(()) => bit <<= 1,
            Err(Errno::INVAL) => break,
            Err(error) => return Err(error.into()),
        }
    }
    let bits = CapabilitiesSecureBits::NO_ROOT
        | CapabilitiesSecureBits::NO_ROOT_LOCKED
        | CapabilitiesSecureBits::NO_SETUID_FIXUP
        | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED;
    set_capabilities_secure_bits(bits)?;
    set_no_new_privs(true)?;
    let none = CapabilitySet::empty();
    set_capabilities(
        None,
        CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        },
    )?;
    Ok(())
}

/// Leaves no descriptor to make but those that it is meant to have. An inherited folder would lead
/// out of the sandbox.
fn close_on_exec(fds: &Descriptors) -> io::Result<()> {
    // SAFETY: it only marks descriptors.
    let marked = unsafe {
        syscall(
            CLOSE_RANGE,
            3 as c_long,
            c_long::from(c_int::MAX),
            CLOSE_RANGE_CLOEXEC,
        )
    };
    if marked != 0 {
        return Err(io::Error::last_os_error());
    }
    for &fd in &fds.keep {
        // SAFETY: the number is only used for this one call, which fails if nothing is open there.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        fcntl_setfd(fd, FdFlags::empty())?;
    }
    Ok(())
}

/// Closes every descriptor but those in `hold` (sorted).
fn close_except(hold: &[RawFd]) {
    let mut first = 0;
    for &fd in hold {
        if fd > first {
            close_range(first, fd - 1);
        }
        first = fd + 1;
    }
    close_range(first, c_int::MAX);
}

fn close_range(first: c_int, last: c_int) {
    // SAFETY: this process runs no code that uses one of these descriptors.
    unsafe {
        syscall(
            CLOSE_RANGE,
            c_long::from(first),
            c_long::from(last),
            0 as c_long,
        )
    };
}

fn fork_process() -> io::Result<c_int> {
    // SAFETY: this process has one thread.
    match unsafe { fork() } {
        -1 => Err(io::Error::last_os_error()),
        number => Ok(number),
    }
}

/// Blocks all signals; returns the earlier mask.
fn block_signals() -> SignalSet {
    let (mut all, mut old) = ([0; 16], [0; 16]);
    // SAFETY: both are as large as any libc's set.
    unsafe {
        sigfillset(&raw mut all);
        sigprocmask(SIG_SETMASK, &raw const all, &raw mut old);
    }
    old
}

#[cfg(not(any(target_arch = "mips", target_arch = "mips64")))]
const SIG_SETMASK: c_int = 2;
#[cfg(any(target_arch = "mips", target_arch = "mips64"))]
const SIG_SETMASK: c_int = 3;

fn restore_signals(old: &SignalSet) {
    // SAFETY: the set is as large as any libc's.
    unsafe { sigprocmask(SIG_SETMASK, ptr::from_ref(old), ptr::null_mut()) };
}

/// Waits for any signal.
fn next_signal() -> Option<Signal> {
    let (mut all, mut number): (SignalSet, c_int) = ([0; 16], 0);
    // SAFETY: the set is as large as any libc's, and all signals are blocked.
    unsafe {
        sigfillset(&raw mut all);
        sigwait(&raw const all, &raw mut number);
    }
    Signal::from_named_raw(number)
}

/// Process 1 of the sandbox: collects orphans until the supervisor kills it, and with it everything
/// in the sandbox. It also ends when the supervisor ends in another way.
fn run_init() -> ! {
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    // Its memory is a copy of the parent's, and a recipe must not read that.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    close_except(&[]);
    loop {
        if next_signal() == Some(Signal::CHILD) {
            while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        }
    }
}

/// Passes signals on to make until it ends, ends the rest of the sandbox, and ends like make.
fn supervise(init: c_int, make: c_int, fds: &Descriptors) -> ! {
    fds.tell(b'P', make);
    close_except(&fds.hold);
    let Some(make) = Pid::from_raw(make) else {
        end_like(None)
    };
    let status = loop {
        if let Some(signal) = next_signal() {
            pass_on(signal, make);
        }
        match waitpid(Some(make), WaitOptions::NOHANG) {
            Ok(None) => {}
            Ok(Some((_, ended))) => break Some(ended),
            Err(_) => break None,
        }
    };
    end(init);
    end_like(status)
}

/// Ends init, which ends after everything else in the sandbox.
fn end(init: c_int) {
    if let Some(init) = Pid::from_raw(init) {
        let _ = kill_process(init, Signal::KILL);
        let _ = waitpid(Some(init), WaitOptions::empty());
    }
}

/// Passes a signal on in the way in which it came: the terminal sends its signals to all processes.
fn pass_on(signal: Signal, make: Pid) {
    match signal {
        Signal::CHILD => {}
        Signal::TERM => {
            let _ = kill_process(make, signal);
        }
        _ => {
            // make has no group of its own yet if it has just begun.
            if kill_process_group(make, signal).is_err() {
                let _ = kill_process(make, signal);
            }
        }
    }
    if signal == Signal::TSTP {
        let _ = kill_process(getpid(), Signal::STOP);
    }
}

fn end_like(status: Option<WaitStatus>) -> ! {
    let signal_number = status.and_then(WaitStatus::terminating_signal);
    if let Some(number) = signal_number {
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
        // SAFETY: 0 is the default action.
        unsafe { signal(number, 0) };
        if let Some(named) = Signal::from_named_raw(number) {
            let _ = kill_process(getpid(), named);
        }
        restore_signals(&[0; 16]);
    }
    let code = status.and_then(WaitStatus::exit_status).unwrap_or(1);
    // SAFETY: it ends this process, and runs nothing of the parent's.
    unsafe { _exit(code) }
}
