//! `/dev/counter`, as a Rust type.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// What `build.rs` read out of `module/counter.h`.
mod uapi {
    include!(concat!(env!("OUT_DIR"), "/counter.rs"));
}

pub use uapi::counter_state as State;

const DEVICE: &str = "/dev/counter";

/// The device, open.
pub struct Counter {
    file: File,
}

impl Counter {
    /// Opens the device.
    pub fn open() -> Result<Counter, String> {
        match File::open(DEVICE) {
            Ok(file) => Ok(Counter { file }),
            Err(error) => Err(format!("cannot open {DEVICE}: {error}")),
        }
    }

    /// Forgets all that was added.
    pub fn reset(&self) -> Result<(), String> {
        // SAFETY: this one takes no argument.
        self.check("reset", unsafe {
            libc::ioctl(self.file.as_raw_fd(), uapi::COUNTER_RESET as _)
        })
    }

    /// Adds a number.
    pub fn add(&self, number: u32) -> Result<(), String> {
        // SAFETY: the device reads a __u32, which is there until the call returns.
        let result = unsafe {
            libc::ioctl(
                self.file.as_raw_fd(),
                uapi::COUNTER_ADD as _,
                &raw const number,
            )
        };
        self.check(&format!("add {number}"), result)
    }

    /// What was added so far.
    pub fn state(&self) -> Result<State, String> {
        let mut state = State::default();
        // SAFETY: the device writes a struct counter_state, which is what is there.
        let result = unsafe {
            libc::ioctl(
                self.file.as_raw_fd(),
                uapi::COUNTER_STATE as _,
                &raw mut state,
            )
        };
        self.check("tell", result)?;
        Ok(state)
    }

    fn check(&self, what: &str, result: libc::c_int) -> Result<(), String> {
        if result == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        Err(match error.raw_os_error() {
            Some(libc::ERANGE) => format!(
                "{DEVICE} will not {what}: it adds at most {} at once",
                uapi::COUNTER_MOST
            ),
            _ => format!("{DEVICE} cannot {what}: {error}"),
        })
    }
}
