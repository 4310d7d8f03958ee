//! Failures, and their exit codes.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use kbuild::{Advice, ErrorKind};

/// A failure of the library, or of the program itself.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: ErrorKind,
    advice: Vec<Advice>,
    message: String,
    /// The message for people who have seen make's output.
    for_person: Option<String>,
    is_wrong_call: bool,
}

impl Failure {
    /// The call cannot work: exit code 2.
    pub(crate) fn wrong_call(message: impl Into<String>) -> Self {
        Failure {
            is_wrong_call: true,
            ..Failure::new(ErrorKind::InvalidInput, message)
        }
    }

    /// The call was right, but has no result.
    pub(crate) fn no_result(message: impl Into<String>) -> Self {
        Failure::new(ErrorKind::InvalidFile, message)
    }

    /// kbuild-rs would write to a file or folder that it did not create.
    pub(crate) fn not_ours(message: impl Into<String>) -> Self {
        Failure::new(ErrorKind::NotOurs, message)
    }

    /// A program that this one started has failed.
    pub(crate) fn tool(message: impl Into<String>) -> Self {
        Failure::new(ErrorKind::ToolFailed, message)
    }

    /// The program itself cannot `verb` ("write") a file.
    pub(crate) fn file(verb: &str, path: &Path, error: &io::Error) -> Self {
        let limit = kbuild::limit_behind(error).unwrap_or_default();
        let path = path.display();
        Failure::new(
            ErrorKind::Io,
            format!("cannot {verb} {path}: {error}{limit}"),
        )
    }

    #[cfg(all(test, feature = "test"))]
    pub(crate) fn unmet() -> Self {
        Failure::new(ErrorKind::RequirementNotMet, "the kernel is too old")
    }

    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Failure {
            kind,
            advice: Vec::new(),
            message: message.into(),
            for_person: None,
            is_wrong_call: false,
        }
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Advice: what to do, as data.
    pub(crate) fn advice(&self) -> &[Advice] {
        &self.advice
    }

    /// The message for people. make's output is above it.
    pub(crate) fn for_person(&self) -> &str {
        self.for_person.as_deref().unwrap_or(&self.message)
    }

    /// Whether make ran, and the cause is in the sources.
    pub(crate) fn is_of_sources(&self) -> bool {
        matches!(self.kind, ErrorKind::BuildFailed | ErrorKind::NothingBuilt)
    }

    /// Whether the kernel does not meet a stated requirement.
    pub(crate) fn is_skip(&self) -> bool {
        self.kind == ErrorKind::RequirementNotMet
    }

    /// Whether the call was wrong, and not the machine or the sources.
    pub(crate) fn is_wrong_call(&self) -> bool {
        self.is_wrong_call
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<kbuild::Error> for Failure {
    fn from(error: kbuild::Error) -> Self {
        Failure::from(&error)
    }
}

impl From<&kbuild::Error> for Failure {
    fn from(error: &kbuild::Error) -> Self {
        Failure {
            for_person: Some(error.without_output().to_string()),
            advice: error.advice().to_vec(),
            // A missing kernel or compiler is the machine's fault, because the same call works on
            // another machine.
            is_wrong_call: matches!(
                error.kind(),
                ErrorKind::InvalidInput | ErrorKind::SourceNotFound
            ),
            ..Failure::new(error.kind(), error.to_string())
        }
    }
}

/// The exit code of these failures: 2 if only the call was wrong, 77 if only requirements were not met,
/// else 1.
pub(crate) fn exit_code<'a>(failures: impl IntoIterator<Item = &'a Failure>) -> ExitCode {
    let mut code = 0;
    for failure in failures {
        let own = match (failure.is_wrong_call(), failure.is_skip()) {
            (true, _) => 2,
            (_, true) => 77,
            _ => 1,
        };
        code = if code == 0 || code == own { own } else { 1 };
    }
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Failure {
        Failure::new(ErrorKind::Io, "")
    }

    #[test]
    fn the_exit_code_is_2_only_if_nothing_but_the_call_was_wrong() {
        let code = |failures: &[Failure]| format!("{:?}", exit_code(failures));
        let number = |n: u8| format!("{:?}", ExitCode::from(n));
        assert_eq!(code(&[]), number(0));
        assert_eq!(code(&[Failure::wrong_call("x")]), number(2));
        assert_eq!(code(&[machine()]), number(1));
        assert_eq!(code(&[Failure::wrong_call("x"), machine()]), number(1));
        assert_eq!(code(&[machine(), Failure::wrong_call("x")]), number(1));
        let skip = || Failure::new(ErrorKind::RequirementNotMet, "");
        assert_eq!(code(&[skip(), skip()]), number(77));
        assert_eq!(code(&[skip(), machine()]), number(1));
        assert_eq!(code(&[Failure::wrong_call("x"), skip()]), number(1));
    }
}
