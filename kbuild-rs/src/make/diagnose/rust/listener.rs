//! Follows rustc's output, message by message.

mod absent;
mod catalog;
mod habits;
mod message;
mod moved;
mod paths;
mod std_names;

#[cfg(test)]
mod tests;

use std::cell::OnceCell;

use absent::Absent;
use catalog::Catalog;
use message::Message;
use std_names::StdNames;

use crate::make::diagnose::Knowledge;

/// Listens to rustc's messages.
#[derive(Debug, Default)]
pub(in crate::make::diagnose) struct Rustc {
    /// The message that has not ended yet.
    message: Option<Message>,
    /// The names of the standard library that are used.
    std: StdNames,
    /// An explanation that only counts if no macro failed.
    no_prefix: Option<String>,
    /// Whether a macro failed: the names that it declares are then missing too.
    macro_failed: bool,
    absent: Absent,
    catalog: OnceCell<Catalog>,
}

impl Rustc {
    /// Looks at a line. Explains the message that it ends.
    pub(in crate::make::diagnose) fn hear(
        &mut self,
        line: &str,
        know: &Knowledge,
    ) -> Vec<(String, String)> {
        let begun = Message::begins(line);
        if begun.is_some() || line.is_empty() {
            let ended = std::mem::replace(&mut self.message, begun);
            return ended.map_or_else(Vec::new, |message| self.understand(&message, know));
        }
        if let Some(message) = &mut self.message {
            message.add(line);
        }
        Vec::new()
    }

    fn understand(&mut self, message: &Message, know: &Knowledge) -> Vec<(String, String)> {
        self.macro_failed |= habits::is_of_a_macro(message);
        if let Some(text) = habits::no_prefix(message) {
            self.no_prefix.get_or_insert(text);
            return Vec::new();
        }
        let simple = habits::explain(message, know);
        if simple.is_some() {
            return simple.into_iter().collect();
        }
        if self.std.note(message) {
            return Vec::new();
        }
        let catalog = || {
            let read = || Catalog::of(&know.kernel_source.join("rust"));
            self.catalog.get_or_init(read)
        };
        moved::explain(message, know, &catalog, &mut self.absent)
    }

    /// The explanations that need all messages.
    pub(in crate::make::diagnose) fn summary(&self, know: &Knowledge) -> Vec<String> {
        let no_prefix = self.no_prefix.clone().filter(|_| !self.macro_failed);
        let mut texts = self.absent.explain(know);
        texts.extend(self.std.explain(know));
        texts.extend(no_prefix);
        texts
    }
}
