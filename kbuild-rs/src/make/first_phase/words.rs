//! The texts that differ from build to build, and their placeholders.
//!
//! No word and no variable of a process can hold a NUL, so NULs mark a placeholder.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// A text with placeholders.
pub(crate) type Template = Vec<u8>;

/// Shorter values are not replaced: they are in every text.
const SHORTEST: usize = 4;

/// Names and their texts in this build, the longest text first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Words(Vec<(Vec<u8>, Vec<u8>)>);

impl Words {
    /// Adds a text. The first name of a text stays.
    pub(crate) fn add(&mut self, name: &str, text: &OsStr) {
        let (name, text) = (name.as_bytes().to_vec(), text.as_bytes().to_vec());
        if text.len() < SHORTEST || self.0.iter().any(|(known, _)| *known == name) {
            return;
        }
        let at = self.0.partition_point(|(_, t)| t.len() >= text.len());
        self.0.insert(at, (name, text));
    }

    /// The text with placeholders.
    pub(crate) fn hide(&self, text: &OsStr) -> Template {
        let text = text.as_bytes();
        let mut hidden = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(&byte) = rest.first() {
            let found = self.0.iter().find(|(_, word)| {
                let after = rest.strip_prefix(&word[..]);
                after.is_some_and(|after| !continues(word, after))
            });
            match found {
                Some((name, word)) => {
                    hidden.push(0);
                    hidden.extend_from_slice(name);
                    hidden.push(0);
                    rest = &rest[word.len()..];
                }
                None => {
                    hidden.push(byte);
                    rest = &rest[1..];
                }
            }
        }
        hidden
    }

    /// The text in this build; `None` for a placeholder that this build does not have.
    pub(crate) fn show(&self, template: &[u8]) -> Option<OsString> {
        let mut text = Vec::with_capacity(template.len());
        for (number, part) in template.split(|&b| b == 0).enumerate() {
            match number % 2 {
                0 => text.extend_from_slice(part),
                _ => text.extend_from_slice(self.text(part)?),
            }
        }
        let is_whole = template.iter().filter(|&&b| b == 0).count() % 2 == 0;
        is_whole.then(|| OsString::from_vec(text))
    }

    fn text(&self, name: &[u8]) -> Option<&[u8]> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, text)| &text[..])
    }
}

impl Words {
    /// The placeholder of the words about jobs.
    pub(super) const JOBS: &'static [u8] = b"\0J\0";
    const JOBS_NAME: &'static [u8] = b"J";

    /// Only the words about jobs.
    pub(super) fn of_jobs(jobs: &[u8]) -> Words {
        Words(vec![(Self::JOBS_NAME.to_vec(), jobs.to_vec())])
    }

    /// The template of a `MAKEFLAGS`. One placeholder stands for all words about jobs.
    pub(super) fn hide_flags(&self, flags: &OsStr) -> Template {
        let flags = flags.as_bytes();
        let end = flags.windows(4).position(|at| at == b" -- ");
        let (options, variables) = flags.split_at(end.unwrap_or(flags.len()));
        let is_of_jobs = |word: &[u8]| {
            let is_number = |n: &[u8]| n.iter().all(u8::is_ascii_digit);
            word.strip_prefix(b"-j").is_some_and(is_number)
                || word.starts_with(b"--jobserver-auth=")
                || word.starts_with(b"--jobserver-fds=")
        };
        let mut template = Vec::new();
        let mut found = false;
        for (number, word) in options.split(|&b| b == b' ').enumerate() {
            let is_jobs = is_of_jobs(word);
            if is_jobs && found {
                continue;
            }
            if number > 0 {
                template.push(b' ');
            }
            match is_jobs {
                true => template.extend_from_slice(Self::JOBS),
                false => template.extend(self.hide(OsStr::from_bytes(word))),
            }
            found |= is_jobs;
        }
        template.extend(self.hide(OsStr::from_bytes(variables)));
        template
    }

    /// The text of such a template in this build, with the placeholder for jobs.
    pub(super) fn show_but_jobs(&self, template: &[u8]) -> Option<Template> {
        let mut words = self.clone();
        words.0.retain(|(name, _)| name != Self::JOBS_NAME);
        let own = (Self::JOBS_NAME.to_vec(), Self::JOBS.to_vec());
        words.0.push(own);
        Some(words.show(template)?.into_vec())
    }
}

/// Whether a path goes on after the word, with another name: `/stage` in `/stage-2`.
fn continues(word: &[u8], after: &[u8]) -> bool {
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-+.@~^".contains(byte);
    word.first() == Some(&b'/') && after.first().is_some_and(is_of_name)
}

/// A word of make's command line as make writes it into `MAKEFLAGS` (GNU make's `quote_for_env`).
pub(crate) fn quoted(word: &OsStr) -> OsString {
    let mut quoted = Vec::with_capacity(word.len());
    for &byte in word.as_bytes() {
        match byte {
            b'$' => quoted.push(b'$'),
            b' ' | b'\t' | b'\\' => quoted.push(b'\\'),
            _ => {}
        }
        quoted.push(byte);
    }
    OsString::from_vec(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        let mut words = Words::default();
        for (name, text) in [
            ("M", "/o/stage"),
            ("F", "/o/stage/flags"),
            ("v:X", "s3cret"),
        ] {
            words.add(name, OsStr::new(text));
        }
        words.add("short", OsStr::new("x"));
        words
    }

    #[test]
    fn the_longest_text_is_replaced_and_comes_back() {
        for (text, hidden) in [
            ("M=/o/stage", "M=\0M\0"),
            ("-I/o/stage/x @/o/stage/flags/map", "-I\0M\0/x @\0F\0/map"),
            ("-DTOKEN=s3cret-x", "-DTOKEN=\0v:X\0-x"),
            (
                "/o/stage2 /o/stage-b /o/stage:/",
                "/o/stage2 /o/stage-b \0M\0:/",
            ),
            ("x", "x"),
        ] {
            let template = words().hide(OsStr::new(text));
            assert_eq!(String::from_utf8_lossy(&template), hidden);
            assert_eq!(words().show(&template).unwrap(), text);
        }
    }

    #[test]
    fn one_placeholder_stands_for_the_words_about_jobs() {
        for flags in [
            "rR -j2 --jobserver-auth=3,4 --no-print-directory -- M=/o/stage X=-j2",
            "rR -j --jobserver-auth=fifo:/o/stage/x --no-print-directory -- M=/o/stage X=-j2",
        ] {
            let template = words().hide_flags(OsStr::new(flags));
            let expected = "rR \0J\0 --no-print-directory -- M=\0M\0 X=-j2";
            assert_eq!(String::from_utf8_lossy(&template), expected);
            let shown = words().show_but_jobs(&template).unwrap();
            let jobs = b"-j --jobserver-auth=5,6";
            assert_eq!(
                Words::of_jobs(jobs).show(&shown).unwrap(),
                "rR -j --jobserver-auth=5,6 --no-print-directory -- M=/o/stage X=-j2"
            );
        }
    }

    #[test]
    fn a_placeholder_of_another_build_is_not_filled_in() {
        for bad in ["\0v:Y\0", "a\0M", "\0M\0b\0"] {
            assert_eq!(words().show(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn a_word_is_quoted_as_make_quotes_it() {
        assert_eq!(quoted(OsStr::new(r"X=a b\c$$d")), r"X=a\ b\\c$$$$d");
    }
}
