//! The progress line that changes on a terminal.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::process::memory;

/// Creates the line. `position` is the template's way to count.
pub(super) fn moving_line(position: &str, started: Instant) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        .with_elapsed(started.elapsed());
    let template = format!("{{spinner}} {position}, {{elapsed}}: {{wide_msg}}");
    // ASCII, because a console in a server room has no braille. An invalid template only changes
    // the look of the line.
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.tick_chars("|/-\\ "));
    }
    // The steady tick starts a thread, and panics if that fails. Without it, the line only changes
    // with each event.
    if memory::thread(|| ()).is_some_and(|thread| thread.join().is_ok()) {
        bar.enable_steady_tick(Duration::from_millis(120));
    }
    bar
}
