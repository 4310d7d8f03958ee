//! The JSON that the program prints: one object a line, `reason` first, keys in snake case as
//! Cargo's are. docs/vocabulary.md lists the keys.
//!
//! JSON text is UTF-8. In a path that is not, U+FFFD replaces the invalid bytes.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use kbuild::{Advice, ErrorKind, Message, SandboxView};
use serde::Serialize;

use super::failure::Failure;
use super::streams;

/// The build that an object is about, if there are several.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct BuildId {
    /// The kernel's release, if there are several kernels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) release: Option<String>,
    /// The module tree, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tree: Option<String>,
}

/// A message of the library, and its build.
#[derive(Serialize)]
pub(crate) struct BuildMessage<'a> {
    #[serde(flatten)]
    pub(crate) message: &'a Message<'a>,
    #[serde(flatten)]
    pub(crate) build: BuildId,
}

/// The failure that an object contains instead of results.
#[derive(Serialize)]
pub(crate) struct Reason {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
    pub(crate) advice: Vec<Advice>,
}

/// The network, files and folders that the sandbox of a build would allow.
#[derive(Serialize)]
pub(crate) struct SandboxJson {
    network: bool,
    read: Vec<String>,
    write: Vec<String>,
    empty: Vec<String>,
}

impl From<&SandboxView> for SandboxJson {
    fn from(view: &SandboxView) -> Self {
        let paths = |paths: &[PathBuf]| paths.iter().map(|one| path(one)).collect();
        SandboxJson {
            network: view.network,
            read: paths(&view.read),
            write: paths(&view.write),
            empty: paths(&view.empty),
        }
    }
}

impl From<&Failure> for Reason {
    fn from(failure: &Failure) -> Self {
        Reason {
            kind: failure.kind(),
            message: failure.to_string(),
            advice: failure.advice().to_vec(),
        }
    }
}

/// Everything else that `build` reports.
#[derive(Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub(crate) enum Event<'a> {
    /// A module that was built or is up to date.
    ModuleArtifact {
        release: &'a str,
        name: &'a str,
        path: String,
        fresh: bool,
        cached: bool,
        symvers: Option<String>,
        vermagic: &'a str,
        licenses: &'a [String],
        depends: &'a [String],
    },
    /// A file that `--product` asked for, by its path below the output directory.
    ProductArtifact {
        release: &'a str,
        name: String,
        path: String,
        fresh: bool,
        cached: bool,
    },
    /// A file that `--target` asked for.
    TargetArtifact {
        release: &'a str,
        path: String,
        fresh: bool,
        cached: bool,
    },
    /// The command that `--dry-run` shows.
    Plan {
        release: &'a str,
        stage: String,
        /// Variables whose values may be secrets from outside have none.
        env: BTreeMap<String, Option<String>>,
        args: Vec<String>,
        /// The whole command as a line for a shell.
        shell: String,
        /// The view of the sandbox; `null` without one.
        sandbox: Option<SandboxJson>,
    },
    /// The failure of the build, or of one of several.
    Error {
        kind: ErrorKind,
        message: String,
        advice: &'a [Advice],
        #[serde(flatten)]
        build: BuildId,
    },
    /// The end of one of several builds: `outcome` is built, cached, fresh, failed, not-built,
    /// skipped or stopped.
    BuildResult {
        release: &'a str,
        /// The module tree as the caller named it; `None` for a declared module.
        tree: Option<&'a str>,
        /// The declared module; `None` for a module tree.
        name: Option<&'a str>,
        outcome: &'a str,
        seconds: f64,
        /// Why it was skipped.
        message: Option<String>,
        modules: Vec<&'a str>,
    },
    /// The last line.
    BuildFinished { success: bool },
    /// The answer to a question of `probe`.
    ProbeAnswer {
        name: &'a str,
        answer: bool,
        log: Option<String>,
    },
    /// The last line of `probe`. `inputs` are the files that decided the answers.
    ProbeFinished { success: bool, inputs: Vec<String> },
}

/// Prints one object as one line.
pub(crate) fn print(object: &impl Serialize) {
    // Strings, numbers and lists of them always serialize.
    if let Ok(line) = serde_json::to_vec(object) {
        streams::result(line);
    }
}

/// An argument or a variable for JSON.
pub(crate) fn text(text: &OsStr) -> String {
    text.to_string_lossy().into_owned()
}

/// A path for JSON, absolute, because the reader may work in another folder.
pub(crate) fn path(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    text(absolute.as_os_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_keeps_its_own_reason_and_gains_the_release() {
        let message = Message::Step {
            action: "CC [M]",
            target: "hello.o",
        };
        let line = |release: Option<&str>| {
            let build = BuildId {
                release: release.map(str::to_owned),
                tree: None,
            };
            serde_json::to_string(&BuildMessage {
                message: &message,
                build,
            })
            .unwrap()
        };
        assert_eq!(
            line(None),
            r#"{"reason":"step","action":"CC [M]","target":"hello.o"}"#
        );
        assert_eq!(
            line(Some("6.1.0")),
            r#"{"reason":"step","action":"CC [M]","target":"hello.o","release":"6.1.0"}"#
        );
    }

    #[test]
    fn the_last_line_tells_success() {
        let line = serde_json::to_string(&Event::BuildFinished { success: true }).unwrap();
        assert_eq!(line, r#"{"reason":"build-finished","success":true}"#);
    }
}
