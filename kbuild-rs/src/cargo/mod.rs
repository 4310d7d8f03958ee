//! Cargo's interface: the variables that a build script gets, and the directives that it prints.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "standard output is how a build script talks to Cargo, standard error to people"
)]

#[cfg(feature = "cache")]
mod cache;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod links;
mod modules;

use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::error::{Level, Message};
use crate::settings::{Environment, Report};

#[cfg(feature = "cache")]
pub(crate) use cache::cache_folder;
pub(crate) use links::{pass_on, received};
pub(crate) use modules::record_modules;

/// Tells Cargo which files and folders a finished build depends on.
pub(crate) fn announce_files(report: &Report) {
    announce_prerequisites(report.prerequisites().iter().chain(report.folders()));
}

/// Tells Cargo that the script must run again if one of these files or folders changes.
pub(crate) fn announce_prerequisites<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) {
    // The script has just created the files there, so Cargo sees them as newer than the script's
    // run.
    let own = std::env::var_os("OUT_DIR").and_then(|dir| std::fs::canonicalize(dir).ok());
    for path in paths {
        if own.as_ref().is_some_and(|own| path.starts_with(own)) {
            continue;
        }
        let path = path.as_os_str().as_bytes();
        // A directive is one line, so such a path cannot be printed. The other paths still are.
        if !path.contains(&b'\n') {
            directive("rerun-if-changed", path);
        }
    }
}

/// Tells Cargo which files decide about a requirement that the kernel does not meet. The script may
/// go on without the module, and Cargo runs it again when one of them changes.
pub(crate) fn announce_requirements(environment: &Environment, error: &Error) {
    for path in error.requirement_inputs() {
        let path = path.as_os_str().as_bytes();
        if environment.is_build_script && !path.contains(&b'\n') {
            directive("rerun-if-changed", path);
        }
    }
}

/// Tells the crate the paths of its modules.
pub(crate) fn announce_modules(report: &Report) {
    for module in report.modules() {
        announce_module(module.name(), module.path());
    }
}

/// Sets `MY_MOD_KO_TABLE` for the module `my-mod` to the path of its table.
pub(crate) fn announce_table(name: &str, path: &Path) {
    announce_env(&format!("{}_KO_TABLE=", word(name)), path);
}

/// Sets `MY_MOD_KO` for the module `my-mod` to its path.
pub(crate) fn announce_module(name: &str, path: &Path) {
    announce_env(&format!("{}_KO=", word(name)), path);
}

fn announce_env(name: &str, path: &Path) {
    directive(
        "rustc-env",
        &[name.as_bytes(), path.as_os_str().as_bytes()].concat(),
    );
}

/// A module's name as a part of a variable's name.
fn word(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}

/// Prints a directive. Cargo accepts the form with a single colon from packages of every
/// `rust-version`.
fn directive(name: &str, value: &[u8]) {
    let line = [b"cargo:", name.as_bytes(), b"=", value, b"\n"].concat();
    // If Cargo has ended, nobody reads directives.
    let _ = std::io::stdout().write_all(&line);
}

/// Tells Cargo which variables the script has read. Only at the end: if a script fails, Cargo
/// prints all its output before the error, and runs it again in any case.
pub(crate) fn announce_env_read(environment: &Environment) {
    let names = environment.take_names();
    if environment.is_build_script {
        for name in names {
            directive("rerun-if-env-changed", name.as_bytes());
        }
    }
}

/// Prints a message for people on standard error.
pub(crate) fn print(message: &Message<'_>) {
    match message {
        Message::Note { text } => eprintln!("note: {text}"),
        Message::Hint { text, .. } => eprintln!("hint: {text}"),
        Message::Warning { text, .. } => eprintln!("warning: {text}"),
        Message::Step { action, target } => eprintln!("  {action:<7} {target}"),
        Message::Output { line, .. } => eprintln!("{line}"),
    }
}

/// Prints a message in a build script. Cargo always shows warnings. The rest goes to standard
/// error, which Cargo shows if the build fails.
pub(crate) fn print_in_script(message: &Message<'_>) {
    let warn = |text| lines_of(text).for_each(|line| directive("warning", line.as_bytes()));
    match message {
        Message::Warning { text, .. } => warn(text),
        Message::Output { line, level } => {
            if *level == Level::Warning {
                warn(line);
            }
            print(message);
        }
        _ => print(message),
    }
}

/// The lines of a text. A directive is one line, so each line of a warning becomes its own warning.
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
