//! The progress of a build, for people: a moving line on a terminal, plain lines elsewhere.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use kbuild::{Level, Message};

use super::moving_line::moving_line;
use super::options::UiOptions;
use super::quiet::{QuietLine, QuietLines};
use super::streams;
use super::text::printable;

/// The progress of one build.
pub(crate) struct Progress {
    options: UiOptions,
    started: Instant,
    /// Created at the first step, so that a build with nothing to do does not flicker.
    bar: Option<ProgressBar>,
    quiet_lines: QuietLines,
    /// Printed before anything else, if there are several builds.
    heading: Option<String>,
    destination: Destination,
}

/// The destination of lines.
enum Destination {
    /// Printed as they come.
    Stream(fn(&str)),
    /// Kept until the build has ended, because others run at the same time.
    Buffer(Vec<String>),
}

impl Progress {
    pub(crate) fn new(options: UiOptions) -> Self {
        Progress {
            options,
            started: Instant::now(),
            bar: None,
            quiet_lines: QuietLines::default(),
            heading: None,
            destination: Destination::Stream(|line| streams::text(line)),
        }
    }

    /// The progress of one of several builds. Its lines stay here, below a heading, until
    /// [`Self::take_lines`] takes them.
    pub(crate) fn buffered(options: UiOptions, heading: String) -> Self {
        let mut progress = Progress::new(UiOptions {
            animated: false,
            ..options
        });
        progress.heading = Some(heading);
        progress.destination = Destination::Buffer(Vec::new());
        progress
    }

    /// The lines so far.
    pub(crate) fn take_lines(&mut self) -> Vec<String> {
        match &mut self.destination {
            Destination::Stream(_) => Vec::new(),
            Destination::Buffer(lines) => std::mem::take(lines),
        }
    }

    /// Drops the heading, because the next line names its build.
    pub(crate) fn without_heading(&mut self) {
        self.heading = None;
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn message(&mut self, message: &Message<'_>) {
        let style = self.options.style;
        match *message {
            Message::Note { text } => self.detail(format!("note: {text}")),
            Message::Hint { text, .. } => self.detail(format!("{} {text}", style.hint("hint:"))),
            Message::Warning { text, .. } => self.warning(text),
            Message::Step { action, target } => self.step(action, target),
            Message::Output { line, level } => {
                let shown = match level {
                    Level::Warning => style.diagnostic(line, "warning:"),
                    Level::Error => style.diagnostic(line, "error:"),
                    _ => line.into(),
                };
                match self.options.quiet {
                    true => self.quiet_lines.output(shown.into_owned(), level),
                    false => self.line(&shown),
                }
            }
            _ => {}
        }
    }

    /// Shows the lines that `-q` shows of a successful build: warnings and standard error.
    pub(crate) fn tell_wanted(&mut self) {
        self.tell(|line| line.wanted);
    }

    /// Shows the lines that `-q` shows of a failed build: all of them, in their order.
    pub(crate) fn tell_all(&mut self) {
        self.tell(|_| true);
    }

    fn tell(&mut self, wanted: fn(&QuietLine) -> bool) {
        let held = std::mem::take(&mut self.quiet_lines);
        for line in held.lines.iter().filter(|line| wanted(line)) {
            self.line(&line.text);
        }
    }

    pub(crate) fn warning(&mut self, text: &str) {
        let word = self.options.style.warning("warning:");
        self.line(&format!("{word} {text}"));
    }

    pub(crate) fn error(&mut self, text: &str) {
        let word = self.options.style.error("error:");
        self.line(&format!("{word} {text}"));
    }

    /// Shows a line, unless `-q` is given.
    pub(crate) fn chatter(&mut self, text: &str) {
        if !self.options.quiet {
            self.line(text);
        }
    }

    /// Adds a line that `-q` only shows if the build fails.
    fn detail(&mut self, text: String) {
        match self.options.quiet {
            true => self.quiet_lines.add(text, false),
            false => self.line(&text),
        }
    }

    /// Removes the moving line.
    pub(crate) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn step(&mut self, action: &str, target: &str) {
        // kbuild's own "  %-7s %s".
        let line = || format!("  {action:<7} {target}");
        if self.options.quiet {
            return self.quiet_lines.step(line());
        }
        if !self.options.animated {
            return self.line(&line());
        }
        let started = self.started;
        let bar = self
            .bar
            .get_or_insert_with(|| moving_line("step {pos}", started));
        bar.inc(1);
        bar.set_message(format!("{action} {}", printable(target)));
    }

    /// Shows a line.
    pub(crate) fn line(&mut self, line: &str) {
        let heading = self.heading.take();
        for line in heading.as_deref().into_iter().chain([line]) {
            match (&mut self.destination, &self.bar) {
                (Destination::Buffer(lines), _) => lines.push(line.to_owned()),
                (Destination::Stream(write), Some(bar)) => bar.suspend(|| write(line)),
                (Destination::Stream(write), None) => write(line),
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
        self.tell_wanted();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::ColorWhen;
    use crate::ui::style::Style;
    use std::cell::RefCell;

    thread_local!(static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) });

    fn shown(quiet: bool, color: ColorWhen, messages: &[Message<'_>]) -> Vec<String> {
        let mut progress = told(quiet, color, messages);
        progress.tell_wanted();
        LINES.take()
    }

    fn told(quiet: bool, color: ColorWhen, messages: &[Message<'_>]) -> Progress {
        let mut progress = Progress::new(UiOptions {
            style: Style::stderr(color),
            quiet,
            animated: false,
        });
        progress.destination =
            Destination::Stream(|line| LINES.with_borrow_mut(|l| l.push(line.to_owned())));
        for message in messages {
            progress.message(message);
        }
        progress
    }

    const COMPILER: [Message<'_>; 6] = [
        Message::Output {
            line: "make: chatter",
            level: Level::Plain,
        },
        Message::Step {
            action: "CC [M]",
            target: "src/hello.o",
        },
        Message::Output {
            line: "src/hello.c: In function 'f':",
            level: Level::Remark,
        },
        Message::Output {
            line: "src/hello.c:3:5: warning: unused",
            level: Level::Warning,
        },
        Message::Output {
            line: "    3 | int y;",
            level: Level::Plain,
        },
        Message::Step {
            action: "LD",
            target: "hello.o",
        },
    ];

    #[test]
    fn a_pipe_gets_the_lines_that_kbuild_prints() {
        assert_eq!(
            shown(false, ColorWhen::Never, &COMPILER),
            [
                "make: chatter",
                "  CC [M]  src/hello.o",
                "src/hello.c: In function 'f':",
                "src/hello.c:3:5: warning: unused",
                "    3 | int y;",
                "  LD      hello.o",
            ]
        );
    }

    #[test]
    fn quiet_keeps_a_warning_with_the_lines_around_it() {
        assert_eq!(
            shown(true, ColorWhen::Never, &COMPILER),
            [
                "src/hello.c: In function 'f':",
                "src/hello.c:3:5: warning: unused",
                "    3 | int y;",
            ]
        );
    }

    #[test]
    fn quiet_shows_everything_once_of_a_build_that_failed() {
        let mut messages = COMPILER.to_vec();
        messages.insert(0, Message::Note { text: "a" });
        messages.push(Message::Hint {
            code: "x",
            text: "b",
        });
        let loud = shown(false, ColorWhen::Never, &messages);
        assert_eq!(loud.len(), 8);
        let mut progress = told(true, ColorWhen::Never, &messages);
        assert_eq!(LINES.take(), [""; 0]);
        progress.tell_all();
        // No lines are left for the end.
        drop(progress);
        assert_eq!(LINES.take(), loud);
    }

    #[test]
    fn quiet_shows_standard_error_and_warnings_after_any_end_of_a_build() {
        let messages = [
            Message::Output {
                line: "cat: /nosuch: No such file or directory",
                level: Level::Remark,
            },
            Message::Output {
                line: "configuring",
                level: Level::Plain,
            },
            Message::Output {
                line: "warning: the compiler differs",
                level: Level::Warning,
            },
            Message::Output {
                line: "  You are using: gcc-1",
                level: Level::Plain,
            },
            Message::Output {
                line: "told by $(info)",
                level: Level::Plain,
            },
        ];
        let wanted = [0, 2, 3].map(|i| match messages[i] {
            Message::Output { line, .. } => line,
            _ => "",
        });
        drop(told(true, ColorWhen::Never, &messages));
        assert_eq!(LINES.take(), wanted);
    }

    #[test]
    fn quiet_leaves_out_notes_and_hints() {
        let messages = [
            Message::Note { text: "a" },
            Message::Hint {
                code: "x",
                text: "b",
            },
            Message::Warning {
                code: "x",
                text: "c",
            },
        ];
        let all = ["note: a", "hint: b", "warning: c"];
        assert_eq!(shown(false, ColorWhen::Never, &messages), all);
        assert_eq!(shown(true, ColorWhen::Never, &messages), all[2..]);
    }

    #[test]
    fn colour_only_marks_the_word() {
        let messages = [Message::Hint {
            code: "x",
            text: "b",
        }];
        assert_eq!(
            shown(false, ColorWhen::Always, &messages),
            ["\x1b[1;36mhint:\x1b[0m b"]
        );
    }
}
