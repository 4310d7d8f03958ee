//! Explained errors: the meaning of make's output, and what to do.
//!
//! [`rules`] has the table of all rules. This file reads make's output and applies them.

mod c;
mod headers;
mod kbuild;
mod modpost;
mod numbers;
mod rules;
mod rust;
mod search_path;
mod signals;
mod symbols;
mod tools;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::Error;
use crate::error::{Advice, Level};
use crate::sys::limits;
use rules::{Explanation, LineFound};

pub(crate) use kbuild::no_modules;

/// Facts about the build besides its output.
#[derive(Debug, Default)]
pub(crate) struct BuildFacts {
    /// Symvers of modules that were built nearby and that the build does not use.
    pub(crate) nearby: Vec<PathBuf>,
    /// The kernel's name in sentences.
    pub(crate) release: String,
    /// The kernel tree, and its source half.
    #[cfg(feature = "rust")]
    pub(crate) kernel_dir: PathBuf,
    #[cfg(feature = "rust")]
    pub(crate) kernel_source: PathBuf,
    /// Whether make works in the module folder and not in the kernel's folder.
    pub(crate) works_in_module: bool,
    /// Whether kbuild-rs has chosen a base for the modules' BTF.
    pub(crate) has_chosen_btf: bool,
    /// The module folder in the stage.
    pub(crate) module_dir: PathBuf,
}

/// Listens to the output of one make.
#[derive(Debug, Default)]
pub(crate) struct Diagnosis {
    /// Explanations for the end of the build, in order of appearance.
    explanations: Vec<Explanation>,
    /// The rules (by their names) that explained something, and the subjects: each is explained
    /// once.
    explained: Vec<(&'static str, String)>,
    /// The symbols that modpost did not find.
    undefined: BTreeSet<String>,
    /// The first lines that report an error.
    errors: Vec<String>,
    /// The lines that make adds to an error. They name the rule that failed, in the kernel's
    /// makefiles.
    make_errors: Vec<String>,
    #[cfg(feature = "rust")]
    rustc: rust::Listener,
    /// Whether a signal or a limit of this process ended a tool: its output cannot be trusted, even
    /// if make succeeded.
    cut_off: bool,
}

/// This many lines are enough for a person to see the cause. All lines were streamed before.
const MAX_ERRORS: usize = 12;

impl Diagnosis {
    /// Reads a line; returns a hint that should follow the line at once.
    pub(super) fn hear(&mut self, line: &str, level: Level, facts: &BuildFacts) -> Option<Advice> {
        if level == Level::Error {
            let lines = match is_of_every_failure(line) {
                true => &mut self.make_errors,
                false => &mut self.errors,
            };
            if lines.len() < MAX_ERRORS {
                lines.push(line.to_owned());
            }
            if let Some(symbol) = symbols::undefined(line) {
                self.undefined.insert(symbol.to_owned());
            }
        }
        // make takes a probe of the compiler that could not run for an answer.
        self.cut_off |= signals::tells_of_a_signal(line) || limits::explain(line).is_some();
        #[cfg(feature = "rust")]
        for explanation in self.rustc.hear(line, facts) {
            self.note(explanation);
        }
        let found = LineFound::of(line)?;
        let key = (found.rule.name, found.subject.to_owned());
        if self.explained.contains(&key) {
            return None;
        }
        let explanation = found.explain(facts);
        // If the line does not fail the build, the explanation follows it.
        if level == Level::Warning || (level != Level::Error && found.is_harmless()) {
            self.explained.push(key);
            return Some(explanation.into());
        }
        self.note(explanation);
        None
    }

    /// Keeps an explanation for the end of the build, unless its subject was explained before.
    fn note(&mut self, explanation: Explanation) {
        let key = (explanation.rule, explanation.subject.clone());
        if !self.explained.contains(&key) {
            self.explained.push(key);
            self.explanations.push(explanation);
        }
    }

    pub(super) fn was_cut_off(&self) -> bool {
        self.cut_off
    }

    /// The explanations for the end of the build.
    fn explanations(&self, facts: &BuildFacts) -> Vec<Explanation> {
        let mut all = symbols::explain(&self.undefined, facts);
        all.extend(self.explanations.iter().cloned());
        #[cfg(feature = "rust")]
        all.extend(self.rustc.explain_together(facts));
        all
    }

    /// The end of an error message: the original lines, then their meaning.
    pub(super) fn summary(&self, facts: &BuildFacts) -> Summary {
        let lines = match self.errors.is_empty() {
            true => &self.make_errors,
            false => &self.errors,
        };
        Summary {
            quoted: lines.iter().map(|line| format!("\n  {line}")).collect(),
            advice: self
                .explanations(facts)
                .into_iter()
                .map(Advice::from)
                .collect(),
        }
    }
}

/// The end of an error message about a failed child.
#[derive(Debug)]
pub(super) struct Summary {
    /// The lines that report an error.
    quoted: String,
    /// Their meaning.
    advice: Vec<Advice>,
}

impl Summary {
    /// The failure. `what` is its first sentence.
    pub(super) fn error(&self, what: String) -> Error {
        Error::of_output(what, &self.quoted, &self.advice)
    }
}

/// Whether every failure ends with such a line: `make[1]: *** [Makefile:255: hello.o] Error 1`.
fn is_of_every_failure(line: &str) -> bool {
    line.strip_prefix("make")
        .and_then(|rest| rest.split_once("*** "))
        .is_some_and(|(_, what)| {
            what.starts_with("Waiting for ")
                || what.starts_with("Deleting ")
                || (what.starts_with('[') && what.contains("] Error "))
        })
}
