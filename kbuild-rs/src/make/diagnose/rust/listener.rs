//! Follows rustc's output, message by message.

use std::cell::OnceCell;

use super::catalog::Catalog;
use super::kernel_paths;
use super::message::Message;
use crate::make::diagnose::BuildFacts;
use crate::make::diagnose::rules::{Explains, Explanation, Rule, rules};

/// Listens to rustc's messages.
#[derive(Debug, Default)]
pub(in crate::make::diagnose) struct Listener {
    /// The message that has not ended yet.
    message: Option<Message>,
    /// The subjects that a rule (by its name) explains together, in order of appearance.
    subjects: Vec<(&'static str, Vec<String>)>,
    /// The rules whose explanations would be wrong.
    moot: Vec<&'static str>,
    /// The kernel's Rust, once a message needs it.
    catalog: OnceCell<Catalog>,
}

impl Listener {
    /// Reads a line. Explains the message that it ends.
    pub(in crate::make::diagnose) fn hear(
        &mut self,
        line: &str,
        facts: &BuildFacts,
    ) -> Vec<Explanation> {
        let begun = Message::begins(line);
        if begun.is_some() || line.is_empty() {
            let ended = std::mem::replace(&mut self.message, begun);
            return ended.map_or_else(Vec::new, |message| self.explain(&message, facts));
        }
        if let Some(message) = &mut self.message {
            message.add(line);
        }
        Vec::new()
    }

    /// The first rule that recognizes the message explains it. If there is none, the first rule
    /// that recognizes a path in the message explains that path.
    fn explain(&mut self, message: &Message, facts: &BuildFacts) -> Vec<Explanation> {
        for rule in rules() {
            match rule.explains {
                Explains::Messages { is_moot, .. } if is_moot(message) => {
                    self.moot.push(rule.name);
                }
                _ => {}
            }
        }
        for rule in rules() {
            match rule.explains {
                Explains::Message(recognize, explain) => {
                    if let Some(subject) = recognize(message) {
                        let text = explain(message, &subject, facts);
                        return vec![rule.explanation(&subject, text)];
                    }
                }
                Explains::Messages { subjects, .. } => {
                    let subjects = subjects(message);
                    if !subjects.is_empty() {
                        let subjects = subjects.into_iter();
                        subjects.for_each(|subject| self.note(rule, subject));
                        return Vec::new();
                    }
                }
                _ => {}
            }
        }
        self.explain_paths(message, facts)
    }

    fn explain_paths(&mut self, message: &Message, facts: &BuildFacts) -> Vec<Explanation> {
        let missing = kernel_paths::missing(message, facts, &self.catalog);
        let mut explanations = Vec::new();
        for path in missing {
            for rule in rules() {
                match rule.explains {
                    Explains::Path(recognizes, explain) if recognizes(&path) => {
                        explanations.push(rule.explanation(&path.wanted, explain(&path, facts)));
                        break;
                    }
                    Explains::Paths(subject, _) => {
                        if let Some(subject) = subject(&path) {
                            self.note(rule, subject.to_owned());
                            break;
                        }
                    }
                    _ => {}
                }
            }
        }
        explanations
    }

    /// Keeps a subject for the explanation at the end.
    fn note(&mut self, rule: &Rule, subject: String) {
        match self
            .subjects
            .iter_mut()
            .find(|(name, _)| *name == rule.name)
        {
            Some((_, subjects)) if subjects.contains(&subject) => {}
            Some((_, subjects)) => subjects.push(subject),
            None => self.subjects.push((rule.name, vec![subject])),
        }
    }

    /// The explanations that need all messages. The last rule comes first, because it is about the
    /// kernel's own names. The first rules are about errors that may follow from others.
    pub(in crate::make::diagnose) fn explain_together(
        &self,
        facts: &BuildFacts,
    ) -> Vec<Explanation> {
        let mut explanations = Vec::new();
        for rule in rules().filter(|rule| !self.moot.contains(&rule.name)) {
            let explain = match rule.explains {
                Explains::Messages { explain, .. } => explain,
                Explains::Paths(_, explain) => explain,
                _ => continue,
            };
            let noted = self.subjects.iter().find(|(name, _)| *name == rule.name);
            if let Some((_, subjects)) = noted {
                explanations.push(rule.explanation("", explain(subjects, facts)));
            }
        }
        explanations.reverse();
        explanations
    }
}

/// The subjects in alphabetical order, for a list.
pub(super) fn sorted(subjects: &[String]) -> Vec<String> {
    let mut sorted = subjects.to_vec();
    sorted.sort();
    sorted
}
