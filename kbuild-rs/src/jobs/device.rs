//! A jobserver on a character device.
//!
//! System-wide jobservers work like that: the device's server runs in user space, knows which
//! process has which token, and takes back tokens of ended processes (Gentoo's `steve`). GNU make
//! does not check the kind of file, so it accepts a device in both forms: `fifo:PATH` from 4.4 on,
//! `F,F` before. Here a token is taken and given back first, because make would fail on a device
//! that only fails. (`/dev/zero` gives endless tokens and takes them back, like any other server.)

use std::fs;
use std::io::IsTerminal;
use std::os::fd::RawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use super::channel::Channel;
use crate::sys;

/// Tries whether tokens come out of a device and go into it. The error gives the reason. A drawn
/// token is put back at once. A device without a free token passes, because that says nothing about
/// it.
pub(crate) fn try_out(channel: &Channel) -> Result<(), String> {
    match channel.take() {
        Ok(None) => Ok(()),
        Ok(Some(token)) => channel
            .try_give(&[token])
            .map_err(|error| format!("it does not take tokens back: {error}")),
        Err(error) => Err(error.to_string()),
    }
}

/// Whether two descriptors were inherited and lead to one device that is a jobserver. If they were
/// closed, another program has opened something else under their numbers, most likely `/dev/null`
/// or a terminal. These are never a jobserver, and nothing is read from them.
pub(crate) fn is_inherited(read: RawFd, write: RawFd) -> bool {
    let device = |fd| {
        let meta = fs::metadata(format!("/proc/self/fd/{fd}")).ok()?;
        let is_device = meta.file_type().is_char_device();
        is_device.then(|| meta.rdev())
    };
    let is_server = |channel: Channel| !channel.file().is_terminal() && try_out(&channel).is_ok();
    device(read).is_some()
        && device(read) == device(write)
        && sys::are_inherited_ends(read, write)
        && Channel::of_pipe(read, write).is_some_and(is_server)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsRawFd;

    use super::*;

    fn open(path: &str) -> File {
        let mut options = File::options();
        options.read(true).write(true).open(path).unwrap()
    }

    #[test]
    fn one_that_gives_and_takes_is_a_server_and_one_that_fails_is_not() {
        let why = |path: &str| try_out(&Channel::of_fifo(open(path)));
        assert_eq!(why("/dev/zero"), Ok(()));
        assert!(why("/dev/null").unwrap_err().contains("not give tokens"));
        let full = why("/dev/full").unwrap_err();
        assert!(
            full.contains("does not take tokens back: No space left"),
            "{full}"
        );
    }

    #[test]
    fn a_descriptor_that_this_process_opened_itself_was_not_inherited() {
        let file = open("/dev/zero");
        assert!(!is_inherited(file.as_raw_fd(), file.as_raw_fd()));
        assert!(!is_inherited(9876, 9876));
    }
}
