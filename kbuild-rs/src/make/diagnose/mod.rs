//! Explained errors: what a line of kbuild's output means, and what to do.

mod c;
mod headers;
mod kbuild;
mod modpost;
mod numbers;
mod rust;
mod search_path;
mod signals;
mod tools;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::message::Level;
use crate::{Error, limits};

pub(crate) use kbuild::no_modules;

/// (a key for the cause, the explanation): each cause is explained once.
type Explained = Option<(String, String)>;

/// The rules, one file for each concern. The first that knows a line explains it.
const ROOMS: &[fn(&str, &Knowledge) -> Explained] = &[
    tools::explain,
    modpost::explain,
    kbuild::explain,
    rust::explain,
    c::explain,
    numbers::explain,
];

/// Facts about the build besides its output.
#[derive(Debug, Default)]
pub(crate) struct Knowledge {
    /// Symvers of modules built nearby, which the build was not told of.
    pub(crate) nearby: Vec<PathBuf>,
    /// The kernel's name, for sentences.
    pub(crate) release: String,
    /// The kernel tree, and its source half.
    #[cfg(feature = "rust")]
    pub(crate) kernel_dir: PathBuf,
    #[cfg(feature = "rust")]
    pub(crate) kernel_source: PathBuf,
    /// Whether make works in the module folder, and not in the kernel's.
    pub(crate) works_in_module: bool,
    /// The module folder in the stage.
    pub(crate) module_dir: PathBuf,
}

/// Listens to the output of one make.
#[derive(Debug, Default)]
pub(crate) struct Diagnosis {
    /// Explanations, each said once, in order of appearance.
    explanations: Vec<String>,
    said: BTreeSet<String>,
    /// The symbols that modpost did not find.
    undefined: BTreeSet<String>,
    /// The first lines that report an error.
    errors: Vec<String>,
    /// What make adds to an error: the rule that failed, which is in the kernel's makefiles.
    rules: Vec<String>,
    #[cfg(feature = "rust")]
    rustc: rust::Rustc,
    /// Whether a signal or a limit of this process ended a tool: its output cannot be trusted, even
    /// if make succeeded.
    cut_off: bool,
}

/// Enough for a person to see what it is about; the rest was streamed.
const MAX_ERRORS: usize = 12;

impl Diagnosis {
    /// Looks at a line; the answer is a hint that should follow it at once.
    pub(super) fn hear(&mut self, line: &str, level: Level, know: &Knowledge) -> Option<String> {
        if level == Level::Error {
            let lines = match is_rule(line) {
                true => &mut self.rules,
                false => &mut self.errors,
            };
            if lines.len() < MAX_ERRORS {
                lines.push(line.to_owned());
            }
            if let Some(symbol) = modpost::undefined_symbol(line) {
                self.undefined.insert(symbol.to_owned());
            }
        }
        // A probe of the compiler that could not run is an answer to make.
        self.cut_off |= signals::tells_of_a_signal(line) || limits::explain(line).is_some();
        #[cfg(feature = "rust")]
        for (key, text) in self.rustc.hear(line, know) {
            if self.said.insert(key) {
                self.explanations.push(text);
            }
        }
        let (key, text) = ROOMS.iter().find_map(|explain| explain(line, know))?;
        if !self.said.insert(key) {
            return None;
        }
        // What does not fail the build is explained where it stands.
        if level != Level::Error && (level == Level::Warning || text == tools::BTF_SKIPPED) {
            return Some(text);
        }
        self.explanations.push(text);
        None
    }

    pub(super) fn was_cut_off(&self) -> bool {
        self.cut_off
    }

    /// The end of an error message: the original lines, then what they mean.
    pub(super) fn summary(&self, know: &Knowledge) -> Summary {
        let lines = match self.errors.is_empty() {
            true => &self.rules,
            false => &self.errors,
        };
        let undefined = modpost::explain_undefined(&self.undefined, know);
        let explanations = undefined.iter().chain(&self.explanations);
        #[cfg(feature = "rust")]
        let of_rust = self.rustc.summary(know);
        #[cfg(feature = "rust")]
        let explanations = explanations.chain(&of_rust);
        Summary {
            quoted: lines.iter().map(|line| format!("\n  {line}")).collect(),
            explained: explanations.map(|text| format!("\n\n{text}")).collect(),
        }
    }
}

/// The end of an error message about a failed child.
#[derive(Debug)]
pub(super) struct Summary {
    /// The lines that report an error.
    quoted: String,
    /// Their meaning.
    explained: String,
}

impl Summary {
    /// The failure; `what` says it in a sentence.
    pub(super) fn error(&self, what: String) -> Error {
        Error::of_output(what, &self.quoted, &self.explained)
    }
}

/// `make[1]: *** [Makefile:255: hello.o] Error 1` and the like: true of every failure.
fn is_rule(line: &str) -> bool {
    line.strip_prefix("make")
        .and_then(|rest| rest.split_once("*** "))
        .is_some_and(|(_, what)| {
            what.starts_with("Waiting for ")
                || what.starts_with("Deleting ")
                || (what.starts_with('[') && what.contains("] Error "))
        })
}

/// The text between two words of a line.
fn between<'a>(line: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(before)?;
    rest.split_once(after).map(|(text, _)| text)
}
