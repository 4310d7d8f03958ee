//! A jobserver like an outer build's, whose tokens can be counted.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};

use crate::{Result, sys};

/// The jobserver of an outer build that runs this many jobs, one of which is the child that gets
/// it.
#[derive(Debug)]
pub struct Jobserver {
    read: File,
    write: File,
    fifo: Option<PathBuf>,
    is_device: bool,
}

const ON_ITS_WAY: Duration = Duration::from_millis(50);

impl Jobserver {
    /// A pipe that children inherit, like GNU make's before 4.4. `tokens` are the bytes in it.
    ///
    /// # Errors
    /// If there are no more descriptors.
    pub fn pipe(tokens: &[u8]) -> Result<Jobserver> {
        let (read, write) = sys::pipe().map_err(|error| format!("no pipe: {error}"))?;
        let server = Jobserver {
            read,
            write,
            fifo: None,
            is_device: false,
        };
        server.fill(tokens)
    }

    /// A fifo that children open, like GNU make's since 4.4. It is created at `path`.
    ///
    /// # Errors
    /// If the path exists already.
    pub fn fifo(path: &Path, tokens: &[u8]) -> Result<Jobserver> {
        let open = || {
            sys::make_fifo(path)?;
            File::options().read(true).write(true).open(path)
        };
        let read = open().map_err(|error| format!("{}: {error}", path.display()))?;
        let write = read.try_clone().map_err(|error| error.to_string())?;
        let server = Jobserver {
            read,
            write,
            fifo: Some(path.to_owned()),
            is_device: false,
        };
        server.fill(tokens)
    }

    /// A character device that children open, like a system-wide jobserver. A terminal stands in
    /// for it: a token that is given back arrives at the other end, which sends it to this end
    /// again.
    ///
    /// # Errors
    /// If there are no more terminals.
    pub fn device(tokens: &[u8]) -> Result<Jobserver> {
        let open = || {
            let (master, slave, path) = sys::terminals()?;
            Ok((master.try_clone()?, master, slave, path))
        };
        let opened = open().map_err(|error: io::Error| format!("no device: {error}"))?;
        let (other_end, master, slave, path) = opened;
        // The thread ends after all processes have closed the device.
        std::thread::spawn(move || {
            let mut given = [0; 64];
            while let Ok(number @ 1..) = (&other_end).read(&mut given) {
                if (&other_end).write_all(&given[..number]).is_err() {
                    break;
                }
            }
        });
        let server = Jobserver {
            read: slave,
            write: master,
            fifo: Some(path),
            is_device: true,
        };
        server.fill(tokens)
    }

    fn fill(self, tokens: &[u8]) -> Result<Jobserver> {
        let filled = (&self.write).write_all(tokens);
        filled.map_err(|error| format!("no tokens: {error}"))?;
        Ok(self)
    }

    /// Passes it to a child, as make does in `MAKEFLAGS`.
    pub fn hand<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let auth = match &self.fifo {
            Some(path) => format!("fifo:{}", path.display()),
            None => {
                let (read, write) = (self.read.as_raw_fd(), self.write.as_raw_fd());
                sys::inherit(command, [read, write]);
                format!("{read},{write}")
            }
        };
        command.env("MAKEFLAGS", format!(" -j --jobserver-auth={auth}"))
    }

    /// The current tokens in the order of their bytes. They stay in the jobserver.
    ///
    /// # Errors
    /// If `/proc` is missing.
    pub fn tokens(&self) -> Result<Vec<u8>> {
        // Opens a description of its own, because children share the other one and wait on it.
        let path = format!("/proc/self/fd/{}", self.read.as_raw_fd());
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = rustix::fs::open(&path, flags, Mode::empty());
        let mut file = File::from(opened.map_err(|error| format!("{path}: {error}"))?);
        let mut tokens = Vec::new();
        // A token that a child gave to a device may still be on its way.
        for look in 0..if self.is_device { 4 } else { 1 } {
            std::thread::sleep(ON_ITS_WAY * look.min(1));
            // The jobserver is empty, which is an error for a reader that does not wait.
            match file.read_to_end(&mut tokens) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(format!("cannot read the tokens: {error}")),
                Ok(_) => {}
            }
        }
        let back = (&self.write).write_all(&tokens);
        back.map_err(|error| format!("cannot give the tokens back: {error}"))?;
        tokens.sort_unstable();
        Ok(tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_a_child_takes_is_missing_until_the_child_gives_it_back() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("jobs");
        for server in [
            Jobserver::pipe(b"cba").unwrap(),
            Jobserver::fifo(&fifo, b"cba").unwrap(),
            Jobserver::device(b"cba").unwrap(),
        ] {
            let (read, write) = (server.read.as_raw_fd(), server.write.as_raw_fd());
            assert_eq!(server.tokens().unwrap(), b"abc");
            let sh = |script: &str| {
                let mut sh = Command::new("sh");
                sh.args(["-c", script, "sh"]).arg(&fifo);
                sys::inherit(&mut sh, [read, write]);
                crate::run::checked(server.hand(&mut sh), Duration::from_secs(10)).unwrap()
            };
            // dash knows no descriptors of two digits.
            sh(&format!("head -c 2 </proc/self/fd/{read} >/dev/null"));
            assert_eq!(server.tokens().unwrap().len(), 1);
            match &server.fifo {
                Some(path) => sh(&format!("printf xyz >{}", path.display())),
                None => sh(&format!("printf xyz >/proc/self/fd/{write}")),
            };
            assert_eq!(server.tokens().unwrap().len(), 4);
            let said = sh("echo \"$MAKEFLAGS\"").out();
            assert!(said.starts_with(" -j --jobserver-auth="), "{said}");
        }
    }
}
