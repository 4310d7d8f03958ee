//! What rustc prints: a headline, the place that it is about, then more lines, and an empty one.

use std::path::Path;

use crate::message::Level;

/// Follows the lines of one make, to tell which of them belong to a message of rustc's.
#[derive(Debug, Default)]
pub(super) struct Following {
    /// What the headline was whose place has not come yet.
    placeless: Option<Level>,
    inside: bool,
}

impl Following {
    /// The kind of a line that rustc wrote, or that ends what it wrote; `None` for all others. The
    /// place counts as its headline does: who sees nothing but warnings and errors sees where.
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

/// What a line that begins a message is; the counts at the end are neither warning nor error.
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

/// Whether a line is one in which rustc names files in words: `couldn't read "src/x.rs"`.
pub(super) fn names_files(line: &str) -> bool {
    headline(line).is_some() || line.trim_start().starts_with("= help: ")
}

/// What to do about a file that rustc misses and that may be there: it was not copied.
pub(super) fn not_copied(line: &str) -> Option<String> {
    let (what, names) = line
        .strip_prefix("error: couldn't read ")
        .and_then(|rest| rest.split_once(": No such file"))
        .or_else(|| line.split_once("create file "))?;
    // Without quotes in older ones.
    if what.contains("../") {
        return Some(format!(
            "{what} was not found: stage a folder further up where a tree reaches above itself \
             (--root, Build::root)"
        ));
    }
    let mut quoted = [what, names]
        .into_iter()
        .flat_map(|part| part.split(['"', '`']));
    let file = quoted.find(|text| text.starts_with('/') && Path::new(text).is_file())?;
    Some(format!(
        "{file} is there, and was not copied to where the module is built: the files of a crate are \
         found by its words, `mod name;` and `include_str!(\"name\")`, and this one is named by a \
         macro. Name it once more, where nothing comes of it: #[cfg(any())] mod name; or \
         #[cfg(any())] const NAME: &str = include_str!(\"name\");"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_rustc_misses_and_that_is_there_was_not_copied() {
        let root = crate::kernel::fixture::Root::new();
        root.write("x.rs", "");
        let file = |name: &str| root.join(name).display().to_string();
        let (there, gone) = (file("x.rs"), file("y.rs"));
        for line in [
            format!("error: couldn't read `{there}`: No such file or directory (os error 2)"),
            format!("  = help: to create the module `x`, create file \"{gone}\" or \"{there}\""),
        ] {
            let said = not_copied(&line).unwrap();
            assert!(said.starts_with(&format!("{there} is there")), "{said}");
            assert_eq!(not_copied(&line.replace(&there, &gone)), None);
        }
        let above = "error: couldn't read ../common/x.rs: No such file or directory";
        assert!(not_copied(above).unwrap().contains("(--root, Build::root)"));
        let other = format!("error: couldn't read `{there}`: stream did not contain valid UTF-8");
        assert_eq!(not_copied(&other), None);
    }

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
