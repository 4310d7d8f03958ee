//! The form of rustc's messages: a headline, its place, then more lines, and an empty one.

use crate::error::Level;

/// Follows the lines of one make, to tell which of them belong to a message of rustc.
#[derive(Debug, Default)]
pub(super) struct Following {
    /// The kind of the headline that has no place yet.
    placeless: Option<Level>,
    inside: bool,
}

impl Following {
    /// The kind of a line in, or at the end of, a message of rustc; `None` for all other lines. The
    /// place counts like its headline, so a user who only sees warnings and errors sees the place
    /// too.
    pub(super) fn hear(&mut self, line: &str) -> Option<Level> {
        if let Some(level) = headline(line) {
            self.inside = true;
            self.placeless = Some(level).filter(|level| *level != Level::Plain);
            return Some(level);
        }
        if line.is_empty() {
            self.placeless = None;
            return std::mem::take(&mut self.inside).then_some(Level::Plain);
        }
        match line.trim_start().starts_with("--> ") {
            true => self.placeless.take(),
            false => None,
        }
    }
}

/// The level of a line that begins a message. The counts at the end are neither warning nor error.
fn headline(line: &str) -> Option<Level> {
    let of = |word: &str| {
        let rest = line.strip_prefix(word)?;
        rest.starts_with([':', '[']).then_some(rest)
    };
    let (level, rest) = match (of("error"), of("warning")) {
        (Some(rest), _) => (Level::Error, rest),
        (_, Some(rest)) => (Level::Warning, rest),
        _ => return None,
    };
    let counts = rest.starts_with(": aborting due to ") || rest.ends_with(" emitted");
    Some(if counts { Level::Plain } else { level })
}

/// Whether rustc names a file in the words of this line: `couldn't read "src/x.rs"`.
pub(super) fn names_files(line: &str) -> bool {
    headline(line).is_some() || line.trim_start().starts_with("= help: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_as_its_headline_and_only_the_first_does() {
        let mut rustc = Following::default();
        for (line, level) in [
            ("", None),
            ("  RUSTC [M] hello.o", None),
            ("warning: unused variable: `x`", Some(Level::Warning)),
            (" --> a.rs:1:1", Some(Level::Warning)),
            ("  --> b.rs:1:1", None),
            ("", Some(Level::Plain)),
            ("", None),
            ("error[E0583]: file not found", Some(Level::Error)),
            ("  text of a second line", None),
            ("   --> a.rs:1:1", Some(Level::Error)),
            ("  | error: quoted", None),
            ("warning: 2 warnings emitted", Some(Level::Plain)),
            (
                "error: aborting due to 1 previous error",
                Some(Level::Plain),
            ),
            (" --> no.rs:1:1", None),
            ("errors: none", None),
            ("a.c:1:2: error: x", None),
        ] {
            assert_eq!(rustc.hear(line), level, "{line}");
        }
    }
}
