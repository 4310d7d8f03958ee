//! The line that moves on a terminal.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::process::memory;

/// `position` is how the template counts.
pub(super) fn moving_line(position: &str, started: Instant) -> ProgressBar {
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
