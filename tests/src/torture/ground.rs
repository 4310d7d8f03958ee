//! What most kinds need: a kernel, the program with folders of its own, and what has to hold after
//! each of its calls.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::Setup;
use crate::Result;
use crate::lab::{self, LabKernel};
use crate::plain::PAHOLE;
use crate::run::{self, Output};

/// The longest time of one call on an idle machine.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A kernel and the program.
#[derive(Debug)]
pub struct Ground {
    program: PathBuf,
    /// The kernel of the builds.
    pub kernel: LabKernel,
}

impl Ground {
    /// With a kernel of the lab.
    ///
    /// # Errors
    /// As [`lab::kernel`].
    pub fn new(setup: &Setup, kernel: &str) -> Result<Ground> {
        Ok(Ground {
            program: setup.program.clone(),
            kernel: lab::kernel(kernel)?,
        })
    }

    /// With the kernel whose own compiler is most likely on this machine.
    ///
    /// # Errors
    /// As [`lab::kernel`].
    pub fn usual(setup: &Setup) -> Result<Ground> {
        let names = lab::names();
        Ground::new(setup, names[names.len().min(2) - 1])
    }

    /// Uses a copy of the program, where all users can start it.
    ///
    /// # Errors
    /// If it cannot be copied.
    pub fn copy_program(&mut self, to: &Path) -> Result<()> {
        fs::copy(&self.program, to).map_err(|error| error.to_string())?;
        self.program = to.to_owned();
        Ok(())
    }

    /// The program's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.program
    }

    /// A verb of the program. Its home, its cache and its temporary files are below `home`.
    ///
    /// # Errors
    /// If the folders cannot be made.
    pub fn program(&self, verb: impl AsRef<OsStr>, home: &Path) -> Result<Command> {
        let temporary = home.join("tmp");
        fs::create_dir_all(&temporary).map_err(|error| error.to_string())?;
        let mut command = self.kernel.command(&self.program);
        command
            .arg(verb)
            .env("HOME", home)
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("TMPDIR", temporary);
        Ok(command)
    }

    /// `build` for the kernel, with its compiler. The module tree may follow.
    ///
    /// # Errors
    /// As [`Ground::program`].
    pub fn build(&self, out: &Path, home: &Path) -> Result<Command> {
        let mut command = self.program("build", home)?;
        command.arg("--kernel").arg(&self.kernel.kdir);
        command
            .arg("--out-dir")
            .arg(out)
            .args(["--make-var", PAHOLE]);
        if let Some(cc) = &self.kernel.cc {
            command.arg("--cc").arg(cc);
        }
        Ok(command)
    }
}

/// Runs a call of the program. Whatever it was given, it ends in time and by itself, with one of its
/// exit codes and without a panic.
///
/// # Errors
/// If one of that does not hold.
pub fn call(command: &mut Command) -> Result<Output> {
    let output = run::run(command, LIMIT)?;
    let text = output.err();
    let code = output.status.code();
    if !matches!(code, Some(0 | 1 | 2 | 77)) || text.contains("panicked at") {
        return Err(format!(
            "exit codes are 0, 1, 2 and 77; this was {}\n{command:?}\n{text}",
            output.status
        ));
    }
    // In JSON, the message is a result.
    if code != Some(0) && text.trim().is_empty() && output.out().trim().is_empty() {
        return Err(format!("it failed without a message\n{command:?}"));
    }
    Ok(output)
}
