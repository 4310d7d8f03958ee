//! Advice: what to do, as data.

/// Advice about a failure: a code for programs, and a text for people.
///
/// The error's own message contains the text, too.
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

    /// Adds the command that carries out the text.
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

    /// The problem or the action, for a person: one sentence or more.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A command that does it, if there is one: a program and its arguments, not a shell line.
    pub fn command(&self) -> Option<&[String]> {
        self.command.as_deref()
    }
}
