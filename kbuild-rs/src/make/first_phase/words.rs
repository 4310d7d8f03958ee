//! The texts that differ from build to build, and their placeholders.
//!
//! No word and no variable of a process can hold a NUL, so NULs mark a placeholder.
//!
//! # Decisions
//!
//! - A short value is in every text, so it is only replaced where it is a whole word, such as the
//!   `1` of `W=1` in `KBUILD_EXTRA_WARN=1`. Its placeholder is a number: the name of its variable
//!   would tell the value wherever a kernel has the same word anyway.
//! - The key of a recording holds all values, so a word that is the same by chance does no harm.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// A text with placeholders.
pub(crate) type Template = Vec<u8>;

/// Shorter values are only replaced where they are a whole word.
const SHORTEST: usize = 4;

/// Names and their texts in this build, the longest text first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Words {
    all: Vec<(Vec<u8>, Vec<u8>)>,
    /// Short texts. Their place is their name.
    short: Vec<Vec<u8>>,
}

impl Words {
    /// Adds a text. The first name of a text stays.
    pub(crate) fn add(&mut self, name: &str, text: &OsStr) {
        let (name, text) = (name.as_bytes().to_vec(), text.as_bytes().to_vec());
        if text.is_empty() || self.all.iter().any(|(known, _)| *known == name) {
            return;
        }
        let at = self.all.partition_point(|(_, t)| t.len() >= text.len());
        self.all.insert(at, (name, text));
    }

    /// Adds a text that also stands in for a whole word if it is short.
    pub(crate) fn add_word(&mut self, name: &str, text: &OsStr) {
        self.add(name, text);
        let text = text.as_bytes();
        let is_short = (1..SHORTEST).contains(&text.len());
        if is_short && !self.short.iter().any(|known| known == text) {
            self.short.push(text.to_vec());
        }
    }

    /// The placeholder with this name, if its text is `text`.
    pub(super) fn named(&self, name: &str, text: &[u8]) -> Option<Template> {
        let is_own = self.text(name.as_bytes()) == Some(text);
        is_own.then(|| placeholder(name.as_bytes()))
    }

    /// The text with placeholders.
    pub(crate) fn hide(&self, text: &OsStr) -> Template {
        let text = text.as_bytes();
        let mut hidden = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(&byte) = rest.first() {
            let before = &text[..text.len() - rest.len()];
            let found = self.long(rest).or_else(|| self.whole_word(before, rest));
            match found {
                Some((template, length)) => {
                    hidden.extend(template);
                    rest = &rest[length..];
                }
                None => {
                    hidden.push(byte);
                    rest = &rest[1..];
                }
            }
        }
        hidden
    }

    /// The placeholder of the longest text at the start of `rest`, and the length of that text.
    fn long(&self, rest: &[u8]) -> Option<(Template, usize)> {
        let mut long = self.all.iter().take_while(|(_, t)| t.len() >= SHORTEST);
        let (name, word) = long.find(|(_, word)| {
            let after = rest.strip_prefix(&word[..]);
            after.is_some_and(|after| !continues(word, after))
        })?;
        Some((placeholder(name), word.len()))
    }

    fn whole_word(&self, before: &[u8], rest: &[u8]) -> Option<(Template, usize)> {
        if !before.last().is_none_or(ends_words) {
            return None;
        }
        let mut short = self.short.iter().enumerate();
        let (number, word) = short.find(|(_, word)| {
            let after = rest.strip_prefix(&word[..]);
            after.is_some_and(|after| after.first().is_none_or(ends_words))
        })?;
        Some((placeholder(number.to_string().as_bytes()), word.len()))
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
        if let Ok(number) = std::str::from_utf8(name).ok()?.parse::<usize>() {
            return self.short.get(number).map(|text| &text[..]);
        }
        let found = self.all.iter().find(|(known, _)| known == name);
        found.map(|(_, text)| &text[..])
    }
}

impl Words {
    /// The placeholder of the words about jobs.
    pub(super) const JOBS: &'static [u8] = b"\0J\0";
    const JOBS_NAME: &'static [u8] = b"J";

    /// Only the words about jobs.
    pub(super) fn of_jobs(jobs: &[u8]) -> Words {
        Words {
            all: vec![(Self::JOBS_NAME.to_vec(), jobs.to_vec())],
            short: Vec::new(),
        }
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
        let variables = split_variables(variables).into_iter();
        variables.for_each(|word| template.extend(self.hide_variable(word)));
        template
    }

    /// The template of a variable of the command line.
    fn hide_variable(&self, word: &[u8]) -> Template {
        let at = word.iter().position(|&b| b == b'=');
        let named = at.and_then(|at| {
            let name = std::str::from_utf8(word[..at].trim_ascii_start()).ok()?;
            let value = self.named(&format!("q:{name}"), &word[at + 1..])?;
            Some([&word[..=at], &value].concat())
        });
        named.unwrap_or_else(|| self.hide(OsStr::from_bytes(word)))
    }

    /// The text of such a template in this build, with the placeholder for jobs.
    pub(super) fn show_but_jobs(&self, template: &[u8]) -> Option<Template> {
        let mut words = self.clone();
        words.all.retain(|(name, _)| name != Self::JOBS_NAME);
        let own = (Self::JOBS_NAME.to_vec(), Self::JOBS.to_vec());
        words.all.push(own);
        Some(words.show(template)?.into_vec())
    }
}

fn placeholder(name: &[u8]) -> Template {
    [b"\0", name, b"\0"].concat()
}

/// Splits the variables in a `MAKEFLAGS` before each blank that no backslash quotes.
fn split_variables(text: &[u8]) -> Vec<&[u8]> {
    let (mut words, mut start, mut is_quoted) = (Vec::new(), 0, false);
    for (at, &byte) in text.iter().enumerate() {
        if byte == b' ' && !is_quoted && at > start {
            words.push(&text[start..at]);
            start = at;
        }
        is_quoted = byte == b'\\' && !is_quoted;
    }
    words.push(&text[start..]);
    words
}

/// Whether a word ends before or after this byte.
fn ends_words(byte: &u8) -> bool {
    b" \t\n\"'(),:;=|".contains(byte)
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
        words.add("q:S", OsStr::new("x"));
        words.add_word("x:W", OsStr::new("1"));
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
            ("1", "\x000\0"),
            (
                "-x a=1,1 -O1 11 (1)",
                "-x a=\x000\0,\x000\0 -O1 11 (\x000\0)",
            ),
        ] {
            let template = words().hide(OsStr::new(text));
            assert_eq!(String::from_utf8_lossy(&template), hidden);
            assert_eq!(words().show(&template).unwrap(), text);
        }
    }

    #[test]
    fn a_short_value_of_the_command_line_is_known_by_its_name() {
        let mut words = words();
        words.add("q:B", OsStr::new(r"a\ "));
        for (flags, hidden) in [
            ("rR -j -- S=x", "rR \0J\0 -- S=\0q:S\0"),
            (
                "rR -j -- S=x B=a\\  T=x",
                "rR \0J\0 -- S=\0q:S\0 B=\0q:B\0 T=x",
            ),
            ("rR -j -- B=a S=x\\ x", "rR \0J\0 -- B=a S=x\\ x"),
        ] {
            let template = words.hide_flags(OsStr::new(flags));
            assert_eq!(String::from_utf8_lossy(&template), hidden);
            let shown = words.show_but_jobs(&template).unwrap();
            assert_eq!(Words::of_jobs(b"-j").show(&shown).unwrap(), flags);
        }
        assert_eq!(words.named("q:S", b"x").unwrap(), b"\0q:S\0");
        assert_eq!(words.named("q:S", b"y"), None);
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
        for bad in ["\0v:Y\0", "a\0M", "\0M\0b\0", "\x001\0"] {
            assert_eq!(words().show(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn a_word_is_quoted_as_make_quotes_it() {
        assert_eq!(quoted(OsStr::new(r"X=a b\c$$d")), r"X=a\ b\\c$$$$d");
    }
}
