//! The result of a dry run.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use crate::Kernel;
use crate::syntax::shell_quote;

/// The commands of a dry run, see [`Build::plan`](crate::Build::plan).
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) kernel: Kernel,
    pub(crate) stage: PathBuf,
    pub(crate) cwd: PathBuf,
    pub(crate) program: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    /// The names of those whose values come from outside or from the caller.
    pub(crate) not_ours: Vec<OsString>,
    pub(crate) sandbox: Option<SandboxView>,
}

/// The network, files and folders that make could use in the sandbox of a build. Its standard streams
/// and the jobserver are not listed. A folder includes its contents, unless another entry lists them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SandboxView {
    /// Whether the build can use the network of the machine.
    pub network: bool,
    /// Files and folders that the build can read.
    pub read: Vec<PathBuf>,
    /// Files, folders and devices that the build can read and write.
    pub write: Vec<PathBuf>,
    /// Folders that start empty. The build can write to them, and they are removed at its end.
    pub empty: Vec<PathBuf>,
}

impl Plan {
    /// The kernel that would be built against.
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The stage: the private copy of the sources that kbuild would build in.
    pub fn stage(&self) -> &Path {
        &self.stage
    }

    /// The whole environment that make would get. Values that kbuild-rs did not set itself may be
    /// secrets: show [`shown_env`](Self::shown_env).
    pub fn env(&self) -> &[(OsString, OsString)] {
        &self.env
    }

    /// The environment for people and logs: each name, with its value where kbuild-rs set it.
    pub fn shown_env(&self) -> impl Iterator<Item = (&OsStr, Option<&OsStr>)> {
        self.env.iter().map(|(name, value)| {
            let shown = !self.not_ours.contains(name);
            (&**name, shown.then_some(&**value))
        })
    }

    /// make's arguments.
    pub fn args(&self) -> &[OsString] {
        &self.args
    }

    /// The view of the sandbox; `None` for a build without one.
    pub fn sandbox(&self) -> Option<&SandboxView> {
        self.sandbox.as_ref()
    }
}

impl fmt::Display for SandboxView {
    /// A line for each entry: `read /usr`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let network = if self.network {
            "network"
        } else {
            "no network"
        };
        f.write_str(network)?;
        let entries = [
            ("read", &self.read),
            ("write", &self.write),
            ("empty", &self.empty),
        ];
        for (access, paths) in entries {
            for path in paths {
                let text = path.to_string_lossy();
                match text.chars().any(char::is_control) {
                    true => write!(f, "\n{access} {text:?}")?,
                    false => write!(f, "\n{access} {text}")?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Plan {
    /// A shell command that does the same, once the stage has been filled. Values that kbuild-rs
    /// did not set come from the shell: `TOKEN="$TOKEN"`. Comments tell what the sandbox shows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let view = self.sandbox.as_ref().map(SandboxView::to_string);
        for line in view.iter().flat_map(|view| view.lines()) {
            writeln!(f, "# sandbox: {line}")?;
        }
        write!(f, "cd {} && env -i", shell_quote(self.cwd.as_os_str()))?;
        for (name, value) in self.shown_env() {
            match (value, name.to_str()) {
                (Some(value), _) => {
                    let mut pair = name.to_owned();
                    pair.push("=");
                    pair.push(value);
                    write!(f, " \\\n  {}", shell_quote(&pair))?;
                }
                (None, Some(name)) if is_identifier(name) => {
                    write!(f, " \\\n  {name}=\"${name}\"")?;
                }
                // No shell can be asked for it.
                (None, _) => {}
            }
        }
        write!(f, " \\\n  {}", shell_quote(&self.program))?;
        for arg in &self.args {
            write!(f, " \\\n    {}", shell_quote(arg))?;
        }
        Ok(())
    }
}

fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    let starts = chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    starts && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_a_sandbox_stays_in_its_line() {
        let view = SandboxView {
            read: vec!["/a b".into(), "/a\nrm -r x".into()],
            ..SandboxView::default()
        };
        assert_eq!(
            view.to_string(),
            "no network\nread /a b\nread \"/a\\nrm -r x\""
        );
    }
}
