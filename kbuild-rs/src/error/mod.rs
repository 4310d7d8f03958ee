//! The one error type, opaque to callers.

mod advice;
mod message;
pub(crate) mod names;

use std::fmt;
use std::path::PathBuf;

pub use advice::Advice;
pub(crate) use message::{KeptMessages, Sink};
pub use message::{Level, Message};

/// An error: the problem and what to do.
///
/// [`Display`](fmt::Display) prints the whole message: what is wrong, where, and what to do.
/// [`kind`](Error::kind) is for programs that react to one class of failure.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    /// Text after the message: lines of a tool that failed, then their explanation.
    quoted: String,
    explained: String,
    advice: Vec<Advice>,
    unmet: Option<Box<Unmet>>,
    source: Option<std::io::Error>,
}

/// The requirements that a kernel does not meet.
#[derive(Debug)]
struct Unmet {
    checks: Vec<String>,
    inputs: Vec<PathBuf>,
}

/// The classes of failure that a caller may want to tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum ErrorKind {
    /// No kernel tree was found, or the one asked for does not exist.
    KernelNotFound,
    /// The directory exists, but `make -C` would not accept it for external modules.
    KernelNotPrepared,
    /// The requested architecture is not that of the kernel tree.
    ArchitectureMismatch,
    /// The compiler or a tool that the kernel's build needs is not on this machine.
    ToolNotFound,
    /// The kernel's configuration rules the build out, for instance without `CONFIG_MODULES`.
    KernelConfig,
    /// The kernel does not meet a requirement that the module states. Another kernel may, so several
    /// builds skip this one.
    RequirementNotMet,
    /// A named source, include folder or symvers does not exist.
    SourceNotFound,
    /// An invalid argument: a bad module name, a path that kbuild cannot handle.
    InvalidInput,
    /// make failed, or made two modules with the same name.
    BuildFailed,
    /// make succeeded but did not build a module.
    NothingBuilt,
    /// A module that this one needs could not be built.
    ProviderFailed,
    /// This process was asked to stop ([`Signals::stop`](crate::sys::Signals::stop)).
    Stopped,
    /// A variable that a build script gets from Cargo is missing.
    Environment,
    /// A program that works on finished modules failed: `strip`, `xz`, `depmod`, `dpkg-deb`, …
    ToolFailed,
    /// The operating system refused an operation: a full disk, a folder that cannot be written.
    Io,
    /// A file or folder that kbuild-rs would write to belongs to another user, was not created by
    /// kbuild-rs, or is a link that leads elsewhere.
    NotOurs,
    /// The file is not a valid `.ko` or symvers.
    InvalidFile,
    /// A module could not be signed, or a signature does not fit the module or the certificate.
    SigningFailed,
    /// The kernel only loads modules that are signed with a key that it knows, and these would not
    /// be.
    SignatureRequired,
}

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The class of this failure.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Advice: what to do, as data. The message says the same. Empty if there is no advice.
    pub fn advice(&self) -> &[Advice] {
        &self.advice
    }

    /// The requirements that are not met, in few words (`CONFIG_NET`, `kernel >=6.1`): empty unless the kind is
    /// [`ErrorKind::RequirementNotMet`].
    pub fn unmet_requirements(&self) -> &[String] {
        self.unmet.as_ref().map_or(&[], |unmet| &unmet.checks)
    }

    /// The files that decide whether these requirements are met.
    pub(crate) fn requirement_inputs(&self) -> &[PathBuf] {
        self.unmet.as_ref().map_or(&[], |unmet| &unmet.inputs)
    }

    /// Adds the requirements that are not met, and the files that decide about it.
    pub(crate) fn with_unmet(mut self, checks: Vec<String>, inputs: Vec<PathBuf>) -> Self {
        self.unmet = Some(Box::new(Unmet { checks, inputs }));
        self
    }

    /// Adds advice that the message already contains as text.
    pub(crate) fn advise(mut self, advice: Advice) -> Self {
        self.advice.push(advice);
        self
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error {
            kind,
            message: message.into(),
            quoted: String::new(),
            explained: String::new(),
            advice: Vec::new(),
            unmet: None,
            source: None,
        }
    }

    /// A failed build: its name, the lines of output about the failure, and their explanation.
    pub(crate) fn of_output(what: String, quoted: &str, advice: &[Advice]) -> Self {
        let explained = advice.iter().map(|advice| format!("\n\n{}", advice.text()));
        Error {
            quoted: quoted.to_owned(),
            explained: explained.collect(),
            advice: advice.to_vec(),
            ..Error::new(ErrorKind::BuildFailed, what)
        }
    }

    /// The message without the lines of make's output that it repeats, for a caller that has
    /// already shown these lines: each was a [`Message::Output`].
    pub fn without_output(&self) -> impl fmt::Display + '_ {
        struct Without<'a>(&'a Error);
        impl fmt::Display for Without<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", self.0.message, self.0.explained)
            }
        }
        Without(self)
    }

    pub(crate) fn input(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::InvalidInput, message)
    }

    /// Puts the subject of the failure first, for instance the variable that caused it.
    pub(crate) fn about(mut self, subject: &str) -> Self {
        self.message = format!("{subject}: {}", self.message);
        self
    }

    /// Adds a second message.
    #[cfg(feature = "install")]
    pub(crate) fn followed_by(mut self, text: &str) -> Self {
        self.message += text;
        self
    }

    /// A failure of the operating system's, in words that [`crate::sys`] has found.
    pub(crate) fn of_system(message: String, source: std::io::Error) -> Self {
        Error {
            source: Some(source),
            ..Error::new(ErrorKind::Io, message)
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.message, self.quoted, self.explained)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|e| e as _)
    }
}
