//! The table of rules: each rule explains a piece of make's output and says what to do about it.
//!
//! The rules of one concern are in one file, and this file joins them. The first rule that
//! recognizes something explains it; later rules are not asked. A rule cannot be written without an
//! example, and the tests make a case of each example.

#[cfg(feature = "rust")]
use super::rust::{Message, MissingPath};
use super::{BuildFacts, c, kbuild, modpost, numbers, rust, symbols, tools};
use crate::Symvers;
use crate::error::Advice;

/// The tables, in the order of the search.
static TABLES: &[&[Rule]] = &[
    tools::RULES,
    modpost::RULES,
    kbuild::RULES,
    rust::RULES,
    c::RULES,
    numbers::RULES,
    symbols::RULES,
    #[cfg(feature = "rust")]
    rust::module_macro::RULES,
    #[cfg(feature = "rust")]
    rust::environment::RULES,
    #[cfg(feature = "rust")]
    rust::crate_files::RULES,
    #[cfg(feature = "rust")]
    rust::standard_library::RULES,
    #[cfg(feature = "rust")]
    rust::kernel_paths::RULES,
];

/// All rules, in the order in which they are asked.
pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    TABLES.iter().copied().flatten()
}

/// A cause of errors or warnings, and its explanation.
pub(super) struct Rule {
    /// The name never changes once it is published: kebab-case, and it says what is wrong.
    pub(super) name: &'static str,
    pub(super) explains: Explains,
    /// One example, and more if make's output has several forms.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "only tests read examples so far")
    )]
    pub(super) examples: (Example, &'static [Example]),
}

impl Rule {
    /// The rule's text about a subject.
    pub(super) fn explanation(&self, subject: &str, text: String) -> Explanation {
        Explanation {
            rule: self.name,
            subject: subject.to_owned(),
            text,
        }
    }
}

/// An explanation, and the rule that gave it.
#[derive(Debug, Clone)]
pub(super) struct Explanation {
    pub(super) rule: &'static str,
    pub(super) subject: String,
    pub(super) text: String,
}

impl From<Explanation> for Advice {
    fn from(explanation: Explanation) -> Advice {
        Advice::new(explanation.rule, explanation.text)
    }
}

/// The piece of output that a rule is about: a function that recognizes it, and one that explains
/// it.
///
/// Most pieces have a subject: the header, tool or symbol that is named there. Each subject of a
/// rule is explained once. The subject is empty if the explanation is the same for all pieces.
pub(super) enum Explains {
    /// One line. The first function returns its subject.
    Line(
        fn(&str) -> Option<&str>,
        fn(&LineFound<'_>, &BuildFacts) -> String,
    ),
    /// One line that looks like an error and is harmless: the explanation follows it at once.
    Harmless(
        fn(&str) -> Option<&str>,
        fn(&LineFound<'_>, &BuildFacts) -> String,
    ),
    /// Symbols that modpost did not find. All symbols of a rule are explained together at the end
    /// of the build; both functions get the symvers of modules nearby.
    Symbols(
        fn(&str, &[Symvers]) -> bool,
        fn(&[&str], &[Symvers], &BuildFacts) -> Vec<String>,
    ),
    /// One message of rustc. The first function returns its subject.
    #[cfg(feature = "rust")]
    Message(
        fn(&Message) -> Option<String>,
        fn(&Message, &str, &BuildFacts) -> String,
    ),
    /// Messages of rustc. All their subjects are explained together at the end of the build.
    #[cfg(feature = "rust")]
    Messages {
        subjects: fn(&Message) -> Vec<String>,
        /// Whether another message makes the explanation wrong.
        is_moot: fn(&Message) -> bool,
        explain: fn(&[String], &BuildFacts) -> String,
    },
    /// One path into the kernel's crates that rustc did not find; the path is the subject.
    #[cfg(feature = "rust")]
    Path(
        fn(&MissingPath) -> bool,
        fn(&MissingPath, &BuildFacts) -> String,
    ),
    /// Such paths. All of them are explained together at the end of the build; the first function
    /// returns the text that the second one lists.
    #[cfg(feature = "rust")]
    Paths(
        fn(&MissingPath) -> Option<&str>,
        fn(&[String], &BuildFacts) -> String,
    ),
}

/// A line, the rule that recognizes it, and its subject.
pub(super) struct LineFound<'a> {
    pub(super) rule: &'static Rule,
    pub(super) line: &'a str,
    pub(super) subject: &'a str,
}

impl<'a> LineFound<'a> {
    /// The first rule that recognizes a line.
    pub(super) fn of(line: &'a str) -> Option<LineFound<'a>> {
        for rule in rules() {
            let subject = match rule.explains {
                Explains::Line(recognize, _) | Explains::Harmless(recognize, _) => recognize(line),
                _ => None,
            };
            if let Some(subject) = subject {
                return Some(LineFound {
                    rule,
                    line,
                    subject,
                });
            }
        }
        None
    }

    pub(super) fn is_harmless(&self) -> bool {
        matches!(self.rule.explains, Explains::Harmless(..))
    }

    pub(super) fn explain(&self, facts: &BuildFacts) -> Explanation {
        let text = match self.rule.explains {
            Explains::Line(_, explain) | Explains::Harmless(_, explain) => explain(self, facts),
            _ => String::new(),
        };
        self.rule.explanation(self.subject, text)
    }
}

/// Real output, and words that its explanation must contain.
///
/// In the output, `{dir}` stands for the folder that has the example's files: the module tree, with
/// the kernel in its folder `k`.
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "only tests read examples so far")
)]
pub(super) struct Example {
    pub(super) output: &'static str,
    pub(super) explained: &'static [&'static str],
    /// Files that the explanation depends on: (path below `{dir}`, content).
    pub(super) files: &'static [(&'static str, &'static str)],
}

/// An example that needs no files.
pub(super) const fn example(output: &'static str, explained: &'static [&'static str]) -> Example {
    Example {
        output,
        explained,
        files: &[],
    }
}

impl Example {
    /// Adds the files that the explanation depends on.
    pub(super) const fn with(self, files: &'static [(&'static str, &'static str)]) -> Example {
        Example { files, ..self }
    }
}

/// Recognizes a line with any of these words; such a line has no subject.
pub(super) fn has_any(line: &str, words: &[&str]) -> Option<&'static str> {
    words.iter().any(|words| line.contains(words)).then_some("")
}

/// The text between two words of a line.
pub(super) fn between<'a>(line: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(before)?;
    rest.split_once(after).map(|(text, _)| text)
}
