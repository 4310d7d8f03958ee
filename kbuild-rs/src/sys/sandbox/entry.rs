//! The way into a sandbox, as the parent sees it.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::child::{self, Descriptors};
use super::plan::Plan;
use super::view::Sandbox;
use crate::error::Advice;
use crate::{Error, ErrorKind};

/// The length of a message of the child: a letter and a number.
pub(super) const MESSAGE: usize = 5;

/// A child that enters a sandbox before it starts its program.
#[derive(Debug)]
pub(crate) struct Entry {
    told: File,
    tell: Option<OwnedFd>,
}

/// The part of the way that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Namespaces,
    Users,
    Root,
    Processes,
    Privileges,
}

const PARTS: [(Part, &str); 5] = [
    (Part::Namespaces, "it cannot create namespaces"),
    (Part::Users, "it cannot use a user namespace"),
    (Part::Root, "it cannot mount the folders of the sandbox"),
    (Part::Processes, "it cannot mount /proc for the sandbox"),
    (Part::Privileges, "it cannot drop its privileges"),
];

impl Part {
    pub(super) fn number(self) -> i32 {
        self as i32
    }
}

impl Entry {
    /// Has the child of `command` enter `sandbox`. The supervisor holds the descriptors in `hold`
    /// until everything in the sandbox has ended; make inherits those in `keep`.
    pub(crate) fn prepare(
        command: &mut Command,
        (sandbox, dir): (&Sandbox, &Path),
        (hold, keep): (&[RawFd], &[RawFd]),
    ) -> io::Result<Entry> {
        let plan = Plan::of(sandbox, dir)?;
        let (told, tell) = crate::sys::pipe()?;
        let descriptors = Descriptors::new(hold.to_vec(), keep.to_vec(), tell.as_raw_fd());
        // SAFETY: the closure runs between fork and exec. It only makes system calls and does not
        // allocate.
        #[allow(unsafe_code, reason = "std has no safe form of it")]
        unsafe {
            command.pre_exec(move || child::enter(&plan, &descriptors));
        }
        Ok(Entry {
            told,
            tell: Some(OwnedFd::from(tell)),
        })
    }

    /// The process group of the program, after the child was started.
    pub(in crate::sys) fn group(self) -> Option<i32> {
        self.messages()
            .into_iter()
            .find(|(tag, _)| *tag == b'P')
            .map(|(_, number)| number)
    }

    /// The error of a child that did not start.
    pub(in crate::sys) fn error(self, error: io::Error, dir: &Path) -> Error {
        let messages = self.messages();
        let failed = messages.iter().find(|(tag, _)| *tag == b'F');
        let part = PARTS
            .iter()
            .find(|(part, _)| failed.is_some_and(|(_, n)| *n == part.number()));
        match part {
            Some((_, what)) => refused(what, &error),
            None => Error::writing("run make in", dir, error),
        }
    }

    fn messages(mut self) -> Vec<(u8, i32)> {
        drop(self.tell.take());
        let mut found = Vec::new();
        let mut message = [0; MESSAGE];
        while self.told.read_exact(&mut message).is_ok() {
            let [tag, number @ ..] = message;
            found.push((tag, i32::from_ne_bytes(number)));
            if tag == b'P' {
                break;
            }
        }
        found
    }
}

/// The error for a machine that cannot give the sandbox.
fn refused(what: &str, error: &io::Error) -> Error {
    let advice = "The sandbox needs Linux 5.12 or newer, and user namespaces for this user. These \
         settings can switch them off:\n    \
         sysctl user.max_user_namespaces kernel.unprivileged_userns_clone \
         kernel.apparmor_restrict_unprivileged_userns\nA container must allow them, too (docker run \
         --privileged). If you trust the tree, build it without --sandbox";
    Error::new(
        ErrorKind::Environment,
        format!(
            "cannot build in a sandbox on this machine: {what} ({error}). Nothing was built. {advice}"
        ),
    )
    .advise(Advice::new("sandbox-unavailable", advice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_the_step_and_the_remedies() {
        for (_, what) in PARTS {
            let text = refused(what, &io::Error::from_raw_os_error(1)).to_string();
            assert!(
                text.contains(what) && text.contains("not permitted"),
                "{text}"
            );
            assert!(text.contains("user.max_user_namespaces"), "{text}");
            assert!(text.contains("without --sandbox"), "{text}");
        }
    }
}
