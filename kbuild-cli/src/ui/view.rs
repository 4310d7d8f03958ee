//! The view of a build. It reports events to people or to a program.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use kbuild::Message;

use super::failure::Failure;
use super::json::{self, BuildId, BuildMessage, Event};
use super::options::UiOptions;
use super::overview::Overview;
use super::progress::Progress;
use crate::args::MessageFormat;

/// One listener, shared with the handler that the library calls.
#[derive(Clone)]
pub(crate) struct View(Arc<Mutex<Inner>>);

struct Inner {
    format: MessageFormat,
    options: UiOptions,
    progress: Progress,
    /// The other builds of the call, if there are several.
    among: Option<Among>,
    /// The time of the build's first message, when it started.
    began: Option<Instant>,
}

struct Among {
    /// The name of the build: "ring for 6.1.0-56-amd64".
    label: String,
    build: BuildId,
    overview: Overview,
}

impl View {
    /// A view for a call with one build, and for messages that belong to no build.
    pub(crate) fn new(format: MessageFormat, options: UiOptions) -> Self {
        View(Arc::new(Mutex::new(Inner {
            format,
            options,
            progress: Progress::new(options),
            among: None,
            began: None,
        })))
    }

    /// The part that the views of several builds share.
    pub(crate) fn overview(&self, builds: usize) -> Overview {
        Overview::new(self.lock().options, builds)
    }

    /// A view for one of several builds. People see its messages after it has ended, programs see
    /// them at once.
    pub(crate) fn among(&self, label: String, build: BuildId, overview: &Overview) -> Self {
        let Inner {
            format, options, ..
        } = *self.lock();
        View(Arc::new(Mutex::new(Inner {
            format,
            options,
            progress: Progress::buffered(options, format!("building {label}")),
            among: Some(Among {
                label,
                build,
                overview: overview.clone(),
            }),
            began: None,
        })))
    }

    pub(crate) fn message(&self, message: &Message<'_>) {
        let mut inner = self.lock();
        inner.began.get_or_insert_with(Instant::now);
        match (message, &inner.among) {
            (Message::Step { action, target }, Some(among)) => {
                among.overview.step(&among.label, action, target);
            }
            // Ten builds for one kernel have the same notes about it.
            (Message::Note { text }, Some(among)) if !among.overview.is_news(text) => return,
            _ => {}
        }
        match inner.format {
            MessageFormat::Human => inner.progress.message(message),
            MessageFormat::Json => json::print(&BuildMessage {
                message,
                build: inner.build(),
            }),
        }
    }

    pub(crate) fn note(&self, text: &str) {
        self.message(&Message::Note { text });
    }

    pub(crate) fn warning(&self, code: &str, text: &str) {
        self.message(&Message::Warning { code, text });
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        let mut inner = self.lock();
        inner.progress.end();
        inner.progress.tell_all();
        match inner.format {
            MessageFormat::Human => inner.progress.error(failure.for_person()),
            MessageFormat::Json => json::print(&Event::Error {
                kind: failure.kind(),
                advice: failure.advice(),
                message: failure.to_string(),
                build: inner.build(),
            }),
        }
    }

    /// Tells people, also with `-q`, why a build was skipped; programs get it with the result.
    pub(crate) fn aside(&self, text: &str) {
        let mut inner = self.lock();
        inner.progress.end();
        if inner.format == MessageFormat::Human {
            inner.progress.without_heading();
            inner.progress.line(text);
        }
    }

    /// Shows people the last line of a build or a call; programs get JSON. The text contains
    /// [`Self::time`].
    pub(crate) fn closing(&self, text: impl FnOnce(Duration) -> String) {
        self.close(Progress::chatter, text);
    }

    /// As [`Self::closing`], also with `-q`.
    pub(crate) fn closing_aloud(&self, text: impl FnOnce(Duration) -> String) {
        self.close(Progress::line, text);
    }

    fn close(&self, show: fn(&mut Progress, &str), text: impl FnOnce(Duration) -> String) {
        let time = self.time();
        let mut inner = self.lock();
        inner.progress.end();
        inner.progress.tell_wanted();
        if inner.format == MessageFormat::Human {
            let text = text(time);
            inner.progress.without_heading();
            show(&mut inner.progress, &text);
        }
    }

    /// The duration of the build. Among several builds, it counts from the build's own start.
    pub(crate) fn time(&self) -> Duration {
        let inner = self.lock();
        match &inner.among {
            None => inner.progress.elapsed(),
            Some(_) => inner.began.map(|began| began.elapsed()).unwrap_or_default(),
        }
    }

    /// Shows the kept messages of one of several builds, which has ended.
    pub(crate) fn ended(&self) {
        let mut inner = self.lock();
        let lines = inner.progress.take_lines();
        if let Some(among) = &inner.among {
            among.overview.show(&lines);
            among.overview.ended();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The state stays valid after a panic while a message is shown.
        self.0.lock().unwrap_or_else(|p| p.into_inner())
    }
}

impl Inner {
    fn build(&self) -> BuildId {
        let among = self.among.as_ref();
        among.map(|among| among.build.clone()).unwrap_or_default()
    }
}
