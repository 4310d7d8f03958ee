//! The lines that `-q` keeps until a build has ended. Only the end of a build tells whether to show
//! everything.

use kbuild::Level;

/// The lines that `-q` holds back until the build has ended.
#[derive(Debug, Default)]
pub(super) struct QuietLines {
    pub(super) lines: Vec<QuietLine>,
    /// Whether the last line was a warning. Indented lines after it belong to it.
    in_diagnostic: bool,
}

#[derive(Debug)]
pub(super) struct QuietLine {
    pub(super) text: String,
    /// Whether the line is shown after a successful build too.
    pub(super) wanted: bool,
}

impl QuietLines {
    pub(super) fn step(&mut self, text: String) {
        self.in_diagnostic = false;
        self.add(text, false);
    }

    pub(super) fn output(&mut self, text: String, level: Level) {
        self.in_diagnostic = match level {
            Level::Warning | Level::Error => true,
            _ => self.in_diagnostic && text.starts_with(char::is_whitespace),
        };
        let wanted = self.in_diagnostic || level == Level::Remark;
        self.add(text, wanted);
    }

    pub(super) fn add(&mut self, text: String, wanted: bool) {
        self.lines.push(QuietLine { text, wanted });
    }
}
