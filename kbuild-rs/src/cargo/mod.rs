//! Cargo, in and out: what a build script is told, and the directives that it prints.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "standard output is how a build script talks to Cargo, standard error to people"
)]

mod door;
mod links;

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Mutex;

use crate::Error;
use crate::message::{Level, Message};
use crate::report::Report;

pub(crate) use door::Door;
pub(crate) use links::{Provided, pass_on};

/// Tells Cargo which files and folders a finished build depends on.
pub(crate) fn announce_files(report: &Report) {
    // What lies there the script has just made: to Cargo it is newer than the script's run.
    let own = std::env::var_os("OUT_DIR").and_then(|dir| std::fs::canonicalize(dir).ok());
    for path in report.prerequisites().iter().chain(report.folders()) {
        if own.as_ref().is_some_and(|own| path.starts_with(own)) {
            continue;
        }
        let path = path.as_os_str().as_bytes();
        // Cargo reads lines: such a path cannot be told, and the others still are.
        if !path.contains(&b'\n') {
            directive("rerun-if-changed", path);
        }
    }
}

/// Tells the crate where its modules are.
pub(crate) fn announce_modules(report: &Report) {
    for module in report.modules() {
        announce_module(module.name(), module.path());
    }
}

/// `my-mod` and the file with its table become `MY_MOD_KO_TABLE`.
pub(crate) fn announce_table(name: &str, path: &Path) {
    announce_env(&format!("{}_KO_TABLE=", word(name)), path);
}

/// `my-mod` and its path become `MY_MOD_KO`.
pub(crate) fn announce_module(name: &str, path: &Path) {
    announce_env(&format!("{}_KO=", word(name)), path);
}

fn announce_env(name: &str, path: &Path) {
    directive(
        "rustc-env",
        &[name.as_bytes(), path.as_os_str().as_bytes()].concat(),
    );
}

/// A module's name as a part of a variable's.
fn word(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}

/// The single-colon form is the one that Cargo takes from packages of every `rust-version`.
fn directive(name: &str, value: &[u8]) {
    let line = [b"cargo:", name.as_bytes(), b"=", value, b"\n"].concat();
    // A Cargo that went away has no use for directives.
    let _ = std::io::stdout().write_all(&line);
}

/// What is told to Cargo at the end only: where a script fails, Cargo prints all that it said,
/// before the error, and runs it again in any case.
static LATER: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn env_matters(name: &str) {
    let mut later = LATER.lock().unwrap_or_else(|p| p.into_inner());
    later.insert(name.to_owned());
}

/// Tells Cargo which variables the script has read. To be called whenever it goes on.
pub(crate) fn announce_env_read() {
    let mut later = LATER.lock().unwrap_or_else(|p| p.into_inner());
    for name in std::mem::take(&mut *later) {
        directive("rerun-if-env-changed", name.as_bytes());
    }
}

/// Says a message where no handler was given: to people on standard error, which Cargo shows
/// when the build fails, and warnings to Cargo, which shows them always.
pub(crate) fn print_message(message: &Message<'_>, metadata: bool) {
    let warn = |text: &str| {
        if metadata {
            lines_of(text).for_each(|line| directive("warning", line.as_bytes()));
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

/// A directive is one line: each line of a warning is a warning to Cargo.
fn lines_of(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim().is_empty())
}

/// Ends a build script with an error that Cargo shows.
pub(crate) fn fail(error: &Error) -> ! {
    eprintln!("\nerror: {error}\n");
    std::process::exit(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_a_warning_is_a_directive_of_its_own() {
        let lines: Vec<&str> = lines_of("in a.rs:\n  let x;\n\nand so on").collect();
        assert_eq!(lines, ["in a.rs:", "  let x;", "and so on"]);
    }
}
