//! Colour on standard error.

use std::borrow::Cow;
use std::io::IsTerminal;

use crate::args::ColorWhen;

/// Colours words, if colour is on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    on: bool,
}

impl Style {
    /// `NO_COLOR` counts if it is not empty, as <https://no-color.org> specifies.
    pub(crate) fn stderr(when: ColorWhen) -> Self {
        let on = match when {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => {
                let refused = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
                !refused && capable_terminal()
            }
        };
        Style { on }
    }

    pub(crate) fn error<'a>(self, text: &'a str) -> Cow<'a, str> {
        self.paint("1;31", text)
    }

    pub(crate) fn warning<'a>(self, text: &'a str) -> Cow<'a, str> {
        self.paint("1;33", text)
    }

    pub(crate) fn hint<'a>(self, text: &'a str) -> Cow<'a, str> {
        self.paint("1;36", text)
    }

    fn paint<'a>(self, code: &str, text: &'a str) -> Cow<'a, str> {
        if self.on && !text.is_empty() {
            Cow::Owned(format!("\x1b[{code}m{text}\x1b[0m"))
        } else {
            Cow::Borrowed(text)
        }
    }

    /// Colours the compiler's own `warning:` or `error:` in a line of its output. kbuild-rs never
    /// passes a colour flag to the compiler: kbuild would treat it as a change and compile again.
    pub(crate) fn diagnostic<'a>(self, line: &'a str, word: &str) -> Cow<'a, str> {
        if !self.on {
            return Cow::Borrowed(line);
        }
        // rustc's word may have a code: `error[E0308]:`.
        let coded = line
            .strip_prefix(word.trim_end_matches(':'))
            .filter(|rest| rest.starts_with('['))
            .and_then(|_| Some((0, line.find("]:")? + 2)));
        let plain = || line.find(word).map(|at| (at, at + word.len()));
        let Some((at, end)) = coded.or_else(plain) else {
            return Cow::Borrowed(line);
        };
        let (before, rest) = line.split_at(at);
        let (word, after) = rest.split_at(end - at);
        let painted = if word.starts_with('w') {
            self.warning(word)
        } else {
            self.error(word)
        };
        Cow::Owned(format!("{before}{painted}{after}"))
    }
}

/// Whether standard error is a terminal that understands escape sequences.
pub(crate) fn capable_terminal() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_goes_around_the_compilers_word_and_nothing_else() {
        let line = "src/hello.c:3:5: warning: unused variable";
        assert_eq!(
            Style { on: true }.diagnostic(line, "warning:"),
            "src/hello.c:3:5: \x1b[1;33mwarning:\x1b[0m unused variable"
        );
        assert_eq!(Style { on: false }.diagnostic(line, "warning:"), line);
        assert_eq!(
            Style { on: true }.diagnostic("error[E0308]: error: x", "error:"),
            "\x1b[1;31merror[E0308]:\x1b[0m error: x"
        );
    }
}
