//! What to do, as data.

/// Advice about a failure: what programs can tell apart, and what a person can do.
///
/// The text is part of the failure's own message, too.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Advice {
    code: &'static str,
    /// `message` in JSON, as in errors.
    #[cfg_attr(feature = "serde", serde(rename = "message"))]
    text: String,
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    command: Option<Vec<String>>,
}

impl Advice {
    pub(crate) fn new(code: &'static str, text: impl Into<String>) -> Advice {
        Advice {
            code,
            text: text.into(),
            command: None,
        }
    }

    /// Adds the command that does what the text says.
    pub(crate) fn with_command(self, command: Vec<String>) -> Advice {
        Advice {
            command: Some(command),
            ..self
        }
    }

    /// The cause, in kebab-case: `missing-compiler`. It stays the same from release to release.
    pub fn code(&self) -> &str {
        self.code
    }

    /// What is wrong or what to do, for a person: one sentence or more.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A command that does it, where there is one: a program and its arguments, for no shell.
    pub fn command(&self) -> Option<&[String]> {
        self.command.as_deref()
    }
}
