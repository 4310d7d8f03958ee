//! Options of the text for people.

use super::style::{Style, capable_terminal};

/// The settings of text on standard error, from the flags and the terminal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UiOptions {
    pub(crate) style: Style,
    pub(crate) quiet: bool,
    /// Whether a moving line replaces the steps.
    pub(crate) animated: bool,
}

impl UiOptions {
    pub(crate) fn new(style: Style, quiet: bool) -> Self {
        UiOptions {
            style,
            quiet,
            animated: !quiet && capable_terminal(),
        }
    }
}
