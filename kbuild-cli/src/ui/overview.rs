//! The overview of several builds that run side by side: one moving line, each note once.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use indicatif::ProgressBar;

use super::moving_line::moving_line;
use super::options::UiOptions;
use super::streams;
use super::text::printable;

/// The state that the views of several builds share.
#[derive(Clone, Default)]
pub(crate) struct Overview {
    bar: Option<ProgressBar>,
    notes: Arc<Mutex<Vec<String>>>,
}

impl Overview {
    pub(crate) fn new(options: UiOptions, builds: usize) -> Self {
        let bar = options.animated.then(|| {
            let bar = moving_line("{pos} of {len} builds", Instant::now());
            bar.set_length(builds as u64);
            bar
        });
        Overview {
            bar,
            notes: Arc::default(),
        }
    }

    pub(crate) fn step(&self, build: &str, action: &str, target: &str) {
        if let Some(bar) = &self.bar {
            let target = printable(target);
            bar.set_message(format!("{build}: {action} {target}"));
        }
    }

    /// Whether this note is new among all builds.
    pub(crate) fn is_news(&self, note: &str) -> bool {
        let mut notes = self.notes.lock().unwrap_or_else(|p| p.into_inner());
        let news = !notes.iter().any(|known| known == note);
        if news {
            notes.push(note.to_owned());
        }
        news
    }

    /// Writes the messages of a build in one piece.
    pub(crate) fn show(&self, lines: &[String]) {
        let write = || lines.iter().for_each(streams::text);
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    pub(crate) fn ended(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
