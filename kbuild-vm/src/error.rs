//! The errors of this crate, as data.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// The reason why a command or a guest gave no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file of the host could not be read or written.
    File {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A guest needs a module that is not in the kernel's folder and not built in.
    NoModule {
        /// The module, as the caller named it.
        name: String,
        /// The kernel's folder of modules.
        folder: PathBuf,
    },
    /// A command could not be started, or could not be waited for.
    Start {
        /// The command line.
        command: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A command ended with an exit status other than 0.
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its output.
        said: String,
    },
    /// A command exceeded its limits and was killed with all processes that it had started.
    Killed {
        /// The command line.
        command: String,
        /// The limit: `after 180 s without progress`.
        why: String,
        /// The last lines of its output, if the caller did not read them itself.
        said: String,
    },
    /// The caller asked to stop.
    Stopped,
    /// A file is not a module that this crate can read.
    NotAModule {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// Modules cannot be loaded together: they need each other, come twice, or are for several kernels.
    Modules {
        /// The problem, with the names of the modules.
        why: String,
    },
    /// Something that a guest is made of is not on this machine.
    Missing {
        /// The missing thing, and the remedy.
        what: String,
    },
    /// A guest ended before its script did: the kernel panicked, or QEMU did not start it.
    NoVerdict {
        /// The kernel's release.
        release: String,
        /// The last lines of its console.
        said: String,
    },
}

impl Error {
    /// Turns the system's error about a file into an error of this crate.
    pub(crate) fn file(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
        |source| Error::File {
            path: path.to_owned(),
            source,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::File { path, source } => write!(f, "{}: {source}", path.display()),
            Error::NoModule { name, folder } => {
                write!(f, "there is no module `{name}` in {}", folder.display())
            }
            Error::Start { command, source } => write!(f, "cannot run `{command}`: {source}"),
            Error::Failed {
                command,
                status,
                said,
            } => write!(f, "`{command}` failed ({status}); its last words:\n{said}"),
            Error::Killed { command, why, said } => {
                write!(f, "`{command}` was killed {why}")?;
                match said.as_str() {
                    "" => Ok(()),
                    said => write!(f, "; its last words:\n{said}"),
                }
            }
            Error::Stopped => f.write_str("stopped"),
            Error::NotAModule { path, why } => {
                write!(f, "{} is not a kernel module: {why}", path.display())
            }
            Error::Modules { why } => f.write_str(why),
            Error::Missing { what } => f.write_str(what),
            Error::NoVerdict { release, said } => write!(
                f,
                "the guest of {release} ended without a verdict; its console:\n{said}"
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::File { source, .. } | Error::Start { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// For callers whose errors are messages for a person.
impl From<Error> for String {
    fn from(error: Error) -> String {
        error.to_string()
    }
}
