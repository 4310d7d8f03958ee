//! What a person sees of a build: a line that moves on a terminal, plain lines elsewhere.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kbuild::{Level, Message};

use crate::out;
use crate::style::{self, Style};

/// Lines kept back under `-q`, until it is known whether they belong to a warning.
const HELD_LINES: usize = 16;

/// How much is shown, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) style: Style,
    pub(crate) quiet: bool,
    /// Whether a moving line stands for the steps.
    pub(crate) animated: bool,
}

impl Manner {
    pub(crate) fn new(style: Style, quiet: bool) -> Self {
        Manner {
            style,
            quiet,
            animated: !quiet && style::capable_terminal(),
        }
    }
}

/// The progress of one build.
pub(crate) struct Progress {
    manner: Manner,
    started: Instant,
    /// There from the first step on: a build that has nothing to do does not flicker.
    bar: Option<ProgressBar>,
    quiet: Quiet,
    /// Said before the first step, when there are several builds.
    heading: Option<String>,
    write: fn(&str),
}

impl Progress {
    pub(crate) fn new(manner: Manner) -> Self {
        Progress {
            manner,
            started: Instant::now(),
            bar: None,
            quiet: Quiet::default(),
            heading: None,
            write: |line| out::text(line),
        }
    }

    /// What to say once there is something to do.
    pub(crate) fn heading(mut self, text: Option<String>) -> Self {
        self.heading = text;
        self
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn message(&mut self, message: &Message<'_>) {
        let style = self.manner.style;
        match *message {
            Message::Note { text } => self.chatter(&format!("note: {text}")),
            Message::Hint { text } => self.chatter(&format!("{} {text}", style.hint("hint:"))),
            Message::Warning { text } => self.warning(text),
            Message::Step { action, target } => self.step(action, target),
            Message::Output { line, level } => {
                if self.manner.quiet {
                    for line in self.quiet.output(line, level) {
                        self.output(&line, level);
                    }
                } else {
                    self.output(line, level);
                }
            }
            _ => {}
        }
    }

    pub(crate) fn warning(&mut self, text: &str) {
        let word = self.manner.style.warning("warning:");
        self.line(&format!("{word} {text}"));
    }

    pub(crate) fn error(&mut self, text: &str) {
        let word = self.manner.style.error("error:");
        self.line(&format!("{word} {text}"));
    }

    /// What `-q` does without.
    pub(crate) fn chatter(&mut self, text: &str) {
        if !self.manner.quiet {
            self.line(text);
        }
    }

    /// Takes the moving line away.
    pub(crate) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn step(&mut self, action: &str, target: &str) {
        self.quiet.step();
        if let Some(heading) = self.heading.take() {
            self.chatter(&heading);
        }
        if self.manner.quiet {
            return;
        }
        if !self.manner.animated {
            // kbuild's own "  %-7s %s".
            return self.line(&format!("  {action:<7} {target}"));
        }
        let started = self.started;
        let bar = self.bar.get_or_insert_with(|| moving_line(started));
        bar.inc(1);
        bar.set_message(format!("{action} {}", style::printable(target)));
    }

    fn output(&self, line: &str, level: Level) {
        let style = self.manner.style;
        match level {
            Level::Warning => self.line(&style.diagnostic(line, "warning:")),
            Level::Error => self.line(&style.diagnostic(line, "error:")),
            _ => self.line(line),
        }
    }

    fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| (self.write)(line)),
            None => (self.write)(line),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

fn moving_line(started: Instant) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        .with_elapsed(started.elapsed());
    // ASCII: a console in a server room has no braille. A template that does not parse would
    // be a line that looks different, and nothing worse.
    if let Ok(style) = ProgressStyle::with_template("{spinner} step {pos}, {elapsed}: {wide_msg}") {
        bar.set_style(style.tick_chars("|/-\\ "));
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Finds, among what a compiler prints, the lines that belong to a warning or an error: the
/// "In function" before it, the source line and the caret after it.
#[derive(Debug, Default)]
struct Quiet {
    held: Vec<String>,
    in_diagnostic: bool,
}

impl Quiet {
    fn step(&mut self) {
        self.held.clear();
        self.in_diagnostic = false;
    }

    /// The lines to print now.
    fn output(&mut self, line: &str, level: Level) -> Vec<String> {
        if level != Level::Plain {
            self.in_diagnostic = true;
        }
        self.held.push(line.to_owned());
        if self.in_diagnostic {
            return std::mem::take(&mut self.held);
        }
        if self.held.len() > HELD_LINES {
            self.held.remove(0);
        }
        Vec::new()
    }
}

/// "0.3 s", "2 min 5 s".
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds >= 60 {
        format!("{} min {} s", seconds / 60, seconds % 60)
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::ColorWhen;
    use std::cell::RefCell;

    thread_local!(static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) });

    fn shown(quiet: bool, color: ColorWhen, messages: &[Message<'_>]) -> Vec<String> {
        let mut progress = Progress::new(Manner {
            style: Style::stderr(color),
            quiet,
            animated: false,
        });
        progress.write = |line| LINES.with_borrow_mut(|l| l.push(line.to_owned()));
        for message in messages {
            progress.message(message);
        }
        LINES.take()
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
            level: Level::Plain,
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
    fn notes_and_hints_are_what_quiet_leaves_out() {
        let messages = [
            Message::Note { text: "a" },
            Message::Hint { text: "b" },
            Message::Warning { text: "c" },
        ];
        let all = ["note: a", "hint: b", "warning: c"];
        assert_eq!(shown(false, ColorWhen::Never, &messages), all);
        assert_eq!(shown(true, ColorWhen::Never, &messages), all[2..]);
    }

    #[test]
    fn colour_marks_the_word_alone() {
        let messages = [Message::Hint { text: "b" }];
        assert_eq!(
            shown(false, ColorWhen::Always, &messages),
            ["\x1b[1;36mhint:\x1b[0m b"]
        );
    }

    #[test]
    fn a_time_is_short() {
        assert_eq!(duration(Duration::from_millis(2149)), "2.1 s");
        assert_eq!(duration(Duration::from_secs(125)), "2 min 5 s");
    }
}
