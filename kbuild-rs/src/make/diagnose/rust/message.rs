//! One message of rustc, in its parts.
//!
//! rustc quotes source lines, which may hold any words. They have a number in front and are kept
//! apart from rustc's own words.

use std::path::PathBuf;

/// A headline, its places, and rustc's remarks about them.
#[derive(Debug, Default)]
pub(in crate::make::diagnose) struct Message {
    /// `E0432`, if the message has a code.
    pub(super) code: String,
    /// The headline without `error[E0432]: `.
    pub(super) text: String,
    /// The first place is the error's own, the others belong to notes.
    pub(super) places: Vec<Place>,
    /// Labels below quoted lines, notes and help, without the margin.
    pub(super) remarks: Vec<String>,
    /// Lines that rustc would add to the source.
    pub(super) additions: Vec<String>,
}

/// A place in a file; lines and columns count from 1.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Message {
    /// The message that this line begins, if it is the headline of an error.
    pub(super) fn begins(line: &str) -> Option<Message> {
        let rest = line.strip_prefix("error")?;
        let (code, text) = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once("]: ")?,
            None => ("", rest.strip_prefix(": ")?),
        };
        if text.starts_with("aborting due to ") {
            return None;
        }
        Some(Message {
            code: code.to_owned(),
            text: text.to_owned(),
            ..Message::default()
        })
    }

    /// Adds a line that follows the headline.
    pub(super) fn add(&mut self, line: &str) {
        let text = line.trim_start();
        if let Some(place) = text.strip_prefix("--> ") {
            self.places.extend(Place::parse(place));
            return;
        }
        let numbered = text.trim_start_matches(|c: char| c.is_ascii_digit());
        if numbered.len() < text.len() {
            if let Some(added) = numbered.trim_start().strip_prefix("+ ") {
                self.additions.push(added.trim().to_owned());
            }
            return;
        }
        let remark = text.trim_start_matches([' ', '|', '^', '_', '-', '=', '~', '+']);
        if !remark.is_empty() {
            self.remarks.push(remark.to_owned());
        }
    }

    /// The place of the error itself.
    pub(super) fn place(&self) -> Option<&Place> {
        self.places.first()
    }

    /// The words of rustc: the headline, then the remarks.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.text)
            .chain(&self.remarks)
            .map(String::as_str)
    }

    /// The name in backticks behind these words, in the headline or a remark.
    pub(super) fn named(&self, before: &str) -> Option<&str> {
        self.words().find_map(|text| quoted_after(text, before))
    }
}

impl Place {
    fn parse(text: &str) -> Option<Place> {
        let mut parts = text.rsplitn(3, ':');
        let column = parts.next()?.parse().ok()?;
        let line = parts.next()?.parse().ok()?;
        let file = parts.next()?.into();
        Some(Place { file, line, column })
    }
}

/// The text `x` in ``… before `x` …``.
fn quoted_after<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.strip_prefix('`')?.split('`').next()
}

/// All texts in backticks.
pub(super) fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rustcs_words_are_told_from_the_lines_that_it_quotes() {
        let mut message = Message::begins("error[E0432]: unresolved imports `a::B`, `c`").unwrap();
        for line in [
            "  --> /s/a:b.rs:6:25",
            "   |",
            "16 | use a::{B}; // no `X` in `y`",
            "   |      ^^^^^^^  ^ no `B` in `a`",
            "   |      |",
            "   |      could not find `c`",
            "   = help: consider this",
            "          crate::ss::Other",
            "help: consider importing this struct",
            "1  + use crate::B;",
            "note: defined here",
            "  --> /k/kernel.rs:1:2",
        ] {
            message.add(line);
        }
        assert_eq!(message.code, "E0432");
        assert_eq!(quoted(&message.text).collect::<Vec<_>>(), ["a::B", "c"]);
        let place = message.place().unwrap();
        assert_eq!((place.line, place.column), (6, 25));
        assert_eq!(place.file, PathBuf::from("/s/a:b.rs"));
        assert_eq!(message.places[1].file, PathBuf::from("/k/kernel.rs"));
        assert_eq!(message.named("no "), Some("B"));
        assert_eq!(message.named("could not find "), Some("c"));
        assert_eq!(message.additions, ["use crate::B;"]);
        assert!(!message.words().any(|text| text.contains("`X`")));
    }

    #[test]
    fn only_an_error_begins_a_message() {
        for line in [
            "warning: unused import",
            "errors: none",
            " error: x",
            "a.c:1:2: error: x",
            "error: aborting due to 2 previous errors",
            "error",
        ] {
            assert!(Message::begins(line).is_none(), "{line}");
        }
        let plain = Message::begins("error: cannot find macro `vec` in this scope").unwrap();
        assert_eq!(plain.code, "");
        assert_eq!(plain.named("macro "), Some("vec"));
    }
}
