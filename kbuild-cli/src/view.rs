//! Where what happens is told: to a person, or to a program.

use std::sync::{Arc, Mutex, MutexGuard};

use kbuild::Message;

use crate::args::MessageFormat;
use crate::failure::Failure;
use crate::json::{self, Event, Said};
use crate::progress::{Manner, Progress};

/// One listener, shared with the handler that the library calls.
#[derive(Clone)]
pub(crate) struct View(Arc<Mutex<Inner>>);

struct Inner {
    format: MessageFormat,
    progress: Progress,
    /// Named in what is said, when the build is for several kernels.
    kernel: Option<String>,
}

impl View {
    pub(crate) fn new(format: MessageFormat, manner: Manner, kernel: Option<String>) -> Self {
        let heading = kernel.as_ref().map(|k| format!("building for {k}"));
        View(Arc::new(Mutex::new(Inner {
            format,
            progress: Progress::new(manner).heading(heading),
            kernel,
        })))
    }

    pub(crate) fn message(&self, message: &Message<'_>) {
        let mut inner = self.lock();
        match inner.format {
            MessageFormat::Human => inner.progress.message(message),
            MessageFormat::Json => json::print(&Said {
                message,
                kernel: inner.kernel.as_deref(),
            }),
        }
    }

    pub(crate) fn warning(&self, text: &str) {
        self.message(&Message::Warning { text });
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        let mut inner = self.lock();
        inner.progress.end();
        match inner.format {
            MessageFormat::Human => {
                let text = match &inner.kernel {
                    Some(kernel) => format!("for {kernel}: {failure}"),
                    None => failure.to_string(),
                };
                inner.progress.error(&text);
            }
            MessageFormat::Json => json::print(&Event::Error {
                kind: failure.kind(),
                message: failure.to_string(),
                kernel: inner.kernel.as_deref(),
            }),
        }
    }

    /// A line for a person who wants to know; programs have other means. The text is made from
    /// the time since the view was made.
    pub(crate) fn closing(&self, text: impl FnOnce(std::time::Duration) -> String) {
        let mut inner = self.lock();
        inner.progress.end();
        if inner.format == MessageFormat::Human {
            let text = text(inner.progress.elapsed());
            inner.progress.chatter(&text);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Whoever panicked while talking left nothing behind that matters.
        self.0.lock().unwrap_or_else(|p| p.into_inner())
    }
}
