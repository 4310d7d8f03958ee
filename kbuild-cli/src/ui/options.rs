//! The options of the text that a person sees.

use super::style::{Style, capable_terminal};

/// The answers of the flags and the terminal about text on standard error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UiOptions {
    pub(crate) style: Style,
    pub(crate) quiet: bool,
    /// Whether a moving line stands for the steps.
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
