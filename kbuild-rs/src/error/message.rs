//! The messages of a running build.

use std::fmt;
use std::sync::{Arc, Mutex};

/// A message of a running build. All paths in it are source paths, never stage paths.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "reason", rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Message<'a> {
    /// A decision of kbuild-rs, or the event that it waits for.
    Note {
        /// A sentence (`message` in JSON, as in errors).
        #[cfg_attr(feature = "serde", serde(rename = "message"))]
        text: &'a str,
    },
    /// A warning of kbuild-rs. The build continues.
    Warning {
        /// The cause, in kebab-case: `ignored-flags`. It stays the same from release to release.
        code: &'a str,
        /// A sentence (`message` in JSON, as in errors).
        #[cfg_attr(feature = "serde", serde(rename = "message"))]
        text: &'a str,
    },
    /// An explanation of a line that people often misread, or advice.
    Hint {
        /// The cause, in kebab-case, as the [code](crate::Advice::code) of advice.
        code: &'a str,
        /// A sentence (`message` in JSON, as in errors).
        #[cfg_attr(feature = "serde", serde(rename = "message"))]
        text: &'a str,
    },
    /// kbuild begins a step, such as `  CC [M]  src/hello.o`.
    Step {
        /// kbuild's word: `CC`, `LD`, `MODPOST`, `BTF`, …
        action: &'a str,
        /// The file being made, with the path that it would have beside the source.
        target: &'a str,
    },
    /// Any other line that make or a compiler printed.
    Output {
        /// The line, without its end.
        line: &'a str,
        /// The kind of the line.
        level: Level,
    },
}

/// The kind of a line of compiler or make output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Level {
    /// None of the others.
    Plain,
    /// A line of standard error that does not have the form of a warning or an error: the lines
    /// around a compiler's message, or a complaint of a command in a Makefile.
    Remark,
    /// It reports a warning.
    Warning,
    /// It reports an error.
    Error,
}

type Handler = dyn FnMut(&Message<'_>) + Send;

/// Where messages go: the caller's handler, else the function that prints them.
#[derive(Clone)]
pub(crate) struct Sink {
    handler: Option<Arc<Mutex<Handler>>>,
    print: fn(&Message<'_>),
}

impl Sink {
    pub(crate) fn printing(print: fn(&Message<'_>)) -> Self {
        Sink {
            handler: None,
            print,
        }
    }

    /// Says nothing.
    #[cfg(test)]
    pub(crate) fn silent() -> Self {
        Sink::printing(|_| {})
    }

    /// Prints in another way, where there is no handler.
    pub(crate) fn set_print(&mut self, print: fn(&Message<'_>)) {
        self.print = print;
    }

    pub(crate) fn set_handler(&mut self, handler: impl FnMut(&Message<'_>) + Send + 'static) {
        self.handler = Some(Arc::new(Mutex::new(handler)));
    }

    pub(crate) fn send(&self, message: &Message<'_>) {
        match &self.handler {
            // A handler that panicked earlier is still the place that messages go to.
            Some(handler) => handler.lock().unwrap_or_else(|p| p.into_inner())(message),
            None => (self.print)(message),
        }
    }

    pub(crate) fn note(&self, text: &str) {
        self.send(&Message::Note { text });
    }

    pub(crate) fn warning(&self, code: &str, text: &str) {
        self.send(&Message::Warning { code, text });
    }

    pub(crate) fn hint(&self, code: &str, text: &str) {
        self.send(&Message::Hint { code, text });
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink")
            .field("handler", &self.handler.is_some())
            .finish_non_exhaustive()
    }
}

/// Messages that are told later.
#[derive(Clone, Default)]
pub(crate) struct KeptMessages(Arc<Mutex<Vec<OwnedMessage>>>);

enum OwnedMessage {
    Note(String),
    Warning(String, String),
    Hint(String, String),
    Step(String, String),
    Output(String, Level),
}

impl KeptMessages {
    /// A sink that keeps what it is sent.
    pub(crate) fn sink(&self) -> Sink {
        let kept = self.clone();
        let mut sink = Sink::printing(|_| {});
        sink.set_handler(move |message| {
            let owned = match *message {
                Message::Note { text } => OwnedMessage::Note(text.to_owned()),
                Message::Warning { code, text } => {
                    OwnedMessage::Warning(code.to_owned(), text.to_owned())
                }
                Message::Hint { code, text } => {
                    OwnedMessage::Hint(code.to_owned(), text.to_owned())
                }
                Message::Step { action, target } => {
                    OwnedMessage::Step(action.to_owned(), target.to_owned())
                }
                Message::Output { line, level } => OwnedMessage::Output(line.to_owned(), level),
            };
            kept.messages().push(owned);
        });
        sink
    }

    /// Sends what was kept, if anything was, after a heading.
    pub(crate) fn tell(&self, heading: &str, to: &Sink) {
        let messages = std::mem::take(&mut *self.messages());
        if !messages.is_empty() {
            to.note(heading);
        }
        for message in &messages {
            to.send(&match message {
                OwnedMessage::Note(text) => Message::Note { text },
                OwnedMessage::Warning(code, text) => Message::Warning { code, text },
                OwnedMessage::Hint(code, text) => Message::Hint { code, text },
                OwnedMessage::Step(action, target) => Message::Step { action, target },
                OwnedMessage::Output(line, level) => Message::Output {
                    line,
                    level: *level,
                },
            });
        }
    }

    fn messages(&self) -> std::sync::MutexGuard<'_, Vec<OwnedMessage>> {
        self.0.lock().unwrap_or_else(|p| p.into_inner())
    }
}
