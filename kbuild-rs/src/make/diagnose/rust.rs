//! Messages of rustc: what they mean for a module.

mod catalog;
mod habits;
mod message;
mod moved;
mod paths;
mod std_names;

#[cfg(test)]
mod tests;

use std::cell::OnceCell;

use super::{Explained, Knowledge};
use catalog::Catalog;
use message::Message;
use std_names::StdNames;

/// Follows what rustc says.
#[derive(Debug, Default)]
pub(super) struct Rustc {
    /// The message that has begun and not ended.
    message: Option<Message>,
    /// What is used of the standard library.
    std: StdNames,
    /// An explanation that depends on what else rustc says.
    no_prefix: Option<String>,
    /// Whether a macro failed, so that what it declares is missing too.
    macro_failed: bool,
    catalog: OnceCell<Catalog>,
}

impl Rustc {
    /// Looks at a line; gives what the message that it ends means.
    pub(super) fn hear(&mut self, line: &str, know: &Knowledge) -> Vec<(String, String)> {
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
        moved::explain(message, know, &catalog)
    }

    /// What is said once all messages are known.
    pub(super) fn summary(&self, know: &Knowledge) -> Vec<String> {
        let no_prefix = self.no_prefix.clone().filter(|_| !self.macro_failed);
        let std = self.std.explain(know);
        std.into_iter().chain(no_prefix).collect()
    }
}

/// Explains lines that do not need the rest of their message.
pub(super) fn explain(line: &str, know: &Knowledge) -> Explained {
    let says = |words: &str| line.starts_with("error") && line.contains(words);
    if says("can't find crate for `core`")
        || says("` which `kernel` depends on")
        || says("incompatible version of rustc")
        || says("rror loading target specification")
        || (says("target.json") && says("does not exist"))
    {
        return Some((
            "rustc".into(),
            format!(
                "Rust modules take the rustc that built the kernel {}, no other one, and a kernel \
                 tree with the metadata of the kernel's crates (rust/*.rmeta): name that rustc \
                 (--rustc, Build::rustc; in a build script, the feature `rust` of kbuild-rs looks \
                 for it); `kbuild-rs kernels` tells which trees have Rust",
                know.release
            ),
        ));
    }
    if let Some(text) = super::super::rustc::not_copied(line) {
        return Some((text.clone(), text));
    }
    None
}
