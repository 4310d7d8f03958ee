//! A jobserver as an outer build has one, whose tokens can be counted.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};

use crate::{Result, sys};

/// The tokens of an outer build that runs up to so many jobs, one of them the child that it is
/// handed to.
#[derive(Debug)]
pub struct Jobserver {
    read: File,
    write: File,
    fifo: Option<PathBuf>,
    is_device: bool,
}

const ON_ITS_WAY: Duration = Duration::from_millis(50);

impl Jobserver {
    /// One that children inherit, as GNU make's was before 4.4. `tokens` are the bytes in it.
    ///
    /// # Errors
    /// No more descriptors.
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

    /// One that children open, as GNU make's is from 4.4 on; `path` is made.
    ///
    /// # Errors
    /// What is at that path already.
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

    /// One that children open, and that is a character device, as those of a whole system are.
    /// A terminal stands in: who gives a token back writes it to the other end, from where it is
    /// sent to this one again.
    ///
    /// # Errors
    /// No terminals.
    pub fn device(tokens: &[u8]) -> Result<Jobserver> {
        let open = || {
            let (master, slave, path) = sys::terminals()?;
            Ok((master.try_clone()?, master, slave, path))
        };
        let opened = open().map_err(|error: io::Error| format!("no device: {error}"))?;
        let (other_end, master, slave, path) = opened;
        // Ends when nobody has the device open any more.
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

    /// Hands it to a child, as make does in `MAKEFLAGS`.
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

    /// The tokens that are in it now, in order of their bytes. They stay in it.
    ///
    /// # Errors
    /// No `/proc`.
    pub fn tokens(&self) -> Result<Vec<u8>> {
        // A description of its own, for children share the other: they wait.
        let path = format!("/proc/self/fd/{}", self.read.as_raw_fd());
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = rustix::fs::open(&path, flags, Mode::empty());
        let mut file = File::from(opened.map_err(|error| format!("{path}: {error}"))?);
        let mut tokens = Vec::new();
        // What a child gave to a device may be on its way.
        for look in 0..if self.is_device { 4 } else { 1 } {
            std::thread::sleep(ON_ITS_WAY * look.min(1));
            // Nothing more is there, which is an error for what does not wait.
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
    fn what_a_child_takes_is_missing_and_what_it_gives_is_there() {
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
            sh(&format!("head -c 2 <&{read} >/dev/null"));
            assert_eq!(server.tokens().unwrap().len(), 1);
            match &server.fifo {
                Some(path) => sh(&format!("printf xyz >{}", path.display())),
                None => sh(&format!("printf xyz >&{write}")),
            };
            assert_eq!(server.tokens().unwrap().len(), 4);
            let said = sh("echo \"$MAKEFLAGS\"").out();
            assert!(said.starts_with(" -j --jobserver-auth="), "{said}");
        }
    }
}
