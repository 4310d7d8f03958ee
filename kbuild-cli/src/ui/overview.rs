//! The line that moves on a terminal, for one build or for all that run side by side.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::process::memory;
use crate::ui::progress::Manner;
use crate::ui::streams as out;
use crate::ui::style;

/// What several builds are at. They share it.
#[derive(Clone, Default)]
pub(crate) struct Overview {
    bar: Option<ProgressBar>,
    notes: Arc<Mutex<Vec<String>>>,
}

impl Overview {
    pub(crate) fn new(manner: Manner, builds: usize) -> Self {
        let bar = manner.animated.then(|| {
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
            let target = style::printable(target);
            bar.set_message(format!("{build}: {action} {target}"));
        }
    }

    /// Whether no build has noted this before.
    pub(crate) fn is_news(&self, note: &str) -> bool {
        let mut notes = self.notes.lock().unwrap_or_else(|p| p.into_inner());
        let news = !notes.iter().any(|known| known == note);
        if news {
            notes.push(note.to_owned());
        }
        news
    }

    /// Writes what a build has said, in one piece.
    pub(crate) fn show(&self, lines: &[String]) {
        let write = || lines.iter().for_each(out::text);
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

/// `position` is how the template counts.
pub(crate) fn moving_line(position: &str, started: Instant) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        .with_elapsed(started.elapsed());
    let template = format!("{{spinner}} {position}, {{elapsed}}: {{wide_msg}}");
    // ASCII: a console in a server room has no braille. A template that does not parse would
    // be a line that looks different, and nothing worse.
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.tick_chars("|/-\\ "));
    }
    // It starts a thread, and panics where none can be had: then the line moves when there is news.
    if memory::thread(|| ()).is_some_and(|thread| thread.join().is_ok()) {
        bar.enable_steady_tick(Duration::from_millis(120));
    }
    bar
}
