//! Cargo, in and out: the one door through which the environment is read, and the directives
//! that a build script prints.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "standard output is how a build script talks to Cargo, standard error to people"
)]

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::message::{Level, Message};
use crate::report::Report;
use crate::{Error, ErrorKind, Result};

/// Reads variables and, in a build script, tells Cargo which ones the build depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Door {
    /// Whether this is a build script.
    pub(crate) metadata: bool,
}

impl Door {
    /// A variable that Cargo itself sets for build scripts.
    pub(crate) fn cargo(&self, name: &str) -> Option<OsString> {
        if self.metadata {
            std::env::var_os(name)
        } else {
            None
        }
    }

    /// A directory that Cargo names for build scripts.
    pub(crate) fn cargo_dir(&self, name: &str, setter: &str) -> Result<PathBuf> {
        self.cargo(name).map(PathBuf::from).ok_or_else(|| {
            Error::new(
                ErrorKind::Environment,
                format!(
                    "{name} is not set: Cargo sets it when it runs build.rs; elsewhere call \
                     {setter}"
                ),
            )
        })
    }

    /// A variable of the user's; an empty one counts as not set.
    pub(crate) fn user(&self, name: &str) -> Option<OsString> {
        if self.metadata {
            directive("rerun-if-env-changed", name.as_bytes());
        }
        std::env::var_os(name).filter(|v| !v.is_empty())
    }

    /// A variable that may be set for one target only, in `cc`'s order: `KDIR_<target>`,
    /// `KDIR_<target_with_underscores>`, `TARGET_KDIR`, `KDIR`.
    pub(crate) fn per_target(&self, name: &str, target: Option<&str>) -> Option<OsString> {
        let mut names = Vec::new();
        if let Some(target) = target {
            names.push(format!("{name}_{target}"));
            names.push(format!("{name}_{}", target.replace(['-', '.'], "_")));
            names.push(format!("TARGET_{name}"));
        }
        names.push(name.to_owned());
        // All are asked for, so that Cargo hears of each one.
        let values: Vec<_> = names.iter().map(|n| self.user(n)).collect();
        values.into_iter().flatten().next()
    }
}

/// Prints the directives for a finished build.
pub(crate) fn announce(report: &Report) {
    for path in report.prerequisites().iter().chain(report.folders()) {
        let path = path.as_os_str().as_bytes();
        // Cargo reads lines: such a path cannot be told, and the others still are.
        if !path.contains(&b'\n') {
            directive("rerun-if-changed", path);
        }
    }
    for module in report.modules() {
        announce_module(module.name(), module.path());
    }
}

/// `my-mod` and its path become `MY_MOD_KO`.
pub(crate) fn announce_module(name: &str, path: &Path) {
    let mut value = format!("{}_KO=", name.to_uppercase().replace('-', "_")).into_bytes();
    value.extend_from_slice(path.as_os_str().as_bytes());
    directive("rustc-env", &value);
}

/// The single-colon form is the one that Cargo takes from packages of every `rust-version`.
fn directive(name: &str, value: &[u8]) {
    let line = [b"cargo:", name.as_bytes(), b"=", value, b"\n"].concat();
    // A Cargo that went away has no use for directives.
    let _ = std::io::stdout().write_all(&line);
}

/// Says a message where no handler was given: to people on standard error, which Cargo shows
/// when the build fails, and warnings to Cargo, which shows them always.
pub(crate) fn print_message(message: &Message<'_>, metadata: bool) {
    let warn = |text: &str| {
        if metadata {
            directive("warning", text.as_bytes());
        } else {
            eprintln!("warning: {text}");
        }
    };
    match message {
        Message::Note { text } => eprintln!("note: {text}"),
        Message::Hint { text } => eprintln!("hint: {text}"),
        Message::Warning { text } => warn(text),
        Message::Step { action, target } => eprintln!("  {action:<7} {target}"),
        Message::Output { line, level } => {
            if metadata && *level == Level::Warning {
                warn(line);
            }
            eprintln!("{line}");
        }
    }
}

/// Ends a build script with an error that Cargo shows.
pub(crate) fn fail(error: &Error) -> ! {
    eprintln!("\nerror: {error}\n");
    std::process::exit(1)
}
