//! Conditions of makefiles that kbuild decides. With them, one file has a part for `make` by hand and
//! a part for kbuild.

use std::sync::Arc;

/// Variables that are never empty where kbuild reads a makefile.
pub(crate) const ALWAYS_SET: &[&str] = &[
    "KERNELRELEASE",
    "KBUILD_EXTMOD",
    "M",
    "src",
    "obj",
    "srctree",
];

/// The conditions around a line.
#[derive(Debug, Default)]
pub(super) struct Conditions(Vec<Condition>);

/// An `if` with its `else`s, at the branch that is being read.
#[derive(Debug, Default)]
struct Condition {
    /// Whether kbuild reads the branch, if that is known.
    is_read: Option<bool>,
    /// The last condition that only make can decide, in this branch or in an earlier one.
    unknown: Option<Arc<str>>,
    /// Whether `unknown` is of an earlier branch.
    is_else: bool,
    /// Whether kbuild reads none of the later branches.
    is_over: bool,
    /// [`Conditions::are_false`] and [`Conditions::unknown`] around it: a line may be in so many
    /// conditions that nobody can look at each for each line.
    is_in_false: bool,
    around: Option<Arc<str>>,
}

impl Condition {
    /// Goes on to the branch with this condition. The condition is empty for a plain `else`.
    fn enter(&mut self, text: &str) {
        let holds = match text {
            "" => Some(true),
            text => holds_for_kbuild(text),
        };
        self.is_read = match (self.is_over, holds, &self.unknown) {
            (true, ..) | (_, Some(false), _) => Some(false),
            (_, Some(true), None) => Some(true),
            (_, Some(true), Some(before)) => {
                if !self.is_else {
                    self.unknown = Some(format!("else of {before}").into());
                    self.is_else = true;
                }
                None
            }
            (_, None, _) => {
                self.unknown = Some(text.into());
                self.is_else = false;
                None
            }
        };
        self.is_over |= holds == Some(true);
    }
}

impl Conditions {
    /// Whether kbuild never reads the line.
    pub(super) fn are_false(&self) -> bool {
        let last = self.0.last();
        last.is_some_and(|c| c.is_in_false || c.is_read == Some(false))
    }

    /// The innermost condition that only make can decide.
    pub(super) fn unknown(&self) -> Option<&Arc<str>> {
        let last = self.0.last()?;
        match last.is_read {
            None => last.unknown.as_ref(),
            Some(_) => last.around.as_ref(),
        }
    }

    /// Follows a line that begins, turns or ends a condition; returns whether it is such a line.
    pub(super) fn follow(&mut self, line: &str) -> bool {
        match conditional(line) {
            Some(Conditional::If(text)) => {
                let condition = Condition {
                    is_in_false: self.are_false(),
                    around: self.unknown().cloned(),
                    ..Condition::default()
                };
                self.0.push(condition);
                self.enter(text);
            }
            Some(Conditional::Else(text)) => self.enter(text),
            Some(Conditional::End) => drop(self.0.pop()),
            None => return false,
        }
        true
    }

    fn enter(&mut self, text: &str) {
        if let Some(last) = self.0.last_mut() {
            last.enter(text);
        }
    }
}

/// A conditional directive.
pub(crate) enum Conditional<'a> {
    /// The whole line: `ifdef X`.
    If(&'a str),
    /// The condition behind the `else`, or an empty text.
    Else(&'a str),
    End,
}

/// The conditional directive in a line, if it is one.
pub(crate) fn conditional(line: &str) -> Option<Conditional<'_>> {
    match line.split([' ', '\t', '(']).next()? {
        "ifeq" | "ifneq" | "ifdef" | "ifndef" => Some(Conditional::If(line)),
        "else" => Some(Conditional::Else(line["else".len()..].trim())),
        "endif" => Some(Conditional::End),
        _ => None,
    }
}

/// Whether a condition holds, if kbuild decides it: `ifneq ($(KERNELRELEASE),)`.
fn holds_for_kbuild(text: &str) -> Option<bool> {
    let (word, rest) = text.split_at(text.find([' ', '\t', '('])?);
    let rest = rest.trim();
    let is_set = |name: &str| ALWAYS_SET.contains(&name);
    match word {
        "ifdef" => is_set(rest).then_some(true),
        "ifndef" => is_set(rest).then_some(false),
        _ => {
            let bare: String = rest
                .chars()
                .filter(|c| !"(){}\"',$ \t".contains(*c))
                .collect();
            let bare = bare.strip_prefix("strip").unwrap_or(&bare);
            // A condition only decides here if it compares with the empty text.
            is_set(bare).then_some(word == "ifneq")
        }
    }
}
