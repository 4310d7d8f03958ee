//! The programs that sign, as children.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::Result;
use crate::sys::{ChildSetup, Writer, temporary_folder, tie_child};

/// A program that did not do its work.
#[derive(Debug)]
pub(super) enum Failed {
    /// It could not be started.
    Start(io::Error),
    /// It failed, and printed this.
    Exit(String),
}

impl Failed {
    /// Its last words, for a message.
    pub(super) fn in_words(&self) -> String {
        match self {
            Failed::Start(error) => error.to_string(),
            Failed::Exit(text) => text.clone(),
        }
    }
}

/// Runs a program to its end; gives its standard output.
pub(super) fn run(command: &mut Command) -> Result<Vec<u8>, Failed> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env("LC_ALL", "C");
    tie_child(command, ChildSetup::default());
    let output = command.output().map_err(Failed::Start)?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(Failed::Exit(said(&output))),
    }
}

fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    match text.trim() {
        "" => output.status.to_string(),
        text => text.to_owned(),
    }
}

/// A folder of our own for the files that these programs read and write. It goes at the end.
#[derive(Debug)]
pub(super) struct Scratch {
    folder: TempDir,
    writer: Writer,
}

impl Scratch {
    pub(super) fn new() -> Result<Scratch> {
        let folder = temporary_folder()?;
        let writer = Writer::new([crate::sys::Root::open(folder.path())?]);
        Ok(Scratch { folder, writer })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file that is not there yet.
    pub(super) fn file(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.path(name);
        self.writer.write_private(&path, bytes)?;
        Ok(path)
    }

    pub(super) fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        self.writer.read(path)
    }
}
